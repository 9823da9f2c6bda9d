import {
  CreatePolicyCommand,
  CreatePolicyVersionCommand,
  DeletePolicyVersionCommand,
  type IAMClient,
  PutRolePolicyCommand,
  PutUserPermissionsBoundaryCommand,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam';
import {
  DecryptCommand,
  DisableKeyCommand,
  EncryptCommand,
  type KMSClient,
  ListKeysCommand,
  PutKeyPolicyCommand,
  ReEncryptCommand,
} from '@aws-sdk/client-kms';
import { document } from '../support/condition-stage';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient, makeAccessKey, makeIamUser } from '../support/iam-client';
import { allowing } from '../support/iam-documents';
import { type NewKey, clientOf, createKey, otherAccount, sdkRefusal } from '../support/kms';
import { assume, makeRole, stsClient } from '../support/sts-client';

/** Who refused, in AWS's words for each (kms-semantics §6.11). */
let daemon: TestDaemon;
let root: KMSClient;
let iam: IAMClient;
let alice: KMSClient;
let foreign: KMSClient;
let key: NewKey;

const accountRoot = 'arn:aws:iam::111122223333:root';
const user = 'arn:aws:iam::111122223333:user/alice';
const foreignUser = 'arn:aws:iam::444455556666:user/bob';
const session = 'arn:aws:sts::111122223333:assumed-role/Reader/the-session';
const boundary = 'arn:aws:iam::111122223333:policy/limit';

beforeAll(async () => {
  daemon = await startDaemon();
  root = daemon.client();
  iam = iamClient(daemon);
  const PolicyDocument = allowing('*');
  await iam.send(new CreatePolicyCommand({ PolicyName: 'limit', PolicyDocument }));
  alice = await newUser(iam, 'alice');
  const bounded = { UserName: 'alice', PermissionsBoundary: boundary };
  await iam.send(new PutUserPermissionsBoundaryCommand(bounded));
  const theirs = iamClient(daemon, await otherAccount(daemon, '444455556666'));
  foreign = await newUser(theirs, 'bob');
  await setUser(theirs, 'bob', allow);
  key = await createKey(root);
});
afterAll(() => daemon.remove());

async function newUser(by: IAMClient, name: string): Promise<KMSClient> {
  await makeIamUser(by, name);
  return clientOf(daemon, await makeAccessKey(by, name));
}

const allow = { Effect: 'Allow', Action: '*', Resource: '*' };
const deny = { ...allow, Effect: 'Deny' };
const elsewhere = { ...allow, Action: 's3:*' };
const delegation = { ...allow, Principal: { AWS: accountRoot } };

function setUser(by: IAMClient, UserName: string, statement: object): Promise<unknown> {
  const PolicyDocument = document([statement]);
  return by.send(new PutUserPolicyCommand({ UserName, PolicyName: 'p', PolicyDocument }));
}

async function setBoundary(statement: object): Promise<void> {
  const PolicyDocument = document([statement]);
  const made = await iam.send(
    new CreatePolicyVersionCommand({ PolicyArn: boundary, PolicyDocument, SetAsDefault: true }),
  );
  const before = Number(made.PolicyVersion?.VersionId?.slice(1)) - 1;
  await iam.send(new DeletePolicyVersionCommand({ PolicyArn: boundary, VersionId: `v${before}` }));
}

async function setKey(...statements: readonly object[]): Promise<void> {
  const Policy = document([
    { ...delegation, Action: ['kms:PutKeyPolicy', 'kms:DescribeKey', 'kms:DisableKey'] },
    ...statements,
  ]);
  await root.send(new PutKeyPolicyCommand({ KeyId: key.id, Policy }));
}

/** What a request of theirs is answered. */
async function textOf(kms: KMSClient, command: EncryptCommand | ListKeysCommand): Promise<string> {
  const { code, message, status } = await sdkRefusal(kms.send(command as EncryptCommand));
  expect([code, status]).toEqual(['AccessDeniedException', 400]);
  return message;
}

const encrypt = () => new EncryptCommand({ KeyId: key.arn, Plaintext: Buffer.from('a') });
const denied = (who: string, reason: string, on = ['kms:Encrypt', key.arn]) =>
  `User: ${who} is not authorized to perform: ${on[0]} on resource: ${on[1]} ${reason}`;
const hidden = (who: string, action = 'kms:Encrypt') =>
  `User: ${who} is not authorized to perform: ${action} on this resource because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access`;

interface Policies {
  readonly identity: object;
  readonly boundary: object;
  readonly key: object;
}
const open: Policies = { identity: allow, boundary: allow, key: delegation };

const keyDeny = { ...deny, Principal: '*', Action: 'kms:Encrypt' };
const cases: readonly (readonly [string, Partial<Policies>, string])[] = [
  [
    'no identity policy',
    { identity: elsewhere },
    'because no identity-based policy allows the X action',
  ],
  ['a deny in one', { identity: deny }, 'with an explicit deny in an identity-based policy'],
  [
    'no key policy',
    { key: { ...delegation, Action: 'kms:Sign' } },
    'because no resource-based policy allows the X action',
  ],
  ['a deny in one', { key: keyDeny }, 'with an explicit deny in a resource-based policy'],
  ['no boundary', { boundary: elsewhere }, 'because no permissions boundary allows the X action'],
  ['a deny in one', { boundary: deny }, 'with an explicit deny in a permissions boundary'],
  // Which is named where several refuse: a deny before none that allows, and the nearest to the caller.
  [
    'a deny in one and nothing in the others',
    { boundary: deny, identity: elsewhere },
    'with an explicit deny in a permissions boundary',
  ],
  [
    'denies everywhere',
    { identity: deny, boundary: deny, key: keyDeny },
    'with an explicit deny in an identity-based policy',
  ],
  [
    'nothing anywhere',
    { identity: elsewhere, boundary: elsewhere, key: { ...delegation, Action: 'kms:Sign' } },
    'because no resource-based policy allows the X action',
  ],
];

