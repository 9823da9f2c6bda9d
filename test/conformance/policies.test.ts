import {
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { createKey, sdkRefusal } from '../support/kms';
import { administer } from '../support/postgres';
import { type TestUser, newUser } from '../support/principals';
import { accessDenied, badRequest, refused } from '../support/wire';

const malformed = badRequest('MalformedPolicyDocumentException');
const badPrincipal = badRequest(
  'MalformedPolicyDocumentException',
  'Policy contains a statement with one or more invalid principals.',
);
const lockedOut = badRequest(
  'MalformedPolicyDocumentException',
  'The new key policy will not allow you to update the key policy in the future.',
);
const badArn = badRequest('InvalidArnException', 'An ARN in the specified key policy is invalid.');

describe('Key policies and tags at CreateKey', () => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  let alice: TestUser;
  let root: string;
  let user: string;
  beforeAll(async () => {
    daemon = await startDaemon();
    kms = daemon.client();
    alice = await newUser(daemon, 'alice');
    root = `arn:aws:iam::${daemon.accountId}:root`;
    user = alice.arn;
  });
  afterAll(() => daemon.remove());

  type Statement = Readonly<Record<string, unknown>>;
  const allow = (principal: unknown, action: unknown = 'kms:*', more: object = {}): Statement => ({
    Effect: 'Allow',
    Principal: principal,
    Action: action,
    Resource: '*',
    ...more,
  });
  const document = (...Statement: readonly Statement[]) =>
    JSON.stringify({ Version: '2012-10-17', Statement });
  const createRefused = (Policy: string, more: object = {}) =>
    refused(daemon, 'CreateKey', { Policy, ...more });
  const asAlice = (operation: string, input: object) =>
    refused(daemon, operation, input, { credentials: alice.credentials });
  const denial = (action: string, resource: string, reason: string) =>
    accessDenied(
      `User: ${user} is not authorized to perform: ${action} on resource: ${resource} ${reason}`,
    );

  test('A key without a policy gets the one that enables IAM policies, in the layout of AWS', async () => {
    const { id } = await createKey(kms);
    const [row] = await administer<{ policy: string }>(
      daemon.databaseUrl,
      'select policy from kms_key where key_id = $1',
      [id],
    );
    expect(row?.policy).toBe(
      `{\n  "Version" : "2012-10-17",\n  "Id" : "key-default-1",\n  "Statement" : [ {\n    "Sid" : "Enable IAM User Permissions",\n    "Effect" : "Allow",\n    "Principal" : {\n      "AWS" : "${root}"\n    },\n    "Action" : "kms:*",\n    "Resource" : "*"\n  } ]\n}`,
    );
  });

  test('The account root delegates and does not allow: a user without identity policies is denied', async () => {
    const { id, arn } = await createKey(kms);
    expect(await asAlice('DescribeKey', { KeyId: id })).toEqual(
      denial(
        'kms:DescribeKey',
        arn,
        'because no identity-based policy allows the kms:DescribeKey action',
      ),
    );
    const store = { CustomKeyStoreId: 'cks-1234567890abcdef0' };
    const cluster = {
      CloudHsmClusterId: 'cluster-aaaaaaaaaaa',
      KeyStorePassword: '1234567',
      TrustAnchorCertificate: 'a',
    };
    for (const [operation, input] of [
      ['ListKeys', {}],
      ['CreateKey', {}],
      ['GenerateRandom', { NumberOfBytes: 1 }],
      ['ListAliases', {}],
      ['ConnectCustomKeyStore', store],
      ['CreateCustomKeyStore', { ...cluster, CustomKeyStoreName: 'store' }],
      ['DeleteCustomKeyStore', store],
      ['DescribeCustomKeyStores', {}],
      ['DisconnectCustomKeyStore', store],
      ['UpdateCustomKeyStore', { ...store, NewCustomKeyStoreName: 'a' }],
    ] as const) {
      const action = `kms:${operation}`;
      expect(await asAlice(operation, input)).toEqual(
        denial(action, '*', `because no identity-based policy allows the ${action} action`),
      );
    }
    const aliasArn = arn.replace(`key/${id}`, 'alias/hers');
    expect(await asAlice('CreateAlias', { AliasName: 'alias/hers', TargetKeyId: id })).toEqual(
      denial(
        'kms:CreateAlias',
        aliasArn,
        'because no identity-based policy allows the kms:CreateAlias action',
      ),
    );
  });

  test('A user whom the key policy names may do what it says, in any case of the action, and no more', async () => {
    const Policy = document(
      allow({ AWS: root }),
      allow({ AWS: [user] }, ['KMS:encrypt', 'kms:Decryp?', 'kms:Describe*']),
    );
    const { id, arn } = await createKey(kms, { Policy });
    const client = alice.kms;
    const sealed = await client.send(
      new EncryptCommand({ KeyId: id, Plaintext: Buffer.from('a') }),
    );
    await client.send(new DecryptCommand({ CiphertextBlob: sealed.CiphertextBlob }));
    await client.send(new DescribeKeyCommand({ KeyId: id }));
    expect(await asAlice('GenerateDataKey', { KeyId: id, KeySpec: 'AES_256' })).toEqual(
      denial(
        'kms:GenerateDataKey',
        arn,
        'because no identity-based policy allows the kms:GenerateDataKey action',
      ),
    );
  });

  test('A Deny wins over every Allow, also when it names everyone or the account', async () => {
    for (const principal of [
      '*',
      { AWS: '*' },
      { AWS: root },
      { AWS: daemon.accountId },
      { AWS: user },
    ]) {
      const Policy = document(
        allow({ AWS: [root, user] }),
        allow(principal, 'kms:Encrypt', { Effect: 'Deny' }),
      );
      const { id, arn } = await createKey(kms, { Policy });
      expect(await asAlice('Encrypt', { KeyId: id, Plaintext: 'YQ==' })).toEqual(
        denial('kms:Encrypt', arn, 'with an explicit deny in a resource-based policy'),
      );
    }
  });

  test('Without the root, only those named may; statements without action or for other resources are inert', async () => {
    const Policy = document(
      allow({ AWS: user }, ['kms:PutKeyPolicy', 'kms:DescribeKey']),
      allow({ AWS: root }, 'kms:PutKeyPolicy'),
      { Effect: 'Allow', Principal: '*', Resource: '*' },
      allow('*', 'kms:*', { Resource: 'arn:aws:kms:us-east-1:111122223333:key/other' }),
    );
    const { id, arn } = await createKey(kms, { Policy });
    await alice.kms.send(new DescribeKeyCommand({ KeyId: id }));
    expect(await refused(daemon, 'DescribeKey', { KeyId: id })).toEqual(
      accessDenied(
        `User: ${root} is not authorized to perform: kms:DescribeKey on resource: ${arn} because no resource-based policy allows the kms:DescribeKey action`,
      ),
    );
  });

  test('A policy that locks its maker out is refused, unless the check is bypassed', async () => {
    const policies = [
      document(allow({ AWS: user })),
      document(allow({ AWS: root }, 'kms:Encrypt')),
      document(allow({ AWS: root }), allow('*', 'kms:Put*', { Effect: 'Deny' })),
    ];
    for (const Policy of policies) {
      expect(await createRefused(Policy)).toEqual(lockedOut);
      const bypassed = new CreateKeyCommand({ Policy, BypassPolicyLockoutSafetyCheck: true });
      expect((await kms.send(bypassed)).KeyMetadata?.KeyState).toBe('Enabled');
    }
  });

  test('A document that is no policy is malformed, without a text', async () => {
    const statement = allow({ AWS: root });
    const documents = [
      ...['no JSON', '[]', 'null', '{}', '{"Statement":[]}', '{"Statement":["a"]}'],
      JSON.stringify({ Version: '2013-01-01', Statement: [statement] }),
      JSON.stringify({ Statement: [statement], Statements: [] }),
      document({ ...statement, Effect: 'allow' }),
      document({ ...statement, Surprise: 1 }),
      document({ ...statement, Principal: undefined }),
      document({ ...statement, Principal: {} }),
      document({ ...statement, Principal: { AWS: [] } }),
      document({ ...statement, Principal: { AWS: 7 } }),
      document({ ...statement, Action: [7] }),
    ];
    for (const Policy of documents)
      expect([Policy, await createRefused(Policy)]).toEqual([Policy, malformed]);
  });

  test('Principals that do not exist or are none are refused', async () => {
    const iam = `arn:aws:iam::${daemon.accountId}`;
    for (const name of [
      `${iam}:user/nobody`,
      `${iam}:role/none`,
      'arn:aws:iam::999988887777:root',
      '999988887777',
      'AIDAXXXXXXXXXXXXXXXX',
      'alice',
    ]) {
      expect(await createRefused(document(allow({ AWS: [root, name] })))).toEqual(badPrincipal);
    }
    for (const name of [
      `${iam}:group/admins`,
      `${iam}:role/*`,
      'arn:aws:s3:::bucket',
      `${iam}:user/`,
    ]) {
      expect(await createRefused(document(allow({ AWS: [root, name] })))).toEqual(badArn);
    }
  });

  test('Every element has its word: Condition, NotAction, NotResource, NotPrincipal', async () => {
    const rest = { Action: undefined, Resource: undefined, Principal: undefined };
    await newUser(daemon, 'bob');
    const elements = [
      [{ Condition: { StringEquals: { 'kms:EncryptionAlgorithm': 'SYMMETRIC_DEFAULT' } } }, true],
      [{ Condition: { StringEquals: { 'kms:EncryptionAlgorithm': 'SM2PKE' } } }, false],
      [{ Action: rest.Action, NotAction: 'kms:Decrypt' }, true],
      [{ Action: rest.Action, NotAction: 'kms:Encr*' }, false],
      [{ Resource: rest.Resource, NotResource: 'arn:aws:kms:us-east-1:1:key/x' }, true],
      [{ Resource: rest.Resource, NotResource: '*' }, false],
      [{ Principal: rest.Principal, NotPrincipal: { AWS: user.replace('alice', 'bob') } }, true],
    ] as const;
    for (const [more, allowed] of elements) {
      const Policy = document(allow({ AWS: root }), allow({ AWS: user }, 'kms:Encrypt', more));
      const { id } = await createKey(kms, { Policy });
      const encrypting = alice.kms.send(
        new EncryptCommand({ KeyId: id, Plaintext: Buffer.from('a') }),
      );
      if (allowed) await encrypting;
      else expect((await sdkRefusal(encrypting)).code).toBe('AccessDeniedException');
    }
  });

  test('A policy has at most 32768 bytes and no character beyond U+00FF', async () => {
    const sized = (bytes: number) => document(allow({ AWS: root })).padEnd(bytes, ' ');
    expect(
      (await kms.send(new CreateKeyCommand({ Policy: sized(32_768) }))).KeyMetadata,
    ).toBeDefined();
    expect(await createRefused(sized(32_769))).toEqual(
      badRequest('LimitExceededException', 'The key policy is larger than 32768 bytes.'),
    );
    expect(await createRefused('ключ')).toMatchObject({
      status: 400,
      __type: 'ValidationException',
    });
  });

  test('Tags are kept in their order', async () => {
    const Tags = [
      { TagKey: 'b', TagValue: 'Größe _.:/=+-@' },
      { TagKey: 'a', TagValue: '' },
    ];
    const { id } = await createKey(kms, { Tags });
    const rows = await administer(
      daemon.databaseUrl,
      'select tag_key as "TagKey", tag_value as "TagValue" from key_tag where key_id = $1 order by position',
      [id],
    );
    expect(rows).toEqual(Tags);
  });

  test('Tags are at most 50, each once, none of AWS, and within their lengths and characters', async () => {
    const tag = (TagKey: string, TagValue = '') => ({ TagKey, TagValue });
    const many = (count: number) => Array.from({ length: count }, (_, i) => tag(`k${i}`));
    await createKey(kms, { Tags: many(50) });
    const at = 'failed to satisfy constraint: Member must have length';
    const cases = [
      [many(51), 'TagException', 'Too many tags'],
      [[tag('a'), tag('a', 'b')], 'TagException', 'Duplicate tag keys'],
      [[tag('aws:a')], 'TagException', 'Tags beginning with aws: are reserved'],
      [[tag('AwS:a')], 'TagException', 'Tags beginning with aws: are reserved'],
      [[tag('a!')], 'TagException', 'A tag contains invalid characters'],
      [[tag('a', '\0')], 'TagException', 'A tag contains invalid characters'],
      [
        [tag('a'), tag('k'.repeat(129))],
        'ValidationException',
        `1 validation error detected: Value '${'k'.repeat(129)}' at 'tags.2.member.tagKey' ${at} less than or equal to 128`,
      ],
      [
        [tag('a', 'v'.repeat(257))],
        'ValidationException',
        `1 validation error detected: Value '${'v'.repeat(257)}' at 'tags.1.member.tagValue' ${at} less than or equal to 256`,
      ],
    ] as const;
    for (const [Tags, code, message] of cases) {
      expect(await refused(daemon, 'CreateKey', { Tags })).toEqual(badRequest(code, message));
    }
  });
});
