import { createHash, randomBytes } from 'node:crypto';
import {
  CreateKeyCommand,
  DecapsulateCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EncapsulateCommand,
  GenerateDataKeyPairCommand,
  GetKeyLastUsageCommand,
  GetPublicKeyCommand,
  type KMSClient,
  type KeySpec,
  type KeyUsageType,
  ScheduleKeyDeletionCommand,
  SignCommand,
  VerifyCommand,
} from '@aws-sdk/client-kms';
import { ml_dsa44, ml_dsa65, ml_dsa87 } from '@noble/post-quantum/ml-dsa';
import { ml_kem512, ml_kem768, ml_kem1024 } from '@noble/post-quantum/ml-kem';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { auditOf, auditTexts, sdkRefusal } from '../support/kms';
import { makePostQuantumToken, type PostQuantumToken } from '../support/post-quantum-token';

/* The daemon on a token that has ML-DSA and ML-KEM, judged by @noble/post-quantum. */

jest.setTimeout(60_000);

const SigningAlgorithm = 'ML_DSA_SHAKE_256';
const ML_KEM = { EncapsulationAlgorithm: 'ML_KEM' } as const;
/** Of SubjectPublicKeyInfo up to the key. */
const prefixBytes = 22;

const mlDsa = [
  { spec: 'ML_DSA_44', signer: ml_dsa44, bytes: { publicKey: 1334, signature: 2420 } },
  { spec: 'ML_DSA_65', signer: ml_dsa65, bytes: { publicKey: 1974, signature: 3309 } },
  { spec: 'ML_DSA_87', signer: ml_dsa87, bytes: { publicKey: 2614, signature: 4627 } },
] as const;
const mlKem = [
  { spec: 'ML_KEM_512', kem: ml_kem512, bytes: { publicKey: 822, ciphertext: 768 } },
  { spec: 'ML_KEM_768', kem: ml_kem768, bytes: { publicKey: 1206, ciphertext: 1088 } },
  { spec: 'ML_KEM_1024', kem: ml_kem1024, bytes: { publicKey: 1590, ciphertext: 1568 } },
] as const;

let token: PostQuantumToken;
beforeAll(async () => {
  token = await makePostQuantumToken();
});
afterAll(() => token.remove());

