import {
  DecryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  GenerateRandomCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type NewKey, createKey, putIntoState } from '../support/kms';
import { badRequest, refused } from '../support/wire';

const EncryptionContext = { file: 'invoice.pdf' };
const neitherOrBoth = badRequest(
  'ValidationException',
  'Please specify either number of bytes or key spec.',
);
const atNumberOfBytes = (value: number, constraint: string) =>
  badRequest(
    'ValidationException',
    `1 validation error detected: Value '${value}' at 'numberOfBytes' failed to satisfy constraint: Member must have value ${constraint}`,
  );

describe('GenerateDataKey, GenerateDataKeyWithoutPlaintext and GenerateRandom', () => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  let key: NewKey;
  beforeAll(async () => {
    daemon = await startDaemon();
    kms = daemon.client();
    key = await createKey(kms);
  });
  afterAll(() => daemon.remove());

  test.each([
    [{ KeySpec: 'AES_128' }, 16],
    [{ KeySpec: 'AES_256' }, 32],
    [{ NumberOfBytes: 1 }, 1],
    [{ NumberOfBytes: 1024 }, 1024],
  ] as const)(
    '%j makes a data key of %i bytes that its ciphertext opens to',
    async (size, bytes) => {
      const input = { KeyId: key.id, EncryptionContext, ...size };
      const made = await kms.send(new GenerateDataKeyCommand(input));
      expect(made.Plaintext).toHaveLength(bytes);
      expect(made.KeyId).toBe(key.arn);
      expect(made.KeyMaterialId).toMatch(/^[0-9a-f]{64}$/);
      const { CiphertextBlob } = made;
      const opened = await kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext }));
      expect(opened.Plaintext).toEqual(made.Plaintext);
      expect(opened.KeyMaterialId).toBe(made.KeyMaterialId);
      const silent = await kms.send(new GenerateDataKeyWithoutPlaintextCommand(input));
      expect(Object.keys(silent).sort()).toEqual([
        '$metadata',
        'CiphertextBlob',
        'KeyId',
        'KeyMaterialId',
      ]);
      const { CiphertextBlob: other } = silent;
      const later = await kms.send(
        new DecryptCommand({ CiphertextBlob: other, EncryptionContext }),
      );
      expect(later.Plaintext).toHaveLength(bytes);
    },
  );

  test('Data keys and random bytes are never the same twice', async () => {
    const random = async () =>
      (await kms.send(new GenerateRandomCommand({ NumberOfBytes: 32 }))).Plaintext!;
    const dataKey = async () =>
      (await kms.send(new GenerateDataKeyCommand({ KeyId: key.id, KeySpec: 'AES_256' })))
        .Plaintext!;
    const drawn = [await random(), await random(), await dataKey(), await dataKey()];
    expect(new Set(drawn.map((bytes) => Buffer.from(bytes).toString('hex'))).size).toBe(4);
  });

  test('A data key under the wrong context stays shut', async () => {
    const { CiphertextBlob } = await kms.send(
      new GenerateDataKeyCommand({ KeyId: key.id, KeySpec: 'AES_256', EncryptionContext }),
    );
    const blob = Buffer.from(CiphertextBlob!).toString('base64');
    expect(await refused(daemon, 'Decrypt', { CiphertextBlob: blob })).toEqual(
      badRequest('InvalidCiphertextException'),
    );
  });

  test.each(['GenerateDataKey', 'GenerateDataKeyWithoutPlaintext'])(
    '%s wants a size or a spec, within bounds, before it looks at the key',
    async (operation) => {
      const disabled = await createKey(kms);
      await putIntoState(daemon, disabled.id, 'Disabled');
      for (const KeyId of [key.id, disabled.id, 'alias/nobody']) {
        expect(await refused(daemon, operation, { KeyId })).toEqual(neitherOrBoth);
        const both = { KeyId, KeySpec: 'AES_256', NumberOfBytes: 32 };
        expect(await refused(daemon, operation, both)).toEqual(neitherOrBoth);
        expect(await refused(daemon, operation, { KeyId, NumberOfBytes: 0 })).toEqual(
          atNumberOfBytes(0, 'greater than or equal to 1'),
        );
        expect(await refused(daemon, operation, { KeyId, NumberOfBytes: 1025 })).toEqual(
          atNumberOfBytes(1025, 'less than or equal to 1024'),
        );
        expect(await refused(daemon, operation, { KeyId, KeySpec: 'AES_512' })).toEqual(
          badRequest(
            'ValidationException',
            "1 validation error detected: Value 'AES_512' at 'keySpec' failed to satisfy constraint: Member must satisfy enum value set: [RSA_2048, RSA_3072, RSA_4096, ECC_NIST_P256, ECC_NIST_P384, ECC_NIST_P521, ECC_SECG_P256K1, ECC_NIST_EDWARDS25519, SYMMETRIC_DEFAULT, HMAC_224, HMAC_256, HMAC_384, HMAC_512, SM2, ML_DSA_44, ML_DSA_65, ML_DSA_87]",
          ),
        );
      }
    },
  );

  test.each([1, 1024])('GenerateRandom gives %i bytes and nothing else', async (NumberOfBytes) => {
    const { $metadata: _, ...answer } = await kms.send(
      new GenerateRandomCommand({ NumberOfBytes }),
    );
    expect(Object.keys(answer)).toEqual(['Plaintext']);
    expect(answer.Plaintext).toHaveLength(NumberOfBytes);
  });

  test('GenerateRandom wants a size, within bounds', async () => {
    expect(await refused(daemon, 'GenerateRandom', {})).toEqual(
      badRequest('ValidationException', 'NumberOfBytes is required.'),
    );
    expect(await refused(daemon, 'GenerateRandom', { NumberOfBytes: 0 })).toEqual(
      atNumberOfBytes(0, 'greater than or equal to 1'),
    );
    expect(await refused(daemon, 'GenerateRandom', { NumberOfBytes: 1025 })).toEqual(
      atNumberOfBytes(1025, 'less than or equal to 1024'),
    );
    expect(await refused(daemon, 'GenerateRandom', { NumberOfBytes: 1.5 })).toEqual(
      badRequest('SerializationException', 'DECIMAL_VALUE cannot be converted to Integer'),
    );
  });

  test('A Recipient without roots to verify it is refused by name, never ignored', async () => {
    const Recipient = { KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256', AttestationDocument: 'YQ==' };
    const recipient = badRequest(
      'UnsupportedOperationException',
      'Recipient is not supported: CLAVIGER_ATTESTATION_ROOTS_FILE is not set.',
    );
    const spec = { KeyId: key.id, KeySpec: 'AES_256', Recipient };
    expect(await refused(daemon, 'GenerateDataKey', spec)).toEqual(recipient);
    expect(await refused(daemon, 'Decrypt', { CiphertextBlob: 'YQ==', Recipient })).toEqual(
      recipient,
    );
    expect(await refused(daemon, 'GenerateRandom', { NumberOfBytes: 1, Recipient })).toEqual(
      recipient,
    );
  });

  test('A key of another usage makes no data keys, and says so before its state', async () => {
    const usages = [
      [
        ...(['HMAC_256', 'GENERATE_VERIFY_MAC'] as const),
        (arn: string, operation: string) =>
          `${arn} key usage is GENERATE_VERIFY_MAC which is not valid for ${operation}.`,
      ],
      [
        ...(['RSA_2048', 'ENCRYPT_DECRYPT'] as const),
        () => 'You cannot generate a data key with an asymmetric CMK',
      ],
    ] as const;
    for (const [KeySpec, KeyUsage, message] of usages) {
      const other = await createKey(kms, { KeySpec, KeyUsage });
      for (const operation of ['GenerateDataKey', 'GenerateDataKeyWithoutPlaintext']) {
        const input = { KeyId: other.id, KeySpec: 'AES_256' };
        const refusal = badRequest('InvalidKeyUsageException', message(other.arn, operation));
        expect(await refused(daemon, operation, input)).toEqual(refusal);
        await putIntoState(daemon, other.id, 'Disabled');
        expect(await refused(daemon, operation, input)).toEqual(refusal);
      }
    }
  });
});
