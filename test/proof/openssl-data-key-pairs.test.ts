import { randomBytes } from 'node:crypto';
import {
  type DataKeyPairSpec,
  DecryptCommand,
  GenerateDataKeyPairCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { startDaemon, type TestDaemon } from '../support/daemon';
import { createKey } from '../support/kms';
import { openOpenSsl, type OpenSsl } from '../support/openssl';

let openssl: OpenSsl;
let daemon: TestDaemon;
let kms: KMSClient;
let KeyId: string;

beforeAll(async () => {
  openssl = await openOpenSsl();
  daemon = await startDaemon();
  kms = daemon.client();
  KeyId = (await createKey(kms)).id;
});
afterAll(async () => {
  await daemon.remove();
  await openssl.remove();
});

const der = ['-keyform', 'DER'] as const;

/** What `openssl pkey -text` calls it. */
const texts: Partial<Record<DataKeyPairSpec, RegExp>> = {
  RSA_2048: /^Private-Key: \(2048 bit/,
  RSA_3072: /^Private-Key: \(3072 bit/,
  ECC_NIST_P256: /^ASN1 OID: prime256v1$/m,
  ECC_NIST_P384: /^ASN1 OID: secp384r1$/m,
  ECC_NIST_P521: /^ASN1 OID: secp521r1$/m,
  ECC_SECG_P256K1: /^ASN1 OID: secp256k1$/m,
  ECC_NIST_EDWARDS25519: /^ED25519 Private-Key:$/m,
};

test.each(Object.entries(texts) as [DataKeyPairSpec, RegExp][])(
  'openssl reads both halves of a data key pair of %s, and signs with one what the other verifies',
  async (KeyPairSpec, text) => {
    const EncryptionContext = { purpose: 'proof' };
    const pair = await kms.send(
      new GenerateDataKeyPairCommand({ KeyId, KeyPairSpec, EncryptionContext }),
    );
    const { PrivateKeyPlaintext, PublicKey, PrivateKeyCiphertextBlob: CiphertextBlob } = pair;
    const privateKey = Buffer.from(PrivateKeyPlaintext ?? []);
    const publicKey = Buffer.from(PublicKey ?? []);
    const read = ['pkey', '-in', privateKey, '-inform', 'DER'] as const;
    expect((await openssl.run(...read, '-noout', '-text')).toString()).toMatch(text);
    expect(await openssl.run(...read, '-pubout', '-outform', 'DER')).toEqual(publicKey);
    const message = randomBytes(32);
    // Ed25519 signs the message, the others take these 32 bytes for its digest.
    const raw = KeyPairSpec === 'ECC_NIST_EDWARDS25519' ? ['-rawin'] : [];
    const signature = await openssl.run(
      ...['pkeyutl', '-sign', '-inkey', privateKey, ...der, ...raw, '-in', message],
    );
    const withPublic = ['-pubin', '-inkey', publicKey, ...der, ...raw, '-in', message];
    expect(await openssl.verifies('pkeyutl', '-verify', ...withPublic, '-sigfile', signature)).toBe(
      true,
    );
    const opened = await kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext }));
    expect(Buffer.from(opened.Plaintext ?? [])).toEqual(privateKey);
  },
);
