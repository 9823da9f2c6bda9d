import {
  CreateAliasCommand,
  DescribeKeyCommand,
  EncryptCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type NewKey, clientOf, createKey, otherAccount, sdkRefusal } from '../support/kms';
import { accessDenied, badRequest, refused } from '../support/wire';

const absent = '00000000-1111-2222-3333-444444444444';
const otherAccountId = '444455556666';
const aliasRefusal = badRequest(
  'InvalidArnException',
  'Key Aliases are not supported for this operation.',
);

/** The rest of a minimal input, by operation (kms-semantics §2.2). */
const takesAnyForm: Readonly<Record<string, object>> = {
  DescribeKey: {},
  Encrypt: { Plaintext: 'YQ==' },
  GenerateDataKey: { KeySpec: 'AES_256' },
  GenerateDataKeyWithoutPlaintext: { KeySpec: 'AES_256' },
  GenerateDataKeyPair: { KeyPairSpec: 'ECC_NIST_P256' },
  GenerateDataKeyPairWithoutPlaintext: { KeyPairSpec: 'ECC_NIST_P256' },
};
const takesKeysOnly: Readonly<Record<string, object>> = {
  EnableKey: {},
  DisableKey: {},
  UpdateKeyDescription: { Description: 'd' },
  ListAliases: {},
};

