import { constants, createPublicKey, hash, randomBytes, sign, verify } from 'node:crypto';
import {
  GetPublicKeyCommand,
  type KMSClient,
  SignCommand,
  type SigningAlgorithmSpec,
  VerifyCommand,
} from '@aws-sdk/client-kms';
import type { MaterialSpec } from '../../hsm';
import { bringKey, type KnownKey, privateKeyOf, publicKeyOf } from '../support/brought-keys';
import { startDaemon, type TestDaemon } from '../support/daemon';
import { createKey, sdkRefusal } from '../support/kms';
import { openOpenSsl, type OpenSsl } from '../support/openssl';

/** How node:crypto and the command line are told what AWS KMS calls a signing algorithm. */
interface Scheme {
  readonly hash: 'sha256' | 'sha384' | 'sha512';
  readonly node: { readonly padding?: number; readonly saltLength?: number };
  readonly dgst: readonly string[];
  readonly pkeyutl: readonly string[];
}

const hashes = ['sha256', 'sha384', 'sha512'] as const;
const nameOf = (hashName: string): string => hashName.replace('sha', 'SHA_');

const pkcs1 = hashes.map((name): [SigningAlgorithmSpec, Scheme] => [
  `RSASSA_PKCS1_V1_5_${nameOf(name)}` as SigningAlgorithmSpec,
  {
    hash: name,
    node: { padding: constants.RSA_PKCS1_PADDING },
    dgst: [],
    pkeyutl: ['-pkeyopt', 'rsa_padding_mode:pkcs1'],
  },
]);
const pss = hashes.map((name): [SigningAlgorithmSpec, Scheme] => [
  `RSASSA_PSS_${nameOf(name)}` as SigningAlgorithmSpec,
  {
    hash: name,
    node: {
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
    },
    dgst: ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:digest'],
    pkeyutl: ['-pkeyopt', 'rsa_padding_mode:pss', '-pkeyopt', 'rsa_pss_saltlen:digest'],
  },
]);
const ecdsa = hashes.map((name): [SigningAlgorithmSpec, Scheme] => [
  `ECDSA_${nameOf(name)}` as SigningAlgorithmSpec,
  { hash: name, node: {}, dgst: [], pkeyutl: [] },
]);
const schemes = new Map([...pkcs1, ...pss, ...ecdsa]);

const rsaAlgorithms = [...pkcs1, ...pss].map(([algorithm]) => algorithm);
const algorithms = {
  RSA_2048: rsaAlgorithms,
  RSA_3072: rsaAlgorithms,
  RSA_4096: rsaAlgorithms,
  ECC_NIST_P256: ['ECDSA_SHA_256'],
  ECC_NIST_P384: ['ECDSA_SHA_384'],
  ECC_NIST_P521: ['ECDSA_SHA_512'],
  ECC_SECG_P256K1: ['ECDSA_SHA_256'],
} as const satisfies Partial<Record<MaterialSpec, readonly SigningAlgorithmSpec[]>>;
type Spec = keyof typeof algorithms;
const specs = Object.keys(algorithms) as Spec[];
const cases = specs.flatMap((spec) =>
  algorithms[spec].map((algorithm) => [spec, algorithm] as const),
);

let openssl: OpenSsl;
beforeAll(async () => {
  openssl = await openOpenSsl();
});
afterAll(() => openssl.remove());

const der = ['-keyform', 'DER'] as const;

/** Both say so of the message, and the command line of its digest too. */
async function expectSignature(
  publicKey: Buffer,
  { scheme, message, signature }: { scheme: Scheme; message: Buffer; signature: Buffer },
): Promise<void> {
  const { hash: name, node, dgst, pkeyutl } = scheme;
  const key = { ...node, key: createPublicKey({ key: publicKey, format: 'der', type: 'spki' }) };
  expect(verify(name, message, key, signature)).toBe(true);
  const ofMessage = ['-verify', publicKey, ...der, '-signature', signature, message];
  expect(await openssl.verifies('dgst', `-${name}`, ...dgst, ...ofMessage)).toBe(true);
  const ofDigest = ['-in', hash(name, message, 'buffer'), '-sigfile', signature];
  const options = ['-pubin', '-inkey', publicKey, ...der, ...pkeyutl, '-pkeyopt', `digest:${name}`];
  expect(await openssl.verifies('pkeyutl', '-verify', ...options, ...ofDigest)).toBe(true);
}

