import {
  CreateKeyCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  type KMSClient,
  ListKeysCommand,
  UpdateKeyDescriptionCommand,
} from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { createKey, sdkRefusal } from '../support/kms';
import { administer } from '../support/postgres';
import { badRequest, call, refused } from '../support/wire';

describe('CreateKey, DescribeKey, ListKeys, EnableKey, DisableKey and UpdateKeyDescription', () => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  beforeAll(async () => {
    daemon = await startDaemon();
    kms = daemon.client();
  });
  afterAll(() => daemon.remove());

  const describeIt = async (KeyId: string) =>
    (await kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata;

  test('CreateKey answers with exactly the metadata of a symmetric key of its own account', async () => {
    const before = Date.now();
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({ Description: 'invoices' }));
    const { KeyId, CreationDate, CurrentKeyMaterialId, ...rest } = KeyMetadata!;
    expect(KeyId).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(CurrentKeyMaterialId).toMatch(/^[0-9a-f]{64}$/);
    expect(CreationDate!.getTime()).toBeGreaterThan(before - 5000);
    expect(CreationDate!.getTime()).toBeLessThan(Date.now() + 5000);
    expect(rest).toEqual({
      AWSAccountId: daemon.accountId,
      Arn: `arn:aws:kms:us-east-1:${daemon.accountId}:key/${KeyId!}`,
      CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT',
      Description: 'invoices',
      Enabled: true,
      EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
      KeyManager: 'CUSTOMER',
      KeySpec: 'SYMMETRIC_DEFAULT',
      KeyState: 'Enabled',
      KeyUsage: 'ENCRYPT_DECRYPT',
      MultiRegion: false,
      Origin: 'AWS_KMS',
    });
    expect(await describeIt(KeyId!)).toEqual(KeyMetadata);
  });

  test('CreateKey twice makes two keys, whose description is empty when none was given', async () => {
    const [first, second] = [await createKey(kms), await createKey(kms)];
    expect(first.id).not.toBe(second.id);
    expect((await describeIt(first.id))?.Description).toBe('');
  });

  test('CreateKey takes the deprecated CustomerMasterKeySpec in place of KeySpec', async () => {
    const { status, text } = await call(daemon, 'CreateKey', {
      CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT',
      KeyUsage: 'ENCRYPT_DECRYPT',
      Origin: 'AWS_KMS',
      MultiRegion: false,
    });
    const { KeyMetadata } = JSON.parse(text) as { KeyMetadata: { KeySpec: string } };
    expect([status, KeyMetadata.KeySpec]).toEqual([200, 'SYMMETRIC_DEFAULT']);
  });

  const badSpecs: readonly (readonly [string, object, string])[] = [
    [
      'both spec members',
      { KeySpec: 'SYMMETRIC_DEFAULT', CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT' },
      'You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated.',
    ],
    [
      'an RSA spec without usage',
      { KeySpec: 'RSA_2048' },
      'You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.',
    ],
    [
      'an elliptic curve for encryption',
      { KeySpec: 'ECC_NIST_P256', KeyUsage: 'ENCRYPT_DECRYPT' },
      'KeyUsage ENCRYPT_DECRYPT is not compatible with KeySpec ECC_NIST_P256',
    ],
    [
      'a symmetric key for signing',
      { KeyUsage: 'SIGN_VERIFY' },
      'KeyUsage SIGN_VERIFY is not compatible with KeySpec SYMMETRIC_DEFAULT',
    ],
    [
      'an unknown spec',
      { KeySpec: 'AES_256' },
      "1 validation error detected: Value 'AES_256' at 'keySpec' failed to satisfy constraint: Member must satisfy enum value set: [RSA_2048, RSA_3072, RSA_4096, ECC_NIST_P256, ECC_NIST_P384, ECC_NIST_P521, ECC_SECG_P256K1, ECC_NIST_EDWARDS25519, SYMMETRIC_DEFAULT, HMAC_224, HMAC_256, HMAC_384, HMAC_512, SM2, ML_DSA_44, ML_DSA_65, ML_DSA_87]",
    ],
    [
      'a description of U+0000',
      { Description: 'a\0b' },
      "1 validation error detected: Value at 'description' failed to satisfy constraint: Member must not contain U+0000",
    ],
    [
      'a description of 8193 characters',
      { Description: 'd'.repeat(8193) },
      `1 validation error detected: Value '${'d'.repeat(8193)}' at 'description' failed to satisfy constraint: Member must have length less than or equal to 8192`,
    ],
  ];
  test.each(badSpecs)('CreateKey refuses %s', async (_, input, message) => {
    expect(await refused(daemon, 'CreateKey', input)).toEqual(
      badRequest('ValidationException', message),
    );
  });

  const notServed: readonly (readonly [object, string])[] = [
    [
      { Origin: 'EXTERNAL', KeySpec: 'ECC_NIST_EDWARDS25519', KeyUsage: 'SIGN_VERIFY' },
      'KeySpec ECC_NIST_EDWARDS25519 is not supported with Origin EXTERNAL.',
    ],
    [
      { Origin: 'EXTERNAL', KeySpec: 'ML_DSA_44', KeyUsage: 'SIGN_VERIFY' },
      'KeySpec ML_DSA_44 is not supported with Origin EXTERNAL.',
    ],
    [
      { KeySpec: 'SM2', KeyUsage: 'SIGN_VERIFY' },
      'KeySpec SM2 is not supported: PKCS#11 has no mechanism for it.',
    ],
    [{ MultiRegion: true }, 'MultiRegion keys are not supported.'],
  ];
  test.each(notServed)('CreateKey says of %j that it is not supported', async (input, message) => {
    expect(await refused(daemon, 'CreateKey', input)).toEqual(
      badRequest('UnsupportedOperationException', message),
    );
  });

  test('A refused CreateKey leaves no key in the database', async () => {
    const count = () => administer(daemon.databaseUrl, 'select count(*)::int as keys from kms_key');
    const before = await count();
    await sdkRefusal(
      kms.send(new CreateKeyCommand({ KeySpec: 'ML_DSA_44', KeyUsage: 'SIGN_VERIFY' })),
    );
    await sdkRefusal(kms.send(new CreateKeyCommand({ Policy: '{}' })));
    expect(await count()).toEqual(before);
  });

  test('DisableKey and EnableKey change the state, answer nothing, and may be repeated', async () => {
    const { id, arn } = await createKey(kms);
    for (const KeyId of [id, arn]) {
      const answer = await kms.send(new DisableKeyCommand({ KeyId }));
      expect(Object.keys(answer)).toEqual(['$metadata']);
      expect(await describeIt(id)).toMatchObject({ KeyState: 'Disabled', Enabled: false });
    }
    for (const KeyId of [id, arn]) {
      await kms.send(new EnableKeyCommand({ KeyId }));
      expect(await describeIt(id)).toMatchObject({ KeyState: 'Enabled', Enabled: true });
    }
  });

  test('UpdateKeyDescription replaces the description, also by nothing, in any script', async () => {
    const { id, arn } = await createKey(kms, { Description: 'before' });
    for (const Description of ['Schlüssel für 帳票 🔑', '', 'x'.repeat(8192)]) {
      await kms.send(new UpdateKeyDescriptionCommand({ KeyId: arn, Description }));
      expect((await describeIt(id))?.Description).toBe(Description);
    }
    expect(await refused(daemon, 'UpdateKeyDescription', { KeyId: id })).toEqual(
      badRequest(
        'ValidationException',
        "1 validation error detected: Value null at 'description' failed to satisfy constraint: Member must not be null",
      ),
    );
    expect((await describeIt(id))?.Description).toBe('x'.repeat(8192));
  });

  test('ListKeys names every key of the account with its ARN', async () => {
    const { id, arn } = await createKey(kms);
    const { Keys, Truncated, NextMarker } = await kms.send(new ListKeysCommand({}));
    expect(Keys).toContainEqual({ KeyId: id, KeyArn: arn });
    expect(Truncated).toBe(false);
    expect(NextMarker).toBeUndefined();
  });
});
