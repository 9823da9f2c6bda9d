import {
  DecryptCommand,
  DeriveSharedSecretCommand,
  GenerateMacCommand,
  type KMSClient,
  type SigningAlgorithmSpec,
  VerifyCommand,
  VerifyMacCommand,
} from '@aws-sdk/client-kms';
import type { MaterialKind, MaterialSpec } from '../../hsm';
import { bringKey, bringMaterial, type KnownKey } from '../support/brought-keys';
import { startDaemon, type TestDaemon } from '../support/daemon';
import { ecField, ecPkcs8, vectorCurves } from '../support/ec-vectors';
import { changeAndAnnounce, createKey, sdkRefusal } from '../support/kms';
import { readVectors, type Vector } from '../support/vectors';

/*
 * A few of each file through the whole daemon, as an AWS SDK asks: that the operations do what the modules do, of which
 * the other tests here judge every vector.
 */

let daemon: TestDaemon;
let kms: KMSClient;

beforeAll(async () => {
  daemon = await startDaemon();
  kms = daemon.client();
});
afterAll(() => daemon.remove());

const each = 3;

/** Some of each result, spread over the file; of those that the shapes of the operation let through. */
function handful(file: string, members: readonly string[]): readonly Vector[] {
  const whole = readVectors(file).filter((vector) =>
    members.every((member) => vector.bytes(member).length > 0),
  );
  return (['valid', 'invalid'] as const).flatMap((result) => {
    const some = whole.filter((vector) => vector.result === result);
    const step = Math.max(1, Math.floor(some.length / each));
    return some.filter((_, index) => index % step === 0).slice(0, each);
  });
}

/** An import takes a new pair of keys: one for each material. */
const brought = new Map<string, Promise<KnownKey>>();

function broughtOnce(kind: MaterialKind, material: Buffer): Promise<KnownKey> {
  const name = `${kind.spec} ${kind.usage} ${material.toString('hex')}`;
  const bringing = brought.get(name) ?? bringMaterial(kms, kind, material);
  brought.set(name, bringing);
  return bringing;
}

async function expectRefusal(sending: Promise<unknown>, code: string): Promise<void> {
  expect(await sdkRefusal(sending)).toEqual({ code, message: '', status: 400 });
}

/** A KMS key whose public half is that of the vectors: of their private half nobody tells. */
async function keyWithPublicKey(spec: MaterialSpec, publicKey: Buffer): Promise<string> {
  const kind: MaterialKind = { spec, usage: 'SIGN_VERIFY' };
  const { id } = spec.startsWith('RSA_')
    ? await bringKey(kms, kind)
    : await createKey(kms, { KeySpec: spec, KeyUsage: 'SIGN_VERIFY' });
  const bytes = `'\\x${publicKey.toString('hex')}'::bytea`;
  const sql = `update key_material set public_key = ${bytes} where key_id = $1`;
  await changeAndAnnounce(daemon, { topic: 'key', id, sql });
  return id;
}

test.each([
  ['RSA_2048', 'RSASSA_PSS_SHA_384', 'rsa_pss_2048_sha384_mgf1_48_test.json'],
  ['RSA_3072', 'RSASSA_PSS_SHA_256', 'rsa_pss_3072_sha256_mgf1_32_test.json'],
  ['RSA_4096', 'RSASSA_PSS_SHA_512', 'rsa_pss_4096_sha512_mgf1_64_test.json'],
  ['RSA_2048', 'RSASSA_PKCS1_V1_5_SHA_256', 'rsa_signature_2048_sha256_test.json'],
  ['RSA_3072', 'RSASSA_PKCS1_V1_5_SHA_384', 'rsa_signature_3072_sha384_test.json'],
  ['RSA_4096', 'RSASSA_PKCS1_V1_5_SHA_512', 'rsa_signature_4096_sha512_test.json'],
  ['ECC_NIST_P256', 'ECDSA_SHA_256', 'ecdsa_secp256r1_sha256_test.json'],
  ['ECC_NIST_P384', 'ECDSA_SHA_384', 'ecdsa_secp384r1_sha384_test.json'],
  ['ECC_NIST_P521', 'ECDSA_SHA_512', 'ecdsa_secp521r1_sha512_test.json'],
  ['ECC_SECG_P256K1', 'ECDSA_SHA_256', 'ecdsa_secp256k1_sha256_test.json'],
  ['ECC_NIST_EDWARDS25519', 'ED25519_SHA_512', 'ed25519_test.json'],
] as const satisfies readonly (readonly [MaterialSpec, SigningAlgorithmSpec, string])[])(
  'Verify of an %s key by %s judges as Wycheproof does',
  async (spec, SigningAlgorithm, file) => {
    const some = handful(`wycheproof/${file}`, ['msg', 'sig']);
    // A file of ECDSA has many public keys: those of the first, and of what is wrong with its signatures.
    const publicKey = some.find(({ result }) => result === 'invalid')!.text('publicKeyDer');
    const ofKey = readVectors(`wycheproof/${file}`).filter(
      (vector) =>
        vector.text('publicKeyDer') === publicKey &&
        vector.bytes('msg').length > 0 &&
        vector.bytes('sig').length > 0,
    );
    const valid = ofKey.filter(({ result }) => result === 'valid').slice(0, each);
    const invalid = ofKey.filter(({ result }) => result === 'invalid').slice(0, each);
    expect([valid.length, invalid.length]).toEqual([each, each]);
    const KeyId = await keyWithPublicKey(spec, Buffer.from(publicKey, 'base64'));
    const ask = (vector: Vector) =>
      kms.send(
        new VerifyCommand({
          ...{ KeyId, SigningAlgorithm, Message: vector.bytes('msg') },
          Signature: vector.bytes('sig'),
        }),
      );
    for (const vector of valid) expect((await ask(vector)).SignatureValid).toBe(true);
    for (const vector of invalid) await expectRefusal(ask(vector), 'KMSInvalidSignatureException');
  },
);