describe.each(['resident', 'wrapped'] as const)('where material is %s', (storage) => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  const keys = new Map<Spec, KnownKey>();

  beforeAll(async () => {
    daemon = await startDaemon({ environment: { CLAVIGER_KEY_MATERIAL: storage } });
    kms = daemon.client();
    for (const spec of specs) keys.set(spec, await bringKey(kms, { spec, usage: 'SIGN_VERIFY' }));
  });
  afterAll(() => daemon.remove());

  const signs = async (
    KeyId: string,
    input: { SigningAlgorithm: SigningAlgorithmSpec; Message: Buffer; digest?: boolean },
  ): Promise<Buffer> => {
    const { SigningAlgorithm, Message, digest = false } = input;
    const { Signature = new Uint8Array() } = await kms.send(
      new SignCommand({
        ...{ KeyId, SigningAlgorithm, Message },
        ...(digest && { MessageType: 'DIGEST' }),
      }),
    );
    return Buffer.from(Signature);
  };
  const publicKeyAt = async (KeyId: string): Promise<Buffer> => {
    const { PublicKey = new Uint8Array() } = await kms.send(new GetPublicKeyCommand({ KeyId }));
    return Buffer.from(PublicKey);
  };

  test.each(specs)(
    'GetPublicKey of an imported %s key is what OpenSSL makes of it',
    async (spec) => {
      const key = keys.get(spec)!;
      const made = await openssl.run(
        ...['pkey', '-in', key.material, '-inform', 'DER', '-pubout', '-outform', 'DER'],
      );
      expect(await publicKeyAt(key.id)).toEqual(made);
    },
  );

  test.each(cases)(
    'node:crypto and openssl verify what an imported %s key signs by %s',
    async (spec, algorithm) => {
      const key = keys.get(spec)!;
      const scheme = schemes.get(algorithm)!;
      const message = randomBytes(100);
      const Message = hash(scheme.hash, message, 'buffer');
      const SigningAlgorithm = algorithm;
      for (const signature of [
        await signs(key.id, { SigningAlgorithm, Message: message }),
        await signs(key.id, { SigningAlgorithm, Message, digest: true }),
      ]) {
        await expectSignature(publicKeyOf(key), { scheme, message, signature });
      }
    },
  );

  test.each(cases)(
    'Verify accepts what node:crypto and openssl sign with the same %s key by %s',
    async (spec, algorithm) => {
      const key = keys.get(spec)!;
      const { hash: name, node, dgst, pkeyutl } = schemes.get(algorithm)!;
      const message = randomBytes(100);
      const digest = hash(name, message, 'buffer');
      const withKey = ['-inkey', key.material, ...der, ...pkeyutl, '-pkeyopt', `digest:${name}`];
      const signatures = [
        sign(name, message, { ...node, key: privateKeyOf(key) }),
        await openssl.run('dgst', `-${name}`, ...dgst, '-sign', key.material, ...der, message),
        await openssl.run('pkeyutl', '-sign', ...withKey, '-in', digest),
      ];
      for (const Signature of signatures) {
        const whose = { KeyId: key.id, SigningAlgorithm: algorithm, Signature };
        for (const what of [
          { Message: message },
          { Message: digest, MessageType: 'DIGEST' as const },
        ]) {
          const { SignatureValid } = await kms.send(new VerifyCommand({ ...whose, ...what }));
          expect(SignatureValid).toBe(true);
          const other = Buffer.from(what.Message);
          other[0] = (other[0] ?? 0) ^ 1;
          const refused = kms.send(new VerifyCommand({ ...whose, ...what, Message: other }));
          expect(await sdkRefusal(refused)).toMatchObject({
            ...{ code: 'KMSInvalidSignatureException', message: '', status: 400 },
          });
        }
      }
    },
  );

  test.each(specs.filter((spec) => spec.startsWith('RSA_')))(
    'RSASSA-PKCS1-v1_5 with an imported %s key is byte for byte what OpenSSL makes of it',
    async (spec) => {
      const key = keys.get(spec)!;
      const Message = randomBytes(100);
      for (const [SigningAlgorithm, { hash: name, node }] of pkcs1) {
        const own = await signs(key.id, { SigningAlgorithm, Message });
        expect(own).toEqual(sign(name, Message, { ...node, key: privateKeyOf(key) }));
        const withKey = ['-sign', key.material, ...der, Message];
        expect(own).toEqual(await openssl.run('dgst', `-${name}`, ...withKey));
      }
    },
  );

  test.each([
    'RSA_2048',
    'ECC_NIST_P256',
    'ECC_NIST_P384',
    'ECC_NIST_P521',
    'ECC_SECG_P256K1',
  ] as const)(
    'node:crypto and openssl verify what an %s key signs that the token made',
    async (spec) => {
      const { id } = await createKey(kms, { KeySpec: spec, KeyUsage: 'SIGN_VERIFY' });
      const publicKey = await publicKeyAt(id);
      const message = randomBytes(100);
      for (const SigningAlgorithm of algorithms[spec]) {
        const signature = await signs(id, { SigningAlgorithm, Message: message });
        const scheme = schemes.get(SigningAlgorithm)!;
        await expectSignature(publicKey, { scheme, message, signature });
      }
    },
  );

  const edwards = { KeySpec: 'ECC_NIST_EDWARDS25519', KeyUsage: 'SIGN_VERIFY' } as const;

  if (storage === 'wrapped') {
    test('an ECC_NIST_EDWARDS25519 key is refused, for SoftHSM wraps none', async () => {
      expect(await sdkRefusal(createKey(kms, edwards))).toEqual({
        ...{ code: 'UnsupportedOperationException', status: 400 },
        message:
          'the token lacks CKM_AES_KEY_WRAP_PAD of ECC_NIST_EDWARDS25519 keys (C_WrapKey: CKR_KEY_NOT_WRAPPABLE)',
      });
    });
    return;
  }

  test('node:crypto and openssl verify what an ECC_NIST_EDWARDS25519 key signs', async () => {
    const { id } = await createKey(kms, edwards);
    const publicKey = await publicKeyAt(id);
    const message = randomBytes(100);
    const signature = await signs(id, { SigningAlgorithm: 'ED25519_SHA_512', Message: message });
    const key = createPublicKey({ key: publicKey, format: 'der', type: 'spki' });
    expect(verify(null, message, key, signature)).toBe(true);
    const withKey = ['-pubin', '-inkey', publicKey, ...der, '-rawin', '-in', message];
    expect(await openssl.verifies('pkeyutl', '-verify', ...withKey, '-sigfile', signature)).toBe(
      true,
    );
    const { SignatureValid } = await kms.send(
      new VerifyCommand({
        ...{ KeyId: id, SigningAlgorithm: 'ED25519_SHA_512', Message: message },
        Signature: signature,
      }),
    );
    expect(SignatureValid).toBe(true);
  });
});
