import { type RequestFacts, requestContext } from '../../src/policy/context';
import { noIdentity } from '../../src/policy/identity';
import type { ConditionValue } from '../../src/policy/policy';
import type { Principal, Session } from '../../src/policy/principal';
import { viaServiceName } from '../../src/policy/via-service';
import { refusalOf } from '../support/refusal';
import { accountId, callFacts, rootOf, userOf } from '../support/sample-keys';

const now = new Date('2026-11-25T12:00:00.500Z');
const alice = userOf(accountId, 'alice');
const session: Session = {
  issuedAt: new Date('2026-11-25T11:00:00Z'),
  expiresAt: new Date('2026-11-25T13:00:00Z'),
  policies: [],
  tags: {},
  transitiveTagKeys: [],
};
const roleSession: Principal = {
  ...alice,
  kind: 'assumed-role',
  arn: `arn:aws:sts::${accountId}:assumed-role/reader/s`,
  principalId: 'AROAAAAAAAAAAAAAAAAA1:s',
  userName: undefined,
  session: {
    ...session,
    role: {
      roleId: 'AROAAAAAAAAAAAAAAAAA1',
      arn: `arn:aws:iam::${accountId}:role/team/reader`,
      name: 'reader',
      sessionName: 's',
    },
  },
};
const service: Principal = {
  ...alice,
  kind: 'service',
  arn: 's3.amazonaws.com',
  principalId: 's3.amazonaws.com',
};

const facts = (different: Partial<RequestFacts> = {}): RequestFacts => ({
  caller: alice,
  identity: noIdentity,
  origin: callFacts.origin,
  now,
  region: 'eu-west-1',
  ...different,
});
const value = (key: string, different: Partial<RequestFacts> = {}): ConditionValue | undefined =>
  requestContext(facts(different), []).get(key.toLowerCase());
const withSession = (more: Partial<Session>): { caller: Principal } => ({
  caller: { ...alice, session: { ...session, ...more } },
});
const from = (more: Partial<RequestFacts['origin']>): { origin: RequestFacts['origin'] } => ({
  origin: { ...callFacts.origin, ...more },
});

describe('global condition keys', () => {
  test('have as much of a header as the audit keeps', () => {
    const long = from({ userAgent: 'a'.repeat(30_000), referer: 'b'.repeat(30_000) });
    expect(value('aws:UserAgent', long)).toBe('a'.repeat(1024));
    expect(value('aws:Referer', long)).toBe('b'.repeat(1024));
  });

  test.each<[string, Partial<RequestFacts>, ConditionValue | undefined]>([
    ['aws:PrincipalArn', {}, alice.arn],
    ['aws:PrincipalArn', { caller: roleSession }, `arn:aws:iam::${accountId}:role/team/reader`],
    ['aws:PrincipalArn', { caller: rootOf(accountId) }, `arn:aws:iam::${accountId}:root`],
    ['aws:PrincipalArn', { caller: service }, undefined],
    ['aws:PrincipalAccount', {}, accountId],
    ['aws:PrincipalAccount', { caller: service }, undefined],
    ['aws:PrincipalType', {}, 'User'],
    ['aws:PrincipalType', { caller: rootOf(accountId) }, 'Account'],
    ['aws:PrincipalType', { caller: roleSession }, 'AssumedRole'],
    ['aws:userid', { caller: roleSession }, 'AROAAAAAAAAAAAAAAAAA1:s'],
    ['aws:username', {}, 'alice'],
    ['aws:username', { caller: roleSession }, undefined],
    ['aws:PrincipalIsAWSService', {}, 'false'],
    ['aws:PrincipalIsAWSService', { caller: service }, 'true'],
    ['aws:PrincipalServiceName', { caller: service }, 's3.amazonaws.com'],
    ['aws:PrincipalServiceName', {}, undefined],
    ['aws:SourceIp', {}, '127.0.0.1'],
    ['aws:VpcSourceIp', {}, undefined],
    ['aws:SourceIp', from({ zone: { vpcId: 'vpc-1', vpceId: 'vpce-1' } }), undefined],
    ['aws:VpcSourceIp', from({ zone: { vpcId: 'vpc-1' } }), '127.0.0.1'],
    ['aws:SourceVpc', from({ zone: { vpcId: 'vpc-1' } }), 'vpc-1'],
    ['aws:SourceVpce', from({ zone: { vpceId: 'vpce-1' } }), 'vpce-1'],
    ['aws:SecureTransport', {}, String(callFacts.origin.secureTransport)],
    ['aws:SecureTransport', from({ secureTransport: true }), 'true'],
    ['aws:UserAgent', from({ userAgent: 'aws-cli/2' }), 'aws-cli/2'],
    ['aws:Referer', from({ referer: 'https://example.org/' }), 'https://example.org/'],
    ['aws:SourceArn', from({ sourceArn: 'arn:aws:s3:::b', sourceAccount: '1' }), undefined],
    [
      'aws:SourceArn',
      { caller: service, ...from({ sourceArn: 'arn:aws:s3:::b' }) },
      'arn:aws:s3:::b',
    ],
    ['aws:SourceAccount', { caller: service, ...from({ sourceAccount: accountId }) }, accountId],
    ['aws:CurrentTime', {}, '2026-11-25T12:00:00.500Z'],
    ['aws:EpochTime', {}, String(Math.floor(now.getTime() / 1000))],
    ['aws:RequestedRegion', {}, 'eu-west-1'],
    ['aws:TokenIssueTime', {}, undefined],
    ['aws:TokenIssueTime', withSession({}), '2026-11-25T11:00:00.000Z'],
    ['aws:MultiFactorAuthPresent', {}, undefined],
    ['aws:MultiFactorAuthPresent', withSession({}), 'false'],
    ['aws:MultiFactorAuthPresent', withSession({ mfaAuthenticatedAt: session.issuedAt }), 'true'],
    ['aws:MultiFactorAuthAge', withSession({ mfaAuthenticatedAt: session.issuedAt }), '3600'],
    ['aws:MultiFactorAuthAge', withSession({}), undefined],
    ['aws:SourceIdentity', withSession({ sourceIdentity: 'ann' }), 'ann'],
    ['aws:ViaAWSService', {}, 'false'],
    ['aws:ViaAWSService', withSession({ via: 's3.amazonaws.com' }), 'true'],
    ['aws:CalledVia', withSession({ via: 's3.amazonaws.com' }), ['s3.amazonaws.com']],
    ['aws:CalledViaFirst', withSession({ via: 's3.amazonaws.com' }), 's3.amazonaws.com'],
    ['aws:CalledViaLast', {}, undefined],
    ['kms:ViaService', withSession({ via: 's3.amazonaws.com' }), undefined],
    ['kms:GrantIsForAWSResource', withSession({ via: 's3.amazonaws.com' }), undefined],
    ['aws:PrincipalOrgID', {}, undefined],
    ['constructor', {}, undefined],
    ['constructor', withSession({ webIdentity: { provider: 'p', claims: {} } }), undefined],
    ['__proto__', {}, undefined],
  ])('%s', (key, different, expected) => {
    expect(value(key, different)).toEqual(expected);
  });

  test('aws:PrincipalTag is a tag of the session before one of the principal, in any case of its key', () => {
    const identity = { ...noIdentity, tags: { Team: 'a', cost: '1' } };
    expect(value('aws:PrincipalTag/TEAM', { identity })).toBe('a');
    const tagged = { identity, ...withSession({ tags: { team: 'b' } }) };
    expect(value('aws:PrincipalTag/Team', tagged)).toBe('b');
    expect(value('aws:PrincipalTag/Cost', tagged)).toBe('1');
    expect(value('aws:PrincipalTag/none', tagged)).toBeUndefined();
  });

  test('a web identity brings its provider and the claims of its token', () => {
    const webIdentity = {
      provider: `arn:aws:iam::${accountId}:oidc-provider/id.example.org`,
      claims: { 'id.example.org:sub': 'pod', 'id.example.org:aud': ['a', 'b'] },
    };
    const caller = withSession({ webIdentity });
    expect(value('aws:FederatedProvider', caller)).toBe(webIdentity.provider);
    expect(value('id.example.org:sub', caller)).toBe('pod');
    expect(value('id.example.org:aud', caller)).toEqual(['a', 'b']);
    expect(value('other.example.org:sub', caller)).toBeUndefined();
    expect(value('constructor', caller)).toBeUndefined();
  });
});

