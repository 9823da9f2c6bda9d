import { CreateOpenIDConnectProviderCommand, TagUserCommand } from '@aws-sdk/client-iam';
import { EncryptCommand, type KMSClient } from '@aws-sdk/client-kms';
import { AssumeRoleWithWebIdentityCommand, GetSessionTokenCommand } from '@aws-sdk/client-sts';
import {
  type Asker,
  type ConditionRow,
  type ConditionStage,
  conditionVerdicts,
  openConditionStage,
  sendWith,
} from '../support/condition-stage';
import type { TestCredentials } from '../support/daemon';
import { iamClient, makeAccessKey } from '../support/iam-client';
import { clientOf } from '../support/kms';
import { type OidcIssuer, audience, startIssuer } from '../support/oidc-issuer';
import { assume, makeRole, stsClient, taken } from '../support/sts-client';

/** The condition keys of kms-semantics §6.9, of the request and of the kinds of callers that have an account. */
let stage: ConditionStage;
let issuer: OidcIssuer;
let issuerName: string;
let provider: string;
const askers: Record<'role' | 'token' | 'web', Asker | undefined> = {
  role: undefined,
  token: undefined,
  web: undefined,
};

beforeAll(async () => {
  issuer = await startIssuer();
  issuerName = issuer.name;
  stage = await openConditionStage({
    environment: {
      CLAVIGER_TRUSTED_PROXIES: '127.0.0.0/8',
      CLAVIGER_NETWORK_ZONES: '10.1.0.0/16=vpc-1/vpce-2',
    },
  });
  const { daemon } = stage;
  const iam = iamClient(daemon);
  const Tags = [{ Key: 'Team', Value: 'blue' }];
  await iam.send(new TagUserCommand({ UserName: 'alice', Tags }));
  const RoleArn = await makeRole(daemon, 'Reader', { Tags: [{ Key: 'Team', Value: 'green' }] });
  const aliceKey = await makeAccessKey(iam, 'alice');
  await stage.putUserPolicy([{ Action: 'sts:*' }]);
  const session = await assume(stsClient(daemon, aliceKey), {
    ...{ RoleArn, SourceIdentity: 'ann', Tags: [{ Key: 'Shift', Value: 'night' }] },
  });
  askers.role = asker(
    { AWS: RoleArn },
    'arn:aws:sts::111122223333:assumed-role/Reader/the-session',
    session,
  );
  const { Credentials } = await stsClient(daemon, aliceKey).send(new GetSessionTokenCommand({}));
  askers.token = asker(stage.alice.principal, stage.alice.name, taken(Credentials));
  askers.web = await webAsker();
});
afterAll(() => Promise.all([stage.daemon.remove(), issuer.close()]));

function asker(principal: object, name: string, credentials: TestCredentials): Asker {
  return { principal, name, kms: clientOf(stage.daemon, credentials) };
}

async function webAsker(): Promise<Asker> {
  const { daemon } = stage;
  const { OpenIDConnectProviderArn = '' } = await iamClient(daemon).send(
    new CreateOpenIDConnectProviderCommand({ Url: issuer.url, ClientIDList: [audience] }),
  );
  provider = OpenIDConnectProviderArn;
  const AssumeRolePolicyDocument = JSON.stringify({
    Version: '2012-10-17',
    Statement: {
      ...{ Effect: 'Allow', Principal: { Federated: provider } },
      Action: 'sts:AssumeRoleWithWebIdentity',
      Condition: { StringEquals: { [`${issuer.name}:aud`]: audience } },
    },
  });
  const RoleArn = await makeRole(daemon, 'Till', { AssumeRolePolicyDocument });
  const { Credentials } = await stsClient(daemon).send(
    new AssumeRoleWithWebIdentityCommand({
      ...{ RoleArn, RoleSessionName: 'pod-1', WebIdentityToken: await issuer.token() },
    }),
  );
  const name = 'arn:aws:sts::111122223333:assumed-role/Till/pod-1';
  return asker({ AWS: RoleArn }, name, taken(Credentials));
}

