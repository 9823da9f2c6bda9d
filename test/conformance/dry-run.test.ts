import { DryRunOperationException, EncryptCommand, type KMSClient } from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type NewKey, auditTexts, createKey, putIntoState, sdkRefusal } from '../support/kms';
import { type UsageKeys, usageKeys, usageOperations, usageRequests } from '../support/usage-keys';
import { badRequest, refused } from '../support/wire';

const wouldSucceed = badRequest(
  'DryRunOperationException',
  'The request would have succeeded, but the DryRun option is set.',
);
const invalid = badRequest('InvalidCiphertextException');

describe('DryRun', () => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  let key: NewKey;
  let usages: UsageKeys;
  let inputs: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  beforeAll(async () => {
    daemon = await startDaemon();
    kms = daemon.client();
    key = await createKey(kms);
    const input = { KeyId: key.id, Plaintext: Buffer.from('a') };
    const sealed = await kms.send(new EncryptCommand(input));
    const CiphertextBlob = Buffer.from(sealed.CiphertextBlob!).toString('base64');
    usages = await usageKeys(daemon);
    inputs = {
      Encrypt: { KeyId: key.id, Plaintext: 'YQ==' },
      Decrypt: { CiphertextBlob },
      ReEncrypt: { CiphertextBlob, DestinationKeyId: key.id },
      GenerateDataKey: { KeyId: key.id, KeySpec: 'AES_256' },
      GenerateDataKeyWithoutPlaintext: { KeyId: key.id, NumberOfBytes: 7 },
      GenerateDataKeyPair: { KeyId: key.id, KeyPairSpec: 'RSA_4096' },
      GenerateDataKeyPairWithoutPlaintext: { KeyId: key.id, KeyPairSpec: 'RSA_4096' },
    };
  });
  afterAll(() => daemon.remove());

  const names = [
    ...['Encrypt', 'Decrypt', 'ReEncrypt'],
    ...['GenerateDataKey', 'GenerateDataKeyWithoutPlaintext'],
    ...['GenerateDataKeyPair', 'GenerateDataKeyPairWithoutPlaintext'],
  ];
  test.each(names)('%s says that it would have succeeded, and is recorded', async (operation) => {
    expect(await refused(daemon, operation, { ...inputs[operation], DryRun: true })).toEqual(
      wouldSucceed,
    );
    const last = (await auditTexts(daemon)).at(-1)!;
    expect(JSON.parse(last)).toMatchObject({
      eventName: operation,
      errorCode: 'DryRunOperationException',
      requestParameters: { dryRun: true },
    });
  });

  test.each(usageOperations)('%s says so too, and is recorded', async (operation) => {
    const { usage, send } = usageRequests[operation];
    const used = usages[usage];
    expect(await sdkRefusal(send(kms, used, { DryRun: true }))).toEqual({
      code: 'DryRunOperationException',
      message: wouldSucceed['message'],
      status: 400,
    });
    const last = (await auditTexts(daemon)).at(-1)!;
    expect(JSON.parse(last)).toMatchObject({
      eventName: operation,
      errorCode: 'DryRunOperationException',
      requestParameters: { dryRun: true },
    });
  });

  test('The SDK gets DryRunOperationException as its own type', async () => {
    const input = { KeyId: key.id, Plaintext: Buffer.from('a'), DryRun: true };
    await expect(kms.send(new EncryptCommand(input))).rejects.toBeInstanceOf(
      DryRunOperationException,
    );
  });

  test('What would have failed fails with its own error', async () => {
    const disabled = await createKey(kms);
    await putIntoState(daemon, disabled.id, 'Disabled');
    const refusal = badRequest('DisabledException', `${disabled.arn} is disabled.`);
    const dry = { KeyId: disabled.id, DryRun: true };
    expect(await refused(daemon, 'Encrypt', { ...dry, Plaintext: 'YQ==' })).toEqual(refusal);
    expect(await refused(daemon, 'GenerateDataKey', { ...dry, KeySpec: 'AES_256' })).toEqual(
      refusal,
    );
    for (const operation of ['Decrypt', 'ReEncrypt']) {
      const input = { ...inputs[operation], DryRun: true };
      expect(await refused(daemon, operation, { ...input, CiphertextBlob: 'YQ==' })).toEqual(
        invalid,
      );
      const context = { EncryptionContext: { a: 'b' }, SourceEncryptionContext: { a: 'b' } };
      expect(await refused(daemon, operation, { ...input, ...context })).toEqual(invalid);
    }
  });

  test('IGNORE_CIPHERTEXT asks about authorization only, with no ciphertext or any', async () => {
    const ignoring = { DryRun: true, DryRunModifiers: ['IGNORE_CIPHERTEXT'] };
    for (const CiphertextBlob of [undefined, 'YQ==']) {
      const decrypt = { ...ignoring, KeyId: key.id, CiphertextBlob };
      expect(await refused(daemon, 'Decrypt', decrypt)).toEqual(wouldSucceed);
      const reEncrypt = {
        ...ignoring,
        SourceKeyId: key.id,
        DestinationKeyId: key.id,
        CiphertextBlob,
      };
      expect(await refused(daemon, 'ReEncrypt', reEncrypt)).toEqual(wouldSucceed);
    }
  });

  test('IGNORE_CIPHERTEXT needs a key id and DryRun', async () => {
    const modifiers = { DryRunModifiers: ['IGNORE_CIPHERTEXT'] };
    for (const operation of ['Decrypt', 'ReEncrypt']) {
      const input = { ...inputs[operation], ...modifiers };
      expect(await refused(daemon, operation, { ...input, DryRun: true })).toEqual(
        badRequest(
          'ValidationException',
          'A key ID must be specified when the ciphertext is ignored.',
        ),
      );
      for (const DryRun of [false, undefined]) {
        expect(await refused(daemon, operation, { ...input, DryRun })).toEqual(
          badRequest(
            'ValidationException',
            'DryRunModifiers can be specified only when DryRun is true.',
          ),
        );
      }
    }
  });
});