describe('what operations and resources supply', () => {
  const context = (...layers: Parameters<typeof requestContext>[1]) =>
    requestContext(facts(), layers);

  test('is found in any case, the first layer winning', () => {
    const found = context({ 'kms:KeySpec': 'A' }, undefined, () => ({
      'kms:keyspec': 'B',
      'kms:KeyUsage': 'C',
    }));
    expect(found.get('kms:keyspec')).toBe('A');
    expect(found.get('kms:keyusage')).toBe('C');
    expect(found.get('kms:keyorigin')).toBeUndefined();
  });

  test('is absent when it is undefined', () => {
    const found = context({ 'kms:RequestAlias': undefined }, { 'kms:RequestAlias': 'alias/a' });
    expect(found.get('kms:requestalias')).toBe('alias/a');
  });

  test('of names that differ in case alone is a denial when a policy asks for it, so that none hides another', async () => {
    const pairs = {
      'kms:EncryptionContext:dept': 'x',
      'kms:EncryptionContext:DEPT': 'y',
      'kms:KeySpec': 'A',
    };
    const found = context(pairs);
    expect(found.get('kms:keyspec')).toBe('A');
    expect(await refusalOf(() => found.get('kms:encryptioncontext:dept'))).toEqual({
      code: 'AccessDeniedException',
      message:
        'A policy asks for the condition key kms:encryptioncontext:dept, of which there are two that differ only in case.',
    });
  });

  test('cannot be taken for a global key', () => {
    expect(context({ 'aws:ResourceAccount': accountId }).get('aws:resourceaccount')).toBe(
      accountId,
    );
    expect(context({ ['__proto__']: ['aws:username', 'root'] }).get('aws:username')).toBe('alice');
  });

  test('is not made before a policy asks', () => {
    const asked = jest.fn(() => ({ 'kms:KeySpec': 'A' }));
    const found = context(asked);
    expect(asked).not.toHaveBeenCalled();
    found.get('kms:keyspec');
    found.get('kms:keyusage');
    expect(asked).toHaveBeenCalledTimes(1);
  });
});

test.each([
  ['s3.amazonaws.com', 's3.us-east-1.amazonaws.com'],
  ['docs.claviger.internal', 'docs.us-east-1.claviger.internal'],
  ['local', 'local'],
])('kms:ViaService of %s', (name, expected) => {
  expect(viaServiceName(name, 'us-east-1')).toBe(expected);
});