describe.each(['resident', 'wrapped'])('Post-quantum keys whose material is %s', (storage) => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  beforeAll(async () => {
    daemon = await startDaemon({
      environment: { ...token.environment, CLAVIGER_KEY_MATERIAL: storage },
    });
    kms = daemon.client();
  });
  afterAll(() => daemon.remove());

  /** Undefined where the token wraps no such key, and says so by name: NSS does, Kryoptic does not. */
  async function make(KeySpec: KeySpec, KeyUsage: KeyUsageType): Promise<string | undefined> {
    const making = kms.send(new CreateKeyCommand({ KeySpec, KeyUsage }));
    if (token.given && storage === 'wrapped' && (await isRefused(making))) {
      expect(await sdkRefusal(making)).toEqual(wrapsNone(KeySpec));
      return undefined;
    }
    return (await making).KeyMetadata?.KeyId;
  }

  async function publicKeyOf(KeyId: string): Promise<Buffer> {
    const { PublicKey = [] } = await kms.send(new GetPublicKeyCommand({ KeyId }));
    return Buffer.from(PublicKey);
  }

  test.each(mlDsa)('$spec signs, and others verify', async ({ spec, signer, bytes }) => {
    const KeyId = await make(spec, 'SIGN_VERIFY');
    if (KeyId === undefined) return;
    const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId }));
    expect(KeyMetadata).toMatchObject({ KeySpec: spec, KeyUsage: 'SIGN_VERIFY' });
    expect(KeyMetadata?.SigningAlgorithms).toEqual([SigningAlgorithm]);
    const der = await publicKeyOf(KeyId);
    expect(der).toHaveLength(bytes.publicKey);
    const publicKey = der.subarray(prefixBytes);
    for (const Message of [Buffer.of(0), randomBytes(4096)]) {
      const request = { KeyId, Message, SigningAlgorithm } as const;
      const { Signature = new Uint8Array() } = await kms.send(new SignCommand(request));
      expect(Signature).toHaveLength(bytes.signature);
      expect(signer.verify(publicKey, Message, Signature)).toBe(true);
      const verified = await kms.send(new VerifyCommand({ ...request, Signature }));
      expect(verified.SignatureValid).toBe(true);
      const mu = muOf(publicKey, Message);
      const external = { ...request, Message: mu, MessageType: 'EXTERNAL_MU', Signature } as const;
      expect((await kms.send(new VerifyCommand(external))).SignatureValid).toBe(true);
      const altered = Buffer.from(Signature);
      altered.writeUInt8(altered.readUInt8(1000) ^ 1, 1000);
      expect(
        await sdkRefusal(kms.send(new VerifyCommand({ ...request, Signature: altered }))),
      ).toMatchObject({ code: 'KMSInvalidSignatureException', status: 400 });
    }
  });

  test.each(mlDsa)('$spec signs no digest and no mu', async ({ spec }) => {
    const KeyId = await make(spec, 'SIGN_VERIFY');
    if (KeyId === undefined) return;
    const refusal = (MessageType: 'DIGEST' | 'EXTERNAL_MU', length: number) =>
      sdkRefusal(
        kms.send(
          new SignCommand({ KeyId, Message: randomBytes(length), MessageType, SigningAlgorithm }),
        ),
      );
    expect(await refusal('DIGEST', 64)).toEqual({
      code: 'ValidationException',
      message: `Message type DIGEST is incompatible with key spec ${spec}.`,
      status: 400,
    });
    expect(await refusal('EXTERNAL_MU', 63)).toEqual({
      code: 'ValidationException',
      message: `Digest is invalid length for algorithm ${SigningAlgorithm}.`,
      status: 400,
    });
    expect(await refusal('EXTERNAL_MU', 64)).toEqual({
      code: 'UnsupportedOperationException',
      message: 'the token lacks CKM_ML_DSA_EXTERNAL_MU (C_SignInit: CKR_MECHANISM_INVALID)',
      status: 400,
    });
  });

  test.each(mlKem)('$spec agrees with others on secrets', async ({ spec, kem, bytes }) => {
    const KeyId = await make(spec, 'ENCAPSULATE_DECAPSULATE');
    if (KeyId === undefined) return;
    const der = await publicKeyOf(KeyId);
    expect(der).toHaveLength(bytes.publicKey);
    const decapsulate = async (SharedSecretCiphertextBlob: Uint8Array): Promise<Buffer> => {
      const input = { KeyId, SharedSecretCiphertextBlob, ...ML_KEM };
      return Buffer.from((await kms.send(new DecapsulateCommand(input))).SharedSecret ?? []);
    };
    const outside = kem.encapsulate(der.subarray(prefixBytes));
    expect(await decapsulate(outside.cipherText)).toEqual(Buffer.from(outside.sharedSecret));
    const inside = await kms.send(new EncapsulateCommand({ KeyId, ...ML_KEM }));
    expect(inside.SharedSecretCiphertextBlob).toHaveLength(bytes.ciphertext);
    const secret = await decapsulate(inside.SharedSecretCiphertextBlob ?? new Uint8Array());
    expect(secret).toEqual(Buffer.from(inside.SharedSecret ?? []));
    expect(secret).toHaveLength(32);
    // Implicit rejection (FIPS 203 §6.3): another secret, and the same one each time.
    const altered = Buffer.from(outside.cipherText);
    altered.writeUInt8(altered.readUInt8(100) ^ 1, 100);
    const rejected = await decapsulate(altered);
    expect(rejected).toHaveLength(32);
    expect(rejected).not.toEqual(Buffer.from(outside.sharedSecret));
    expect(await decapsulate(altered)).toEqual(rejected);
    for (const length of [bytes.ciphertext - 1, bytes.ciphertext + 1]) {
      expect(await sdkRefusal(decapsulate(randomBytes(length)))).toMatchObject({
        code: 'InvalidCiphertextException',
        status: 400,
      });
    }
  });

  test('Encapsulate and Decapsulate are last uses of the key, and recorded without a secret', async () => {
    const KeyId = await make('ML_KEM_768', 'ENCAPSULATE_DECAPSULATE');
    if (KeyId === undefined) return;
    const inside = await kms.send(new EncapsulateCommand({ KeyId, ...ML_KEM }));
    const { SharedSecret = [], SharedSecretCiphertextBlob = new Uint8Array() } = inside;
    const outside = await kms.send(
      new DecapsulateCommand({ KeyId, SharedSecretCiphertextBlob, ...ML_KEM }),
    );
    const texts = await auditTexts(daemon);
    for (const [eventName, { $metadata }] of [
      ['Encapsulate', inside],
      ['Decapsulate', outside],
    ] as const) {
      const record = await auditOf(daemon, $metadata.requestId ?? '');
      expect(record).toMatchObject({ eventName, readOnly: true, responseElements: null });
      expect(record.requestParameters).toEqual({
        ...{ keyId: KeyId, encapsulationAlgorithm: 'ML_KEM' },
      });
    }
    for (const encoding of ['base64', 'hex'] as const) {
      for (const bytes of [SharedSecret, SharedSecretCiphertextBlob]) {
        const secret = Buffer.from(bytes).toString(encoding);
        expect(texts.filter((text) => text.includes(secret))).toEqual([]);
      }
    }
    const { KeyLastUsage } = await kms.send(new GetKeyLastUsageCommand({ KeyId }));
    expect(KeyLastUsage).toMatchObject({
      ...{ Operation: 'Decapsulate', KmsRequestId: outside.$metadata.requestId },
    });
  });

  test.each(mlKem)('A data key pair of $spec is made and opened again', async ({ spec, kem }) => {
    const { KeyMetadata: { KeyId } = {} } = await kms.send(new CreateKeyCommand({}));
    const request = { KeyId, KeyPairSpec: spec, EncryptionContext: { for: 'test' } };
    const making = kms.send(new GenerateDataKeyPairCommand(request));
    if (token.given && (await isRefused(making))) {
      expect(await sdkRefusal(making)).toEqual(wrapsNone(spec));
      return;
    }
    const pair = await making;
    const { Plaintext } = await kms.send(
      new DecryptCommand({
        CiphertextBlob: pair.PrivateKeyCiphertextBlob,
        EncryptionContext: { for: 'test' },
      }),
    );
    expect(Plaintext).toEqual(pair.PrivateKeyPlaintext);
    // PKCS#8 of RFC 9935 §6, which ends with the seed.
    const { publicKey } = kem.keygen(Buffer.from(Plaintext ?? []).subarray(-64));
    expect(Buffer.from(pair.PublicKey ?? []).subarray(prefixBytes)).toEqual(Buffer.from(publicKey));
  });

  test('A key does what it is for, and only while it may', async () => {
    const [signing, sealing] = [
      await make('ML_DSA_65', 'SIGN_VERIFY'),
      await make('ML_KEM_768', 'ENCAPSULATE_DECAPSULATE'),
    ];
    if (signing === undefined || sealing === undefined) return;
    const sign = (KeyId: string) =>
      kms.send(new SignCommand({ KeyId, Message: Buffer.of(1), SigningAlgorithm }));
    const encapsulate = (KeyId: string) => kms.send(new EncapsulateCommand({ KeyId, ...ML_KEM }));
    expect(await sdkRefusal(sign(sealing))).toMatchObject({ code: 'InvalidKeyUsageException' });
    expect(await sdkRefusal(encapsulate(signing))).toMatchObject({
      code: 'InvalidKeyUsageException',
    });
    // Cached in the worker by now.
    await sign(signing);
    await encapsulate(sealing);
    await kms.send(new DisableKeyCommand({ KeyId: signing }));
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId: sealing, PendingWindowInDays: 7 }));
    expect(await sdkRefusal(sign(signing))).toMatchObject({ code: 'DisabledException' });
    expect(await sdkRefusal(encapsulate(sealing))).toMatchObject({
      code: 'KMSInvalidStateException',
    });
  });
});

function isRefused(making: Promise<unknown>): Promise<boolean> {
  return making.then(
    () => false,
    () => true,
  );
}

function wrapsNone(spec: string): Awaited<ReturnType<typeof sdkRefusal>> {
  return {
    code: 'UnsupportedOperationException',
    message: `the token lacks CKM_AES_KEY_WRAP_KWP of ${spec} keys (C_WrapKey: CKR_FUNCTION_NOT_SUPPORTED)`,
    status: 400,
  };
}

/** FIPS 204, algorithms 2 and 7, with an empty context. */
function muOf(publicKey: Buffer, message: Buffer): Buffer {
  const shake256 = (...parts: readonly Buffer[]): Buffer =>
    createHash('shake256', { outputLength: 64 }).update(Buffer.concat(parts)).digest();
  return shake256(shake256(publicKey), Buffer.of(0, 0), message);
}