type Row = Omit<ConditionRow, 'action' | 'send' | 'by'> & {
  readonly headers?: Readonly<Record<string, string>>;
  readonly by?: keyof typeof askers;
};

const equals = (met: string, unmet: string) => ['StringEquals', met, unmet] as const;
const inZone = { 'x-forwarded-for': '10.1.2.3' };
const afar = { 'x-forwarded-for': '203.0.113.7' };
const claimed = {
  'x-amz-source-arn': 'arn:aws:s3:::bucket-of-docs',
  'x-amz-source-account': '111122223333',
};
const since = ['DateGreaterThan', '2020-01-01T00:00:00Z', '2099-01-01T00:00:00Z'] as const;

const ofRequest: readonly Row[] = [
  { key: 'aws:SourceIp', met: ['IpAddress', '127.0.0.0/8', '10.0.0.0/8'] },
  { key: 'aws:SourceIp', headers: afar, met: ['IpAddress', '203.0.113.7', '127.0.0.0/8'] },
  { key: 'aws:VpcSourceIp', headers: afar },
  { key: 'aws:SourceVpc' },
  { key: 'aws:SourceVpce' },
  { key: 'aws:SourceIp', headers: inZone },
  { key: 'aws:VpcSourceIp', headers: inZone, met: ['IpAddress', '10.1.2.0/24', '10.1.3.0/24'] },
  { key: 'aws:SourceVpc', headers: inZone, met: equals('vpc-1', 'vpc-2') },
  { key: 'aws:SourceVpce', headers: inZone, met: equals('vpce-2', 'vpce-1') },
  { key: 'aws:SecureTransport', met: ['Bool', 'false', 'true'] },
  {
    ...{ key: 'aws:SecureTransport', headers: { 'x-forwarded-proto': 'https' } },
    met: ['Bool', 'true', 'false'],
  },
  {
    ...{ key: 'aws:UserAgent', headers: { 'user-agent': 'till/1.0 (shop)' } },
    met: ['StringLike', 'till/*', 'curl/*'],
  },
  { key: 'aws:Referer' },
  {
    ...{ key: 'aws:Referer', headers: { referer: 'https://shop.example/till' } },
    met: ['StringLike', 'https://shop.example/*', 'https://other.example/*'],
  },
  { key: 'aws:RequestedRegion', met: equals('us-east-1', 'us-west-2') },
  { key: 'aws:CurrentTime', met: since },
  { key: 'aws:EpochTime', met: ['NumericGreaterThan', '1600000000', '4000000000'] },
  { key: 'aws:ResourceAccount', met: equals('111122223333', '444455556666') },
];

const ofUser: readonly Row[] = [
  { key: 'aws:PrincipalArn', met: ['ArnLike', 'arn:aws:iam::*:user/al*', 'arn:aws:iam::*:role/*'] },
  { key: 'aws:PrincipalAccount', met: equals('111122223333', '444455556666') },
  { key: 'aws:PrincipalType', met: equals('User', 'AssumedRole') },
  { key: 'aws:userid', met: ['StringLike', 'AIDA*', 'AROA*'] },
  { key: 'aws:username', met: equals('alice', 'Alice') },
  { key: 'aws:PrincipalTag/TEAM', met: equals('blue', 'green') },
  { key: 'aws:PrincipalTag/Shift' },
  { key: 'aws:TokenIssueTime' },
  { key: 'aws:MultiFactorAuthPresent' },
  { key: 'aws:MultiFactorAuthAge' },
  { key: 'aws:SourceIdentity' },
  { key: 'aws:FederatedProvider' },
  { key: 'aws:PrincipalIsAWSService', met: ['Bool', 'false', 'true'] },
  { key: 'aws:PrincipalServiceName' },
  { key: 'aws:PrincipalServiceNamesList' },
  { key: 'aws:ViaAWSService', met: ['Bool', 'false', 'true'] },
  { key: 'aws:CalledVia' },
  { key: 'aws:CalledViaFirst' },
  { key: 'aws:CalledViaLast' },
  { key: 'aws:PrincipalOrgID' },
  { key: 'aws:SourceArn', headers: claimed },
  { key: 'aws:SourceAccount', headers: claimed },
];