test.each([
  ['HMAC_224', 'HMAC_SHA_224', 'hmac_sha224_test.json'],
  ['HMAC_256', 'HMAC_SHA_256', 'hmac_sha256_test.json'],
  ['HMAC_384', 'HMAC_SHA_384', 'hmac_sha384_test.json'],
  ['HMAC_512', 'HMAC_SHA_512', 'hmac_sha512_test.json'],
] as const)(
  'VerifyMac of an imported %s key by %s judges as Wycheproof does',
  async (spec, MacAlgorithm, file) => {
    for (const vector of handful(`wycheproof/${file}`, ['msg'])) {
      const kind: MaterialKind = { spec, usage: 'GENERATE_VERIFY_MAC' };
      const { id: KeyId } = await broughtOnce(kind, vector.bytes('key'));
      const [Message, Mac] = [vector.bytes('msg'), vector.bytes('tag')];
      const verified = kms.send(new VerifyMacCommand({ KeyId, MacAlgorithm, Message, Mac }));
      const whole = vector.number('tagSize') === vector.number('keySize');
      if (vector.result === 'valid' && whole) {
        expect((await verified).MacValid).toBe(true);
        const made = await kms.send(new GenerateMacCommand({ KeyId, MacAlgorithm, Message }));
        expect(Buffer.from(made.Mac ?? [])).toEqual(Mac);
      } else {
        await expectRefusal(verified, 'KMSInvalidMacException');
      }
    }
  },
);

test.each([
  ['P-256', 'ecdh_secp256r1_test.json'],
  ['P-384', 'ecdh_secp384r1_test.json'],
  ['P-521', 'ecdh_secp521r1_test.json'],
])('DeriveSharedSecret of an imported key on %s does as Wycheproof says', async (_on, file) => {
  const some = handful(`wycheproof/${file}`, ['public', 'private']);
  for (const vector of some) {
    const curve = vectorCurves[vector.text('curve')]!;
    // What is refused is so whatever the private key.
    const { text, bytes } = vector.result === 'valid' ? vector : some[0]!;
    expect(text('curve')).toBe(vector.text('curve'));
    const material = ecPkcs8(ecField(bytes('private'), curve), curve);
    const { id: KeyId } = await broughtOnce({ spec: curve.spec, usage: 'KEY_AGREEMENT' }, material);
    const PublicKey = vector.bytes('public');
    const deriving = kms.send(
      new DeriveSharedSecretCommand({ KeyId, PublicKey, KeyAgreementAlgorithm: 'ECDH' }),
    );
    if (vector.result === 'valid') {
      const { SharedSecret } = await deriving;
      expect(Buffer.from(SharedSecret ?? [])).toEqual(ecField(vector.bytes('shared'), curve));
    } else {
      await expectRefusal(deriving, 'ValidationException');
    }
  }
});

test.each([
  ['RSA_2048', 'RSAES_OAEP_SHA_1', 'rsa_oaep_2048_sha1_mgf1sha1_test.json'],
  ['RSA_2048', 'RSAES_OAEP_SHA_256', 'rsa_oaep_2048_sha256_mgf1sha256_test.json'],
  ['RSA_3072', 'RSAES_OAEP_SHA_256', 'rsa_oaep_3072_sha256_mgf1sha256_test.json'],
  ['RSA_4096', 'RSAES_OAEP_SHA_256', 'rsa_oaep_4096_sha256_mgf1sha256_test.json'],
] as const)(
  'Decrypt of an imported %s key by %s does as Wycheproof says',
  async (spec, EncryptionAlgorithm, file) => {
    const some = handful(`wycheproof/${file}`, ['msg', 'ct']);
    const material = some[0]!.bytes('privateKeyPkcs8');
    const { id: KeyId } = await bringMaterial(kms, { spec, usage: 'ENCRYPT_DECRYPT' }, material);
    for (const vector of some) {
      const CiphertextBlob = vector.bytes('ct');
      const decrypting = kms.send(
        new DecryptCommand({ KeyId, EncryptionAlgorithm, CiphertextBlob }),
      );
      if (vector.result === 'valid' && vector.text('label') === '') {
        expect(Buffer.from((await decrypting).Plaintext ?? [])).toEqual(vector.bytes('msg'));
      } else {
        await expectRefusal(decrypting, 'InvalidCiphertextException');
      }
    }
  },
);
