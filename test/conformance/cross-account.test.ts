import {
  CreateRoleCommand,
  PutUserPolicyCommand,
  DeleteUserPolicyCommand,
  type IAMClient,
  PutRolePolicyCommand,
  DeleteRolePolicyCommand,
} from '@aws-sdk/client-iam';
import {
  CreateAliasCommand,
  CreateGrantCommand,
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyPairCommand,
  GenerateDataKeyPairWithoutPlaintextCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  type KMSClient,
  ListGrantsCommand,
  PutKeyPolicyCommand,
  ReEncryptCommand,
  RetireGrantCommand,
  RevokeGrantCommand,
} from '@aws-sdk/client-kms';
import { operations } from '../../src/operations';
import { operationNamesOf } from '../../src/shapes/operations';
import { document } from '../support/condition-stage';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient, makeAccessKey, makeIamUser } from '../support/iam-client';
import { allowing, trusting } from '../support/iam-documents';
import { type NewKey, clientOf, createKey, otherAccount, sdkRefusal } from '../support/kms';
import { assume, stsClient } from '../support/sts-client';
import {
  getPublicKey,
  usageKeys,
  usageOperations,
  usageRequests,
  use,
} from '../support/usage-keys';
import { accessDenied, refused } from '../support/wire';

/** A key of account A, and what those of account B may do with it: what A's key policy and B's identity policies say. */
const a = '111122223333';
const b = '444455556666';
const rootOfB = `arn:aws:iam::${b}:root`;
const bob = `arn:aws:iam::${b}:user/bob`;
const role = `arn:aws:iam::${b}:role/Visitor`;
const session = `arn:aws:sts::${b}:assumed-role/Visitor/the-session`;

let daemon: TestDaemon;
let owner: KMSClient;
let iam: IAMClient;
let credentials: TestDaemon['credentials'];
let bobKey: TestDaemon['credentials'];
let key: NewKey;
let visitors: Record<'user' | 'session' | 'root', KMSClient>;
const names = { user: bob, session, root: rootOfB };

beforeAll(async () => {
  daemon = await startDaemon();
  owner = daemon.client();
  credentials = await otherAccount(daemon, b);
  iam = iamClient(daemon, credentials);
  await makeIamUser(iam, 'bob');
  bobKey = await makeAccessKey(iam, 'bob');
  const AssumeRolePolicyDocument = trusting({ AWS: b });
  await iam.send(new CreateRoleCommand({ RoleName: 'Visitor', AssumeRolePolicyDocument }));
  await letVisitors('sts:AssumeRole');
  const assumed = await assume(stsClient(daemon, bobKey), { RoleArn: role });
  visitors = {
    user: clientOf(daemon, bobKey),
    session: clientOf(daemon, assumed),
    root: clientOf(daemon, credentials),
  };
  key = await createKey(owner);
});
afterAll(() => daemon.remove());

/** What the identity policies of user and role of B allow. */
async function letVisitors(...actions: readonly string[]): Promise<void> {
  const bobs = { UserName: 'bob', PolicyName: 'p' };
  const visitorRole = { RoleName: 'Visitor', PolicyName: 'p' };
  if (actions.length === 0) {
    await iam.send(new DeleteUserPolicyCommand(bobs));
    await iam.send(new DeleteRolePolicyCommand(visitorRole));
    return;
  }
  const PolicyDocument = allowing(...actions);
  await iam.send(new PutUserPolicyCommand({ ...bobs, PolicyDocument }));
  await iam.send(new PutRolePolicyCommand({ ...visitorRole, PolicyDocument }));
}

/** The key's policy: its account, and these of B. */
async function admit(principal?: unknown, more: object = {}): Promise<void> {
  const everything = { Effect: 'Allow', Action: 'kms:*', Resource: '*' };
  const own = { ...everything, Principal: { AWS: `arn:aws:iam::${a}:root` } };
  const theirs = principal === undefined ? [] : [{ ...everything, Principal: principal, ...more }];
  const Policy = document([own, ...theirs]);
  await owner.send(new PutKeyPolicyCommand({ KeyId: key.id, Policy }));
}

const Plaintext = Buffer.from('a');
const hidden = (who: string, action: string) =>
  `User: ${who} is not authorized to perform: ${action} on this resource because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access`;
const notByIdentity = (who: string, action = 'kms:Encrypt') =>
  `User: ${who} is not authorized to perform: ${action} on resource: ${key.arn} because no identity-based policy allows the ${action} action`;

async function encrypts(kms: KMSClient, KeyId = key.arn): Promise<string> {
  const sending = kms.send(new EncryptCommand({ KeyId, Plaintext }));
  try {
    await sending;
    return 'allowed';
  } catch {
    const { code, message } = await sdkRefusal(sending);
    expect(code).toBe('AccessDeniedException');
    return message;
  }
}

