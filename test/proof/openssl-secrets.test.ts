import {
  constants,
  createHmac,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import {
  DecryptCommand,
  DeriveSharedSecretCommand,
  EncryptCommand,
  type EncryptionAlgorithmSpec,
  GenerateMacCommand,
  GetPublicKeyCommand,
  type KMSClient,
  VerifyMacCommand,
} from '@aws-sdk/client-kms';
import { bringKey, type KnownKey, privateKeyOf, publicKeyOf } from '../support/brought-keys';
import { startDaemon, type TestDaemon } from '../support/daemon';
import { createKey } from '../support/kms';
import { openOpenSsl, type OpenSsl } from '../support/openssl';

const der = ['-keyform', 'DER'] as const;
const peerDer = ['-peerform', 'DER'] as const;

const macs = [
  ['HMAC_224', 'HMAC_SHA_224', 'sha224'],
  ['HMAC_256', 'HMAC_SHA_256', 'sha256'],
  ['HMAC_384', 'HMAC_SHA_384', 'sha384'],
  ['HMAC_512', 'HMAC_SHA_512', 'sha512'],
] as const;
const curves = [
  ['ECC_NIST_P256', 'prime256v1'],
  ['ECC_NIST_P384', 'secp384r1'],
  ['ECC_NIST_P521', 'secp521r1'],
] as const;
const rsaSpecs = ['RSA_2048', 'RSA_3072', 'RSA_4096'] as const;
const oaep = [
  ['RSAES_OAEP_SHA_1', 'sha1'],
  ['RSAES_OAEP_SHA_256', 'sha256'],
] as const satisfies readonly (readonly [EncryptionAlgorithmSpec, string])[];
const oaepCases = rsaSpecs.flatMap((spec) =>
  oaep.map(([name, hash]) => [spec, name, hash] as const),
);

let openssl: OpenSsl;
beforeAll(async () => {
  openssl = await openOpenSsl();
});
afterAll(() => openssl.remove());

function pairOn(namedCurve: string): { privateKey: KeyObject; pkcs8: Buffer; spki: Buffer } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve });
  return {
    privateKey,
    pkcs8: privateKey.export({ format: 'der', type: 'pkcs8' }),
    spki: publicKey.export({ format: 'der', type: 'spki' }),
  };
}

