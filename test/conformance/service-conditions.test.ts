import { DeleteUserPolicyCommand, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import {
  CreateGrantCommand,
  CreateKeyCommand,
  EncryptCommand,
  type KMSClient,
  ListGrantsCommand,
  RevokeGrantCommand,
} from '@aws-sdk/client-kms';
import {
  type Asker,
  type ConditionRow,
  type ConditionStage,
  conditionVerdicts,
  noResourcePolicy,
  openConditionStage,
  sendWith,
} from '../support/condition-stage';
import type { TestCredentials } from '../support/daemon';
import { iamClient, makeAccessKey } from '../support/iam-client';
import { clientOf, sdkRefusal } from '../support/kms';
import { forwardedSession, makeService } from '../support/services';
import { allowing } from '../support/iam-documents';
import { assume, makeRole, stsClient } from '../support/sts-client';
import { badRequest, refusal, send, signed, targeting } from '../support/wire';

/** Services that call for themselves, and for others: the conditions of both, and what neither can reach. */
const service = 'docs.claviger.internal';
const source = 'arn:aws:docs:us-east-1:111122223333:shelf/12';
const claimed = { 'x-amz-source-arn': source, 'x-amz-source-account': '111122223333' };

let stage: ConditionStage;
let aliceKey: TestCredentials;
let serviceKey: TestCredentials;
let itself: Asker;
let forwarded: Asker;

beforeAll(async () => {
  stage = await openConditionStage();
  const { daemon, alice } = stage;
  aliceKey = await makeAccessKey(iamClient(daemon), 'alice');
  serviceKey = await makeService(daemon, service);
  itself = {
    ...{ principal: { Service: service }, name: service, kms: clientOf(daemon, serviceKey) },
    denial: (action, resource) => noResourcePolicy(service, action, resource),
  };
  forwarded = { ...alice, kms: await forward() };
});
afterAll(() => stage.daemon.remove());

async function forward(caller = aliceKey): Promise<KMSClient> {
  const { daemon } = stage;
  const session = await forwardedSession(daemon, { caller, name: service, service: serviceKey });
  return clientOf(daemon, session);
}

const encrypt =
  (headers: Readonly<Record<string, string>> = {}) =>
  (kms: KMSClient) =>
    sendWith(
      kms,
      new EncryptCommand({ KeyId: stage.key.arn, Plaintext: Buffer.from('a') }),
      headers,
    );
const newGrant = () =>
  new CreateGrantCommand({
    ...{ KeyId: stage.key.id, Operations: ['RetireGrant'] },
    GranteePrincipal: 'arn:aws:iam::111122223333:root',
  });

type Row = Omit<ConditionRow, 'action' | 'send'> & Partial<Pick<ConditionRow, 'action' | 'send'>>;

const equals = (met: string, unmet: string) => ['StringEquals', met, unmet] as const;
const oneOf = (met: string, unmet: string) => ['ForAnyValue:StringEquals', met, unmet] as const;
const yes = ['Bool', 'true', 'false'] as const;

const shelf = ['ArnLike', 'arn:aws:docs:*:*:shelf/*', 'arn:aws:docs:*:*:box/*'] as const;
const ofServices: readonly Row[] = [
  { key: 'aws:PrincipalIsAWSService', met: yes },
  { key: 'aws:PrincipalServiceName', met: equals(service, 's3.amazonaws.com') },
  { key: 'aws:PrincipalServiceNamesList', met: oneOf(service, 's3.amazonaws.com') },
  { key: 'aws:SourceArn', send: encrypt(claimed), met: shelf },
  { key: 'aws:SourceAccount', send: encrypt(claimed), met: equals('111122223333', '4') },
  { key: 'aws:SourceArn' },
  { key: 'aws:SourceAccount' },
  { key: 'aws:PrincipalArn' },
  { key: 'aws:PrincipalAccount' },
  { key: 'aws:username' },
  { key: 'aws:TokenIssueTime' },
  { key: 'aws:ViaAWSService', met: ['Bool', 'false', 'true'] },
  { key: 'aws:CalledVia' },
  { key: 'kms:ViaService' },
  { key: 'kms:CallerAccount' },
];

const viaName = 'docs.us-east-1.claviger.internal';
const ofForwarded: readonly Row[] = [
  { key: 'kms:ViaService', met: equals(viaName, 's3.us-east-1.amazonaws.com') },
  {
    ...{ key: 'kms:ViaService', action: 'kms:CreateKey', resource: '*' },
    ...{ kinds: ['identity policy'], met: equals(viaName, service) },
    send: (kms) => kms.send(new CreateKeyCommand({})),
  },
  { key: 'kms:CallerAccount', met: equals('111122223333', '444455556666') },
  { key: 'aws:ViaAWSService', met: yes },
  { key: 'aws:CalledVia', met: oneOf(service, 's3.amazonaws.com') },
  { key: 'aws:CalledViaFirst', met: equals(service, 's3.amazonaws.com') },
  { key: 'aws:CalledViaLast', met: equals(service, 's3.amazonaws.com') },
  { key: 'aws:username', met: equals('alice', service) },
  { key: 'aws:PrincipalIsAWSService', met: ['Bool', 'false', 'true'] },
  { key: 'aws:PrincipalServiceName' },
  { key: 'aws:SourceArn', send: encrypt(claimed) },
  { key: 'aws:SourceAccount', send: encrypt(claimed) },
  {
    ...{ key: 'kms:GrantIsForAWSResource', action: 'kms:CreateGrant', met: yes },
    send: (kms) => kms.send(newGrant()),
  },
  {
    ...{ key: 'kms:GrantIsForAWSResource', action: 'kms:ListGrants', met: yes },
    send: (kms) => kms.send(new ListGrantsCommand({ KeyId: stage.key.id })),
  },
  {
    ...{ key: 'kms:GrantIsForAWSResource', action: 'kms:RevokeGrant', met: yes },
    send: async (kms) => {
      const { GrantId } = await stage.root.send(newGrant());
      return kms.send(new RevokeGrantCommand({ KeyId: stage.key.id, GrantId }));
    },
  },
  { key: 'kms:GrantIsForAWSResource' },
];

async function check(row: Row, by: Asker): Promise<void> {
  const kinds =
    by === itself ? (['key policy'] as const) : (row.kinds ?? ['key policy', 'identity policy']);
  for (const kind of kinds) {
    const complete = { action: 'kms:Encrypt', send: encrypt(), ...row, by };
    const { answered, expected } = await conditionVerdicts(stage, kind, complete);
    expect({ [kind]: answered }).toEqual({ [kind]: expected });
  }
}
const titled = (rows: readonly Row[]) =>
  rows.map((row) => [row.key, row.met?.[1] ?? 'absent', row.action ?? 'kms:Encrypt', row] as const);

describe('A service that calls for itself', () => {
  test.each(titled(ofServices))('%s is %s in %s', (_key, _value, _action, row) =>
    check(row, itself),
  );

  test.each(['x-amz-source-arn', 'x-amz-source-account'] as const)(
    'says %s only in a header that it signed, once',
    async (name) => {
      const { daemon, key } = stage;
      const body = JSON.stringify({ KeyId: key.arn, Plaintext: 'YQ==' });
      const request = { headers: targeting('Encrypt'), body };
      const added = await signed(daemon, request, { credentials: serviceKey });
      const rawHeaders = [...added.rawHeaders, name, claimed[name]];
      const title = name === 'x-amz-source-arn' ? 'X-Amz-Source-Arn' : 'X-Amz-Source-Account';
      expect(refusal(await send(daemon, { ...added, rawHeaders }))).toEqual(
        badRequest(
          'InvalidSignatureException',
          `'${title}' must be a 'SignedHeader' in the AWS Authorization.`,
        ),
      );
      const own = await signed(daemon, request, {
        ...{ credentials: serviceKey, headers: { [name]: 'other' } },
      });
      const twice = { ...own, rawHeaders: [...own.rawHeaders, name, claimed[name]] };
      expect(refusal(await send(daemon, twice))).toMatchObject({
        __type: 'InvalidSignatureException',
      });
    },
  );
});

describe('A service that calls for its caller', () => {
  test.each(titled(ofForwarded))('%s is %s in %s', (_key, _value, _action, row) =>
    check(row, forwarded),
  );

  test('may no more than its caller, whatever policies say of the service itself', async () => {
    await stage.putKeyPolicy(itself, [{ Action: 'kms:*' }]);
    expect(await stage.verdict(encrypt()(itself.kms))).toBe('allowed');
    expect((await sdkRefusal(encrypt()(forwarded.kms))).message).toBe(
      `User: ${stage.alice.name} is not authorized to perform: kms:Encrypt on resource: ${stage.key.arn} because no identity-based policy allows the kms:Encrypt action`,
    );
  });

  test('is held to the session policy of its caller’s session', async () => {
    const { daemon } = stage;
    const RoleArn = await makeRole(daemon, 'Writer', { actions: ['kms:*'] });
    await stage.putUserPolicy([{ Action: 'sts:*' }]);
    const Policy = allowing('kms:DescribeKey');
    const session = await assume(stsClient(daemon, aliceKey), { RoleArn, Policy });
    const name = 'arn:aws:sts::111122223333:assumed-role/Writer/the-session';
    expect((await sdkRefusal(encrypt()(await forward(session)))).message).toBe(
      `User: ${name} is not authorized to perform: kms:Encrypt on resource: ${stage.key.arn} because no session policy allows the kms:Encrypt action`,
    );
  });

  test('is stopped when its caller is denied, at once', async () => {
    const iam = iamClient(stage.daemon);
    await stage.putUserPolicy([{ Action: 'kms:Encrypt' }]);
    const kms = await forward();
    await encrypt()(kms);
    const Statement = [{ Effect: 'Deny', Action: '*', Resource: '*' }];
    const deny = { UserName: 'alice', PolicyName: 'deny' };
    const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
    await iam.send(new PutUserPolicyCommand({ ...deny, PolicyDocument }));
    expect((await sdkRefusal(encrypt()(kms))).message).toBe(
      `User: ${stage.alice.name} is not authorized to perform: kms:Encrypt on resource: ${stage.key.arn} with an explicit deny in an identity-based policy`,
    );
    await iam.send(new DeleteUserPolicyCommand(deny));
    await encrypt()(kms);
  });

  test('is stopped when it is registered no more, at once', async () => {
    const { daemon } = stage;
    await stage.putUserPolicy([{ Action: 'kms:Encrypt' }]);
    const name = 'brief.claviger.internal';
    const brief = await makeService(daemon, name);
    const session = await forwardedSession(daemon, { caller: aliceKey, name, service: brief });
    const kms = clientOf(daemon, session);
    await encrypt()(kms);
    await daemon.run('service', 'delete', name);
    expect(await sdkRefusal(encrypt()(kms))).toEqual({
      code: 'UnrecognizedClientException',
      message: 'The security token included in the request is invalid.',
      status: 400,
    });
  });
});