const all = ['user', 'session', 'root'] as const;
test.each<[string, unknown, readonly (typeof all)[number][]]>([
  ['the account', { AWS: rootOfB }, all],
  ['the account by its number', { AWS: b }, all],
  ['the user', { AWS: bob }, ['user']],
  ['the role', { AWS: role }, ['session']],
  ['the role’s session', { AWS: session }, ['session']],
  ['everyone', '*', all],
  ['everyone of AWS', { AWS: '*' }, all],
])(
  'A key policy that names %s is one half, identity policies the other',
  async (_name, principal, named) => {
    await admit(principal);
    await letVisitors('kms:*');
    for (const one of all) {
      const expected = named.includes(one) ? 'allowed' : hidden(names[one], 'kms:Encrypt');
      expect([one, await encrypts(visitors[one])]).toEqual([one, expected]);
    }
    await letVisitors('kms:Decrypt');
    for (const one of all) {
      // A root may all that its account may.
      const halved = one === 'root' ? 'allowed' : notByIdentity(names[one]);
      const expected = named.includes(one) ? halved : hidden(names[one], 'kms:Encrypt');
      expect([one, await encrypts(visitors[one])]).toEqual([one, expected]);
    }
  },
);

test('Identity policies alone are nothing', async () => {
  await admit();
  await letVisitors('*');
  for (const one of all) {
    expect(await encrypts(visitors[one])).toBe(hidden(names[one], 'kms:Encrypt'));
  }
});

test('kms:CallerAccount is the account of the caller, aws:ResourceAccount that of the key', async () => {
  await letVisitors('kms:*');
  for (const [account, allowed] of [
    [b, true],
    [a, false],
  ] as const) {
    const StringEquals = { 'kms:CallerAccount': account, 'aws:ResourceAccount': a };
    await admit('*', { Condition: { StringEquals } });
    const expected = allowed ? 'allowed' : hidden(bob, 'kms:Encrypt');
    expect(await encrypts(visitors.user)).toBe(expected);
  }
});

test('An alias is named by its ARN, and one that is not there is hidden', async () => {
  const TargetKeyId = key.id;
  await owner.send(new CreateAliasCommand({ AliasName: 'alias/shared', TargetKeyId }));
  const Condition = { StringEquals: { 'kms:RequestAlias': 'alias/shared' } };
  await admit({ AWS: b }, { Condition });
  const alias = (name: string) => `arn:aws:kms:us-east-1:${a}:alias/${name}`;
  expect(await encrypts(visitors.user, alias('shared'))).toBe('allowed');
  expect(await encrypts(visitors.user)).toBe(hidden(bob, 'kms:Encrypt'));
  expect(await encrypts(visitors.user, alias('other'))).toBe(hidden(bob, 'kms:Encrypt'));
  const own = visitors.user.send(new EncryptCommand({ KeyId: 'alias/shared', Plaintext }));
  expect(await sdkRefusal(own)).toEqual({
    code: 'NotFoundException',
    message: `Alias arn:aws:kms:us-east-1:${b}:alias/shared is not found.`,
    status: 400,
  });
});

test('Every operation that works on keys of other accounts does', async () => {
  await admit({ AWS: b });
  await letVisitors('kms:*');
  const { user: kms } = visitors;
  const KeyId = key.arn;
  const sealed = await kms.send(new EncryptCommand({ KeyId, Plaintext }));
  const { CiphertextBlob } = sealed;
  expect(sealed.KeyId).toBe(KeyId);
  await kms.send(new DecryptCommand({ CiphertextBlob }));
  await kms.send(new DecryptCommand({ CiphertextBlob, KeyId }));
  await kms.send(new ReEncryptCommand({ CiphertextBlob, DestinationKeyId: KeyId }));
  await kms.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_128' }));
  await kms.send(new GenerateDataKeyWithoutPlaintextCommand({ KeyId, KeySpec: 'AES_128' }));
  const pair = { KeyId, KeyPairSpec: 'ECC_NIST_P256' } as const;
  await kms.send(new GenerateDataKeyPairCommand(pair));
  await kms.send(new GenerateDataKeyPairWithoutPlaintextCommand(pair));
  const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId }));
  expect(KeyMetadata).toMatchObject({ Arn: KeyId, AWSAccountId: a });
  const grantees = { KeyId, GranteePrincipal: bob };
  const grant = () => kms.send(new CreateGrantCommand({ ...grantees, Operations: ['Encrypt'] }));
  const [first, second] = [await grant(), await grant()];
  const { Grants = [] } = await kms.send(new ListGrantsCommand({ KeyId }));
  expect(Grants.map(({ IssuingAccount }) => IssuingAccount)).toEqual([rootOfB, rootOfB]);
  await kms.send(new RevokeGrantCommand({ KeyId, GrantId: first.GrantId }));
  await kms.send(new RetireGrantCommand({ KeyId, GrantId: second.GrantId }));
});