describe.each(['resident', 'wrapped'] as const)('where material is %s', (storage) => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  const rsaKeys = new Map<string, KnownKey>();

  beforeAll(async () => {
    daemon = await startDaemon({ environment: { CLAVIGER_KEY_MATERIAL: storage } });
    kms = daemon.client();
    for (const spec of rsaSpecs) {
      rsaKeys.set(spec, await bringKey(kms, { spec, usage: 'ENCRYPT_DECRYPT' }));
    }
  });
  afterAll(() => daemon.remove());

  test.each(macs)(
    'GenerateMac with an imported %s key is %s of OpenSSL',
    async (spec, MacAlgorithm, hash) => {
      const { id: KeyId, material } = await bringKey(kms, { spec, usage: 'GENERATE_VERIFY_MAC' });
      for (const length of [1, 128, 4096]) {
        const Message = randomBytes(length);
        const { Mac } = await kms.send(new GenerateMacCommand({ KeyId, MacAlgorithm, Message }));
        const made = await openssl.run(
          ...['mac', '-binary', '-digest', hash, '-macopt', `hexkey:${material.toString('hex')}`],
          ...['-in', Message, 'HMAC'],
        );
        expect(Buffer.from(Mac ?? [])).toEqual(made);
        expect(made).toEqual(createHmac(hash, material).update(Message).digest());
        const verified = new VerifyMacCommand({ KeyId, MacAlgorithm, Message, Mac: made });
        expect((await kms.send(verified)).MacValid).toBe(true);
      }
    },
  );

  const derive = async (KeyId: string, PublicKey: Buffer): Promise<Buffer> => {
    const { SharedSecret = new Uint8Array() } = await kms.send(
      new DeriveSharedSecretCommand({ KeyId, PublicKey, KeyAgreementAlgorithm: 'ECDH' }),
    );
    return Buffer.from(SharedSecret);
  };

  test.each(curves)(
    'DeriveSharedSecret with an imported %s key is what OpenSSL derives with it',
    async (spec, curve) => {
      const key = await bringKey(kms, { spec, usage: 'KEY_AGREEMENT' });
      const peer = pairOn(curve);
      const secret = await derive(key.id, peer.spki);
      const withPeer = ['-peerkey', peer.spki, ...peerDer];
      expect(secret).toEqual(
        await openssl.run('pkeyutl', '-derive', '-inkey', key.material, ...der, ...withPeer),
      );
      const publicKey = createPublicKey({ key: peer.spki, format: 'der', type: 'spki' });
      expect(secret).toEqual(diffieHellman({ privateKey: privateKeyOf(key), publicKey }));
    },
  );

  test.each(curves)(
    'an %s key that the token made agrees with a peer that is OpenSSL',
    async (spec, curve) => {
      const { id: KeyId } = await createKey(kms, { KeySpec: spec, KeyUsage: 'KEY_AGREEMENT' });
      const { PublicKey } = await kms.send(new GetPublicKeyCommand({ KeyId }));
      const peer = pairOn(curve);
      const withPeer = ['-peerkey', Buffer.from(PublicKey ?? []), ...peerDer];
      expect(await derive(KeyId, peer.spki)).toEqual(
        await openssl.run('pkeyutl', '-derive', '-inkey', peer.pkcs8, ...der, ...withPeer),
      );
    },
  );

  const padding = (hash: string): readonly string[] => [
    ...['-pkeyopt', 'rsa_padding_mode:oaep'],
    ...['-pkeyopt', `rsa_oaep_md:${hash}`, '-pkeyopt', `rsa_mgf1_md:${hash}`],
  ];
  const nodePadding = (oaepHash: string) => ({
    ...{ padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash },
  });

  test.each(oaepCases)(
    'OpenSSL decrypts what Encrypt made for an imported %s key by %s',
    async (spec, EncryptionAlgorithm, hash) => {
      const { id: KeyId, material } = rsaKeys.get(spec)!;
      const Plaintext = randomBytes(190);
      const { CiphertextBlob = new Uint8Array() } = await kms.send(
        new EncryptCommand({ KeyId, EncryptionAlgorithm, Plaintext }),
      );
      const sealed = Buffer.from(CiphertextBlob);
      const withKey = ['-inkey', material, ...der, ...padding(hash), '-in', sealed];
      expect(await openssl.run('pkeyutl', '-decrypt', ...withKey)).toEqual(Plaintext);
      const key = { ...nodePadding(hash), key: privateKeyOf({ material }) };
      expect(privateDecrypt(key, sealed)).toEqual(Plaintext);
    },
  );

  test.each(oaepCases)(
    'Decrypt opens what OpenSSL encrypted to an imported %s key by %s',
    async (spec, EncryptionAlgorithm, hash) => {
      const known = rsaKeys.get(spec)!;
      const Plaintext = randomBytes(190);
      const spki = publicKeyOf(known);
      const withKey = ['-pubin', '-inkey', spki, ...der, ...padding(hash), '-in', Plaintext];
      const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
      for (const CiphertextBlob of [
        await openssl.run('pkeyutl', '-encrypt', ...withKey),
        publicEncrypt({ ...nodePadding(hash), key }, Plaintext),
      ]) {
        const opened = await kms.send(
          new DecryptCommand({ KeyId: known.id, EncryptionAlgorithm, CiphertextBlob }),
        );
        expect(Buffer.from(opened.Plaintext ?? [])).toEqual(Plaintext);
      }
    },
  );
});
