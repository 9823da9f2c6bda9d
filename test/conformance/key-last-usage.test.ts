import {
  CreateAliasCommand,
  CreateGrantCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyPairCommand,
  GenerateDataKeyPairWithoutPlaintextCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  GetKeyLastUsageCommand,
  type GetKeyLastUsageCommandOutput,
  GetKeyPolicyCommand,
  type KMSClient,
  ReEncryptCommand,
} from '@aws-sdk/client-kms';
import { openTerminal } from '../support/aws-cli';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { auditOf, clientOf, createKey, otherAccount, sdkRefusal } from '../support/kms';
import { administer } from '../support/postgres';
import { until } from '../support/until';
import {
  type UsageOperation,
  getPublicKey,
  onTrial,
  usageKeys,
  usageOperations,
  usageRequests,
  use,
} from '../support/usage-keys';
import { badRequest, call, refused } from '../support/wire';

const Plaintext = Buffer.from('attack at dawn');

interface Answered {
  readonly $metadata: { readonly requestId?: string };
}

describe('GetKeyLastUsage', () => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  beforeAll(async () => {
    daemon = await startDaemon();
    kms = daemon.client();
  });
  afterAll(() => daemon.remove());

  const usage = async (KeyId: string): Promise<Omit<GetKeyLastUsageCommandOutput, '$metadata'>> => {
    const { $metadata: _, ...answer } = await kms.send(new GetKeyLastUsageCommand({ KeyId }));
    return answer;
  };
  const encrypt = (KeyId: string, client = kms) =>
    client.send(new EncryptCommand({ KeyId, Plaintext }));
  const creationOf = async (KeyId: string) =>
    (await kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.CreationDate;

  /** What the use of a key is told by: the audit record of its request. */
  async function lastUseIs(KeyId: string, Operation: string, answered: Answered): Promise<void> {
    const KmsRequestId = answered.$metadata.requestId ?? '';
    const record = await auditOf(daemon, KmsRequestId);
    const { KeyLastUsage } = await usage(KeyId);
    expect(KeyLastUsage).toEqual({
      ...{ Operation, KmsRequestId, CloudTrailEventId: record.eventID },
      Timestamp: expect.any(Date) as Date,
    });
    expect(Math.abs(Date.now() - (KeyLastUsage?.Timestamp?.getTime() ?? 0))).toBeLessThan(20_000);
  }

  test('A key that was never used is tracked since its creation, and has no last usage', async () => {
    const { id, arn } = await createKey(kms);
    const { status, text } = await call(daemon, 'GetKeyLastUsage', { KeyId: arn });
    expect(status).toBe(200);
    const created = ((await creationOf(id))?.getTime() ?? 0) / 1000;
    expect(JSON.parse(text)).toEqual({
      ...{ KeyId: id, KeyCreationDate: created, TrackingStartDate: created },
    });
  });

  test('A key that is older than the tracking is tracked since that began', async () => {
    const { id } = await createKey(kms);
    const TrackingStartDate = (await usage(id)).TrackingStartDate;
    const sql = `update kms_key set created_at = created_at - interval '400 days' where key_id = $1`;
    await administer(daemon.databaseUrl, sql, [id]);
    expect(await usage(id)).toMatchObject({ TrackingStartDate });
  });

  test('Each cryptographic operation is the last use of its key, with its record and request', async () => {
    const { id, arn } = await createKey(kms);
    await kms.send(new CreateAliasCommand({ AliasName: 'alias/used', TargetKeyId: id }));
    const encrypted = await encrypt('alias/used');
    await lastUseIs(id, 'Encrypt', encrypted);
    const { CiphertextBlob } = encrypted;
    const uses = [
      ['Decrypt', new DecryptCommand({ CiphertextBlob })],
      ['GenerateDataKey', new GenerateDataKeyCommand({ KeyId: arn, KeySpec: 'AES_256' })],
      [
        'GenerateDataKeyWithoutPlaintext',
        new GenerateDataKeyWithoutPlaintextCommand({ KeyId: id, NumberOfBytes: 3 }),
      ],
      [
        'GenerateDataKeyPair',
        new GenerateDataKeyPairCommand({ KeyId: id, KeyPairSpec: 'ECC_NIST_P256' }),
      ],
      [
        'GenerateDataKeyPairWithoutPlaintext',
        new GenerateDataKeyPairWithoutPlaintextCommand({
          ...{ KeyId: id, KeyPairSpec: 'ECC_NIST_P256' },
        }),
      ],
      ['ReEncrypt', new ReEncryptCommand({ CiphertextBlob, DestinationKeyId: id })],
    ] as const;
    for (const [operation, command] of uses) {
      const answered = await (kms as { send(one: unknown): Promise<Answered> }).send(command);
      await lastUseIs(arn, operation, answered);
    }
  });

  test('So is each that signs, computes a MAC or agrees, and neither a trial nor a public key', async () => {
    const keys = await usageKeys(daemon);
    const trials: readonly UsageOperation[] = ['Encapsulate', 'Decapsulate'];
    for (const operation of usageOperations) {
      const { usage: name, send } = usageRequests[operation];
      const key = keys[name];
      if (trials.includes(operation)) {
        await use(kms, operation, key);
        expect((await usage(key.id)).KeyLastUsage).toBeUndefined();
        continue;
      }
      const answered = await send(kms, key);
      await lastUseIs(key.id, operation, answered);
      await onTrial(send(kms, key, { DryRun: true }));
      if (name !== 'mac') await getPublicKey(kms, key);
      await lastUseIs(key.id, operation, answered);
    }
  });

  test('ReEncrypt is a use of both its keys', async () => {
    const [source, destination] = [await createKey(kms), await createKey(kms)];
    const { CiphertextBlob } = await encrypt(source.id);
    const moving = new ReEncryptCommand({ CiphertextBlob, DestinationKeyId: destination.id });
    const answered = await kms.send(moving);
    await lastUseIs(source.id, 'ReEncrypt', answered);
    await lastUseIs(destination.id, 'ReEncrypt', answered);
  });

  test('What reads or changes a key, asks on trial, or fails is no use of it', async () => {
    const { id: KeyId } = await createKey(kms);
    const other = await createKey(kms);
    const { CiphertextBlob } = await encrypt(other.id);
    const before = (await usage(other.id)).KeyLastUsage;
    const EncryptionContext = { not: 'that' };
    await kms.send(new DescribeKeyCommand({ KeyId }));
    await kms.send(new GetKeyPolicyCommand({ KeyId }));
    await kms.send(
      new CreateGrantCommand({
        ...{ KeyId, Operations: ['Encrypt'] },
        GranteePrincipal: `arn:aws:iam::${daemon.accountId}:root`,
      }),
    );
    const DryRun = true;
    for (const sending of [
      kms.send(new EncryptCommand({ KeyId, Plaintext, DryRun })),
      kms.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_128', DryRun })),
      kms.send(new ReEncryptCommand({ CiphertextBlob, DestinationKeyId: KeyId, DryRun })),
      kms.send(new DecryptCommand({ CiphertextBlob, DryRun })),
      kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext })),
      kms.send(new DecryptCommand({ CiphertextBlob, KeyId })),
    ]) {
      expect((await sdkRefusal(sending)).code).toMatch(
        /^(DryRunOperation|InvalidCiphertext|IncorrectKey)Exception$/,
      );
    }
    await kms.send(new DisableKeyCommand({ KeyId }));
    expect((await sdkRefusal(encrypt(KeyId))).code).toBe('DisabledException');
    await kms.send(new EnableKeyCommand({ KeyId }));
    expect((await usage(KeyId)).KeyLastUsage).toBeUndefined();
    expect((await usage(other.id)).KeyLastUsage).toEqual(before);
  });

  test('A use by another account is told to the owner, and to nobody else', async () => {
    const stranger = clientOf(daemon, await otherAccount(daemon, '444455556666'));
    const Statement = { Effect: 'Allow', Principal: '*', Action: 'kms:*', Resource: '*' };
    const { arn } = await createKey(kms, {
      Policy: JSON.stringify({ Version: '2012-10-17', Statement }),
    });
    await lastUseIs(arn, 'Encrypt', await encrypt(arn, stranger));
    const asking = stranger.send(new GetKeyLastUsageCommand({ KeyId: arn }));
    expect(await sdkRefusal(asking)).toEqual({
      code: 'AccessDeniedException',
      message:
        'User: arn:aws:iam::444455556666:root is not authorized to perform: kms:GetKeyLastUsage on this resource because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access',
      status: 400,
    });
  });

  test('It takes the key id or key ARN of a key that exists', async () => {
    const ask = (input: object) => refused(daemon, 'GetKeyLastUsage', input);
    const { id } = await createKey(kms);
    await kms.send(new CreateAliasCommand({ AliasName: 'alias/asked', TargetKeyId: id }));
    for (const KeyId of [
      'alias/asked',
      `arn:aws:kms:us-east-1:${daemon.accountId}:alias/not-there`,
    ]) {
      expect(await ask({ KeyId })).toEqual(
        badRequest('InvalidArnException', 'Key Aliases are not supported for this operation.'),
      );
    }
    const missing = '00000000-1111-4222-8333-444444444444';
    expect(await ask({ KeyId: missing })).toEqual(
      badRequest(
        'NotFoundException',
        `Key 'arn:aws:kms:us-east-1:${daemon.accountId}:key/${missing}' does not exist`,
      ),
    );
    expect(await ask({ KeyId: 'nonsense' })).toEqual(
      badRequest('NotFoundException', "Invalid keyId 'nonsense'"),
    );
    expect(await ask({})).toEqual(
      badRequest(
        'ValidationException',
        "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null",
      ),
    );
  });

  test('The AWS CLI asks, and the audit has the question', async () => {
    const { id, arn } = await createKey(kms);
    const used = await encrypt(id);
    const terminal = await openTerminal(daemon);
    try {
      const { stdout } = await terminal.kms('get-key-last-usage', '--key-id', arn);
      expect(JSON.parse(stdout)).toMatchObject({
        KeyId: id,
        KeyLastUsage: { Operation: 'Encrypt', KmsRequestId: used.$metadata.requestId },
      });
    } finally {
      await terminal.close();
    }
    const { $metadata } = await kms.send(new GetKeyLastUsageCommand({ KeyId: id }));
    expect(await auditOf(daemon, $metadata.requestId ?? '')).toMatchObject({
      ...{ eventName: 'GetKeyLastUsage', readOnly: true, requestParameters: { keyId: id } },
      responseElements: null,
      resources: [{ accountId: daemon.accountId, type: 'AWS::KMS::Key', ARN: arn }],
    });
  });

  test('What a worker noted is written when it ends, and the next one tells of it', async () => {
    const { id } = await createKey(kms);
    const used = await encrypt(id);
    const replaced = () =>
      daemon.log.some(({ message }) => message === 'every worker was replaced');
    daemon.process.kill('SIGHUP');
    await until('the worker was replaced', replaced, 40_000);
    await lastUseIs(id, 'Encrypt', used);
  });
});