test('So do those with keys that sign, compute MACs, agree and encapsulate', async () => {
  const everything = { Effect: 'Allow', Principal: '*', Action: 'kms:*', Resource: '*' };
  const keys = await usageKeys(daemon, { Policy: document([everything]) });
  await letVisitors('kms:*');
  for (const kms of [visitors.user, visitors.session, visitors.root]) {
    for (const operation of usageOperations) {
      const { arn: id, made } = keys[usageRequests[operation].usage];
      await use(kms, operation, { id, made });
    }
    await getPublicKey(kms, { id: keys.signing.arn });
  }
  await letVisitors('kms:Encrypt');
  for (const operation of usageOperations) {
    const { arn: id, made } = keys[usageRequests[operation].usage];
    expect(await sdkRefusal(use(visitors.user, operation, { id, made }))).toEqual({
      code: 'AccessDeniedException',
      message: `User: ${bob} is not authorized to perform: kms:${operation} on resource: ${id} because no identity-based policy allows the kms:${operation} action`,
      status: 400,
    });
  }
});

/** Requests of the operations that are of one's own account alone, on a key of another (kms-semantics §2.4). */
const own: Readonly<Record<string, () => object>> = {
  CancelKeyDeletion: () => ({ KeyId: key.arn }),
  CreateAlias: () => ({ AliasName: 'alias/theirs', TargetKeyId: key.arn }),
  DeleteImportedKeyMaterial: () => ({ KeyId: key.arn }),
  DisableKey: () => ({ KeyId: key.arn }),
  DisableKeyRotation: () => ({ KeyId: key.arn }),
  EnableKey: () => ({ KeyId: key.arn }),
  EnableKeyRotation: () => ({ KeyId: key.arn }),
  GetKeyLastUsage: () => ({ KeyId: key.arn }),
  GetKeyPolicy: () => ({ KeyId: key.arn }),
  GetParametersForImport: () => ({
    KeyId: key.arn,
    ...{ WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_2048' },
  }),
  ImportKeyMaterial: () => ({
    ...{ KeyId: key.arn, ImportToken: 'YQ==', EncryptedKeyMaterial: 'YQ==' },
    ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
  }),
  GetKeyRotationStatus: () => ({ KeyId: key.arn }),
  ListKeyPolicies: () => ({ KeyId: key.arn }),
  ListKeyRotations: () => ({ KeyId: key.arn }),
  ListResourceTags: () => ({ KeyId: key.arn }),
  PutKeyPolicy: () => ({ KeyId: key.arn, Policy: '{}' }),
  RotateKeyOnDemand: () => ({ KeyId: key.arn }),
  ScheduleKeyDeletion: () => ({ KeyId: key.arn, PendingWindowInDays: 7 }),
  TagResource: () => ({ KeyId: key.arn, Tags: [{ TagKey: 'theirs', TagValue: '' }] }),
  UntagResource: () => ({ KeyId: key.arn, TagKeys: ['theirs'] }),
  UpdateKeyDescription: () => ({ KeyId: key.arn, Description: 'theirs' }),
};

describe('Operations of one’s own account', () => {
  test('are these, of those on keys that are served', () => {
    const alone = operationNamesOf('kms').filter((name) => {
      const operation = operations[name];
      return operation?.targets !== undefined && operation.crossAccount !== true;
    });
    // Both name an alias of the caller's own account.
    const byAlias = ['DeleteAlias', 'UpdateAlias'];
    expect([...Object.keys(own), ...byAlias].sort()).toEqual([...alone].sort());
  });

  test.each(Object.keys(own))('%s is denied, whatever both policies say', async (operation) => {
    await admit('*');
    await letVisitors('*');
    for (const [who, by] of [
      [bob, bobKey],
      [rootOfB, credentials],
    ] as const) {
      const input = own[operation]?.() ?? {};
      expect(await refused(daemon, operation, input, { credentials: by })).toEqual(
        accessDenied(hidden(who, `kms:${operation}`)),
      );
    }
  });
});

test('A grant is enough, to a user, a role’s session, and an account with its identity policies', async () => {
  await admit();
  await letVisitors('kms:Decrypt');
  for (const [grantee, who] of [
    [bob, 'user'],
    [role, 'session'],
    [session, 'session'],
    [rootOfB, 'root'],
  ] as const) {
    const terms = { KeyId: key.id, GranteePrincipal: grantee, Operations: ['Encrypt' as const] };
    const { GrantId } = await owner.send(new CreateGrantCommand(terms));
    expect([grantee, await encrypts(visitors[who])]).toEqual([grantee, 'allowed']);
    if (grantee === rootOfB) {
      expect(await encrypts(visitors.user)).toBe(notByIdentity(bob));
      await letVisitors('kms:Encrypt');
      expect(await encrypts(visitors.user)).toBe('allowed');
    }
    await owner.send(new RevokeGrantCommand({ KeyId: key.id, GrantId }));
    expect(await encrypts(visitors[who])).toBe(hidden(names[who], 'kms:Encrypt'));
  }
});