async function apply(different: Partial<Policies>): Promise<void> {
  const policies = { ...open, ...different };
  await setUser(iam, 'alice', policies.identity);
  await setBoundary(policies.boundary);
  await setKey(policies.key);
}

test.each(cases)('Of a user on a key: %s %#', async (_title, different, reason) => {
  await apply(different);
  const expected = reason.replace('the X action', 'the kms:Encrypt action');
  expect(await textOf(alice, encrypt())).toBe(denied(user, expected));
});

test.each(cases.filter(([, { key: keys }]) => keys === undefined))(
  'Of a user without a key: %s %#',
  async (_title, different, reason) => {
    await apply(different);
    const expected = reason.replace('the X action', 'the kms:ListKeys action');
    expect(await textOf(alice, new ListKeysCommand({}))).toBe(
      denied(user, expected, ['kms:ListKeys', '*']),
    );
  },
);

test('Of a session: session policies have their own words, and the session is named', async () => {
  await apply({});
  const RoleArn = await makeRole(daemon, 'Reader', { actions: ['kms:*'] });
  const sts = stsClient(daemon, await makeAccessKey(iam, 'alice'));
  const through = async (Policy: string): Promise<KMSClient> =>
    clientOf(daemon, await assume(sts, { RoleArn, Policy }));
  const nothing = await through(document([elsewhere]));
  const denying = await through(document([allow, { ...deny, Action: 'kms:*' }]));
  await setKey(delegation);
  for (const [kms, reason] of [
    [nothing, 'because no session policy allows the X action'],
    [denying, 'with an explicit deny in a session policy'],
  ] as const) {
    const on = ['kms:ListKeys', '*'];
    expect([await textOf(kms, encrypt()), await textOf(kms, new ListKeysCommand({}))]).toEqual([
      denied(session, reason.replace('X', 'kms:Encrypt')),
      denied(session, reason.replace('X', 'kms:ListKeys'), on),
    ]);
  }
  const PolicyDocument = document([deny]);
  await iam.send(
    new PutRolePolicyCommand({ RoleName: 'Reader', PolicyName: 'allowed', PolicyDocument }),
  );
  expect(await textOf(nothing, encrypt())).toBe(
    denied(session, 'with an explicit deny in an identity-based policy'),
  );
});

test('Of a caller of another account: what the key’s policy says is not told', async () => {
  const theirs = { ...allow, Principal: { AWS: 'arn:aws:iam::444455556666:root' } };
  await setKey(delegation);
  expect(await textOf(foreign, encrypt())).toBe(hidden(foreignUser));
  await setKey(theirs, keyDeny);
  expect(await textOf(foreign, encrypt())).toBe(hidden(foreignUser));
  const missing = key.arn.replace(/[^/]*$/, '00000000-0000-4000-8000-000000000000');
  const onMissing = new EncryptCommand({ KeyId: missing, Plaintext: Buffer.from('a') });
  expect(await textOf(foreign, onMissing)).toBe(hidden(foreignUser));
});

describe('Of a ciphertext that names its key itself', () => {
  const unknown =
    'The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.';
  let CiphertextBlob: Uint8Array;
  beforeAll(async () => {
    await apply({});
    ({ CiphertextBlob = new Uint8Array() } = await alice.send(encrypt()));
  });

  test.each([
    ['nothing allows it', { key: { ...delegation, Action: 'kms:ReEncryptTo' } }],
    ['it is denied', { key: { ...keyDeny, Action: ['kms:Decrypt', 'kms:ReEncryptFrom'] } }],
    ['no identity policy allows it', { identity: elsewhere }],
  ])('one text hides why: %s', async (_title, different) => {
    await apply(different);
    const decrypting = new DecryptCommand({ CiphertextBlob });
    const moving = new ReEncryptCommand({ CiphertextBlob, DestinationKeyId: key.arn });
    for (const kms of [alice, foreign]) {
      expect(await sdkRefusal(kms.send(decrypting))).toMatchObject({ message: unknown });
      expect(await sdkRefusal(kms.send(moving))).toMatchObject({ message: unknown });
    }
  });

  test('with a KeyId the ordinary text tells why, before the ciphertext is looked at', async () => {
    await apply({ identity: elsewhere });
    const other = await createKey(root);
    const decrypting = alice.send(new DecryptCommand({ CiphertextBlob, KeyId: other.id }));
    expect((await sdkRefusal(decrypting)).message).toBe(
      denied(user, 'because no identity-based policy allows the kms:Decrypt action', [
        ...['kms:Decrypt', other.arn],
      ]),
    );
  });
});

test('A denial comes before the key’s state and before DryRun', async () => {
  await apply({ identity: elsewhere });
  await root.send(new DisableKeyCommand({ KeyId: key.id }));
  const input = { KeyId: key.id, Plaintext: Buffer.from('a') };
  const reason = 'because no identity-based policy allows the kms:Encrypt action';
  for (const DryRun of [true, false]) {
    const encrypting = new EncryptCommand({ ...input, DryRun });
    expect(await textOf(alice, encrypting)).toBe(denied(user, reason));
  }
  await apply({});
  expect(await sdkRefusal(alice.send(new EncryptCommand({ ...input, DryRun: true })))).toEqual({
    ...{ code: 'DisabledException', message: `${key.arn} is disabled.`, status: 400 },
  });
});