/** Their policies are the key's: an identity policy of a role is no other thing. */
const ofSessions: readonly Row[] = [
  {
    ...{ by: 'role', key: 'aws:PrincipalArn' },
    met: ['ArnEquals', 'arn:aws:iam::111122223333:role/Reader', 'arn:aws:sts::*:assumed-role/*'],
  },
  { by: 'role', key: 'aws:PrincipalType', met: equals('AssumedRole', 'User') },
  { by: 'role', key: 'aws:userid', met: ['StringLike', 'AROA*:the-session', 'AROA*:other'] },
  { by: 'role', key: 'aws:username' },
  { by: 'role', key: 'aws:PrincipalTag/team', met: equals('green', 'blue') },
  { by: 'role', key: 'aws:PrincipalTag/shift', met: equals('night', 'day') },
  { by: 'role', key: 'aws:TokenIssueTime', met: since },
  { by: 'role', key: 'aws:MultiFactorAuthPresent', met: ['Bool', 'false', 'true'] },
  { by: 'role', key: 'aws:MultiFactorAuthAge' },
  { by: 'role', key: 'aws:SourceIdentity', met: equals('ann', 'bob') },
  { by: 'role', key: 'aws:FederatedProvider' },
  { by: 'role', key: 'aws:SourceArn', headers: claimed },
  { by: 'token', key: 'aws:username', met: equals('alice', 'bob') },
  { by: 'token', key: 'aws:PrincipalType', met: equals('User', 'AssumedRole') },
  { by: 'token', key: 'aws:PrincipalTag/team', met: equals('blue', 'green') },
  { by: 'token', key: 'aws:TokenIssueTime', met: since },
  { by: 'token', key: 'aws:MultiFactorAuthPresent', met: ['Bool', 'false', 'true'] },
  { by: 'web', key: 'aws:PrincipalType', met: equals('AssumedRole', 'WebIdentityUser') },
];

const encrypt = (headers: Row['headers']) => (kms: KMSClient) =>
  sendWith(
    kms,
    new EncryptCommand({ KeyId: stage.key.id, Plaintext: Buffer.from('a') }),
    headers ?? {},
  );

async function check({ headers, by, ...row }: Row): Promise<void> {
  const who = by === undefined ? undefined : askers[by];
  const kinds =
    row.kinds ??
    (by === undefined ? (['key policy', 'identity policy'] as const) : (['key policy'] as const));
  for (const kind of kinds) {
    const { answered, expected } = await conditionVerdicts(stage, kind, {
      ...{ ...row, action: 'kms:Encrypt', send: encrypt(headers) },
      ...(who && { by: who }),
    });
    expect({ [kind]: answered }).toEqual({ [kind]: expected });
  }
}

const titled = (rows: readonly Row[]) =>
  rows.map((row) => [row.key, row.met?.[1] ?? 'absent', row] as const);

describe('Of a request', () => {
  test.each(titled(ofRequest))('%s is %s', (_key, _value, row) => check(row));
});

describe('Of a user', () => {
  test.each(titled(ofUser))('%s is %s', (_key, _value, row) => check(row));
});

describe('Of a session', () => {
  test.each(ofSessions.map((row) => [row.key, row.by, row.met?.[1] ?? 'absent', row] as const))(
    '%s of a %s session is %s',
    (_key, _by, _value, row) => check(row),
  );

  test('the claims of a web identity are there, and its provider', async () => {
    const subject = 'system:serviceaccount:shop:till';
    for (const [name, met, unmet] of [
      ['aws:FederatedProvider', provider, `${provider}x`],
      [`${issuerName}:sub`, subject, `${subject}x`],
      [`${issuerName}:aud`, audience, 'other'],
    ] as const) {
      await check({ by: 'web', key: name, met: equals(met, unmet) });
    }
    await check({ by: 'web', key: `${issuerName}:constructor` });
  });
});