describe('Key identifiers', () => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  let key: NewKey;
  let arnOf: (resource: string, region?: string, account?: string) => string;
  beforeAll(async () => {
    daemon = await startDaemon();
    kms = daemon.client();
    key = await createKey(kms);
    await kms.send(new CreateAliasCommand({ AliasName: 'alias/named', TargetKeyId: key.id }));
    arnOf = (resource, region = daemon.region, account = daemon.accountId) =>
      `arn:aws:kms:${region}:${account}:${resource}`;
  });
  afterAll(() => daemon.remove());

  test('Key id, key ARN, alias name and alias ARN all name the key, in either case of its hex digits', async () => {
    const forms = [
      ...[key.id, key.arn, 'alias/named', arnOf('alias/named')],
      ...[key.id.toUpperCase(), arnOf(`key/${key.id.toUpperCase()}`)],
    ];
    for (const KeyId of forms) {
      const described = await kms.send(new DescribeKeyCommand({ KeyId }));
      expect(described.KeyMetadata).toMatchObject({ KeyId: key.id, Arn: key.arn });
      const encrypted = await kms.send(new EncryptCommand({ KeyId, Plaintext: Buffer.from('a') }));
      expect(encrypted.KeyId).toBe(key.arn);
    }
  });

  const notFound: readonly (readonly [
    string,
    (arn: typeof arnOf) => string,
    (arn: typeof arnOf) => string,
  ])[] = [
    [
      'an id that nobody has',
      () => absent,
      (arn) => `Key '${arn(`key/${absent}`)}' does not exist`,
    ],
    [
      'an ARN that nobody has',
      (arn) => arn(`key/${absent}`),
      (arn) => `Key '${arn(`key/${absent}`)}' does not exist`,
    ],
    [
      'a multi-Region id that nobody has',
      () => `mrk-${'0a'.repeat(16)}`,
      (arn) => `Key '${arn(`key/mrk-${'0a'.repeat(16)}`)}' does not exist`,
    ],
    ['32 digits without dashes', () => 'ab'.repeat(16), () => `Invalid keyId '${'ab'.repeat(16)}'`],
    ['a short multi-Region id', () => 'mrk-12', () => "Invalid keyId 'mrk-12'"],
    ['a word', () => 'nonsense', () => "Invalid keyId 'nonsense'"],
    ['an ARN with a malformed id', (arn) => arn('key/nonsense'), () => 'Invalid keyId nonsense'],
    [
      'a key ARN of another Region',
      (arn) => arn(`key/${absent}`, 'eu-west-1'),
      () => 'Invalid arn eu-west-1',
    ],
  ];
  const missingAliases: typeof notFound = [
    [
      'an alias that is missing',
      () => 'alias/nobody',
      (arn) => `Alias ${arn('alias/nobody')} is not found.`,
    ],
    [
      'an alias ARN that is missing',
      (arn) => arn('alias/nobody'),
      (arn) => `Alias ${arn('alias/nobody')} is not found.`,
    ],
    [
      'an alias of AWS',
      () => 'alias/aws/s3',
      (arn) => `Alias ${arn('alias/aws/s3')} is not found.`,
    ],
    [
      'an alias in another case',
      () => 'alias/Named',
      (arn) => `Alias ${arn('alias/Named')} is not found.`,
    ],
    ['an alias with a NUL', () => 'alias/a\0', (arn) => `Alias ${arn('alias/a\0')} is not found.`],
    ['an alias without a name', () => 'alias/', (arn) => `Alias ${arn('alias/')} is not found.`],
    [
      'an alias ARN of another Region',
      (arn) => arn('alias/named', 'eu-west-1'),
      () => 'Invalid arn eu-west-1',
    ],
  ];
  test.each([...notFound, ...missingAliases])('%s is not found', async (_, value, message) => {
    const KeyId = value(arnOf);
    for (const [operation, rest] of Object.entries(takesAnyForm)) {
      expect(await refused(daemon, operation, { ...rest, KeyId })).toEqual(
        badRequest('NotFoundException', message(arnOf)),
      );
    }
  });

  test.each(notFound)(
    '%s is not found by operations that take no alias either',
    async (_, value, message) => {
      const KeyId = value(arnOf);
      for (const [operation, rest] of Object.entries(takesKeysOnly)) {
        expect(await refused(daemon, operation, { ...rest, KeyId })).toEqual(
          badRequest('NotFoundException', message(arnOf)),
        );
      }
    },
  );

  test.each(Object.entries(takesKeysOnly))(
    '%s refuses aliases before it looks them up',
    async (operation, rest) => {
      const names = ['alias/named', 'alias/nobody', 'alias/aws/s3'];
      const arns = [arnOf('alias/named'), arnOf('alias/nobody'), arnOf('alias/x', 'eu-west-1')];
      for (const KeyId of [...names, ...arns]) {
        expect(await refused(daemon, operation, { ...rest, KeyId })).toEqual(aliasRefusal);
      }
    },
  );

  test.each([
    ['no KMS ARN', 'arn:aws:s3:::bucket'],
    ['a short ARN', 'arn:aws:kms:us-east-1:111122223333'],
    ['an account that is none', `arn:aws:kms:us-east-1:12:key/${absent}`],
    ['a resource that is neither key nor alias', 'arn:aws:kms:us-east-1:111122223333:grant/x'],
  ])('%s is an invalid ARN', async (_, KeyId) => {
    expect(await refused(daemon, 'DescribeKey', { KeyId })).toEqual(
      badRequest('InvalidArnException', `Invalid arn ${KeyId}`),
    );
  });

  test('An empty key id breaks two constraints, a missing one is null, a long and a foreign one break one', async () => {
    const pattern = 'Member must satisfy regular expression pattern: ^\\p{ASCII}+$';
    const at = "at 'keyId' failed to satisfy constraint:";
    const cases = [
      [
        { KeyId: '' },
        `2 validation errors detected: Value '' ${at} Member must have length greater than or equal to 1; Value '' ${at} ${pattern}`,
      ],
      [{}, `1 validation error detected: Value null ${at} Member must not be null`],
      [{ KeyId: null }, `1 validation error detected: Value null ${at} Member must not be null`],
      [
        { KeyId: 'k'.repeat(2049) },
        `1 validation error detected: Value '${'k'.repeat(2049)}' ${at} Member must have length less than or equal to 2048`,
      ],
      [{ KeyId: 'ключ' }, `1 validation error detected: Value 'ключ' ${at} ${pattern}`],
    ] as const;
    for (const [input, message] of cases) {
      expect(await refused(daemon, 'DescribeKey', input)).toEqual(
        badRequest('ValidationException', message),
      );
    }
  });

  describe('of another account', () => {
    const hidden = (action: string): Readonly<Record<string, unknown>> =>
      accessDenied(
        `User: arn:aws:iam::${otherAccountId}:root is not authorized to perform: kms:${action} on this resource because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access`,
      );
    const theirs: { credentials?: TestDaemon['credentials'] } = {};
    beforeAll(async () => {
      theirs.credentials = await otherAccount(daemon, otherAccountId);
    });

    test('A key or alias of another account is denied in one text, whether it exists or not', async () => {
      const values = [key.arn, arnOf(`key/${absent}`), arnOf('alias/named'), arnOf('alias/nobody')];
      for (const KeyId of values) {
        for (const [operation, rest] of Object.entries(takesAnyForm)) {
          const answer = await refused(daemon, operation, { ...rest, KeyId }, theirs);
          expect(answer).toEqual(hidden(operation));
        }
      }
      for (const KeyId of [key.arn, arnOf(`key/${absent}`)]) {
        for (const [operation, rest] of Object.entries(takesKeysOnly)) {
          const answer = await refused(daemon, operation, { ...rest, KeyId }, theirs);
          expect(answer).toEqual(hidden(operation));
        }
      }
    });

    test('A bare id or alias name means the caller account and does not find the key of another', async () => {
      const cases = [
        [key.id, `Key '${arnOf(`key/${key.id}`, 'us-east-1', otherAccountId)}' does not exist`],
        ['alias/named', `Alias ${arnOf('alias/named', 'us-east-1', otherAccountId)} is not found.`],
      ] as const;
      for (const [KeyId, message] of cases) {
        expect(await refused(daemon, 'DescribeKey', { KeyId }, theirs)).toEqual(
          badRequest('NotFoundException', message),
        );
      }
    });

    test('A key whose policy names the other account serves it by ARN, in operations across accounts only', async () => {
      const foreign = clientOf(daemon, theirs.credentials!);
      const principals = [`arn:aws:iam::${daemon.accountId}:root`, otherAccountId];
      const statement = {
        Effect: 'Allow',
        Principal: { AWS: principals },
        Action: 'kms:*',
        Resource: '*',
      };
      const shared = await createKey(kms, {
        Policy: JSON.stringify({ Version: '2012-10-17', Statement: [statement] }),
      });
      const sealed = await foreign.send(
        new EncryptCommand({ KeyId: shared.arn, Plaintext: Buffer.from('a') }),
      );
      expect(sealed.KeyId).toBe(shared.arn);
      expect(await refused(daemon, 'DisableKey', { KeyId: shared.arn }, theirs)).toEqual(
        hidden('DisableKey'),
      );
      expect(await sdkRefusal(foreign.send(new DescribeKeyCommand({ KeyId: shared.id })))).toEqual({
        code: 'NotFoundException',
        message: `Key '${arnOf(`key/${shared.id}`, 'us-east-1', otherAccountId)}' does not exist`,
        status: 400,
      });
    });
  });
});
