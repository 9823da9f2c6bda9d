import { randomBytes } from 'node:crypto';
import {
  type CreateKeyCommandInput,
  GetPublicKeyCommand,
  type KMSClient,
  type KeySpec,
  SignCommand,
  VerifyCommand,
} from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type NewKey, createKey } from '../support/kms';
import { signedAndVerified } from '../support/kms-signing';
import { createExternalKey, getParameters, importMaterial, pkcs8 } from '../support/kms-imports';
import {
  Message,
  openSslPair,
  signedWith,
  signedByOpenSsl,
  verifiedByOpenSsl,
} from '../support/signing-keys';

jest.setTimeout(60_000);

const ofSpec = (KeySpec: KeySpec): CreateKeyCommandInput => ({ KeySpec, KeyUsage: 'SIGN_VERIFY' });
/** SoftHSM wraps no Ed25519 key. */
const kept = [
  ['resident', signedByOpenSsl],
  ['wrapped', signedByOpenSsl.filter(([spec]) => spec !== 'ECC_NIST_EDWARDS25519')],
] as const;

describe.each(kept)('Keys whose material is %s', (storage, served) => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  const keys = new Map<KeySpec, Promise<NewKey>>();
  /** One of each spec. */
  const keyOf = (spec: KeySpec): Promise<NewKey> => {
    const key = keys.get(spec) ?? createKey(kms, ofSpec(spec));
    keys.set(spec, key);
    return key;
  };
  beforeAll(async () => {
    daemon = await startDaemon({ environment: { CLAVIGER_KEY_MATERIAL: storage } });
    kms = daemon.client();
  });
  afterAll(() => daemon.remove());

  const publicKeyOf = async (KeyId: string): Promise<Uint8Array> =>
    (await kms.send(new GetPublicKeyCommand({ KeyId }))).PublicKey ?? new Uint8Array();

  test.each(served)(
    'of %s sign by %s what OpenSSL verifies with their public key',
    async (spec, algorithm) => {
      const { id, arn } = await keyOf(spec);
      const publicKey = await publicKeyOf(id);
      for (const signature of await signedAndVerified(kms, id, algorithm)) {
        expect(verifiedByOpenSsl(algorithm, publicKey, { signature })).toBe(true);
        const message = Buffer.from('another');
        expect(verifiedByOpenSsl(algorithm, publicKey, { message, signature })).toBe(false);
      }
      const input = { KeyId: id, Message, SigningAlgorithm: algorithm };
      const { $metadata: _, Signature, ...rest } = await kms.send(new SignCommand(input));
      expect(rest).toEqual({ KeyId: arn, SigningAlgorithm: algorithm });
      const verifying = new VerifyCommand({ ...input, Signature });
      const { $metadata: __, ...verified } = await kms.send(verifying);
      expect(verified).toEqual({ KeyId: arn, SignatureValid: true, SigningAlgorithm: algorithm });
    },
  );

  test.each(served)('of %s sign by %s messages of every size', async (spec, SigningAlgorithm) => {
    const { id: KeyId } = await keyOf(spec);
    const publicKey = await publicKeyOf(KeyId);
    for (const length of [1, 64, 4096]) {
      const message = randomBytes(length);
      const input = { KeyId, Message: message, SigningAlgorithm };
      const { Signature: signature } = await kms.send(new SignCommand(input));
      const made = { message, signature: signature ?? new Uint8Array() };
      expect(verifiedByOpenSsl(SigningAlgorithm, publicKey, made)).toBe(true);
    }
  });

  test.each([
    'RSA_2048',
    'ECC_NIST_P256',
    'ECC_NIST_P384',
    'ECC_NIST_P521',
    'ECC_SECG_P256K1',
  ] as const)('of %s that were imported sign as OpenSSL does', async (spec) => {
    const pair = openSslPair[spec]();
    const { id } = await createExternalKey(kms, ofSpec(spec));
    const algorithm = 'RSA_AES_KEY_WRAP_SHA_256';
    const parameters = await getParameters(kms, id, { algorithm });
    await importMaterial(kms, id, { material: pkcs8(pair.privateKey), parameters });
    const publicKey = pair.publicKey.export({ format: 'der', type: 'spki' });
    expect(Buffer.from(await publicKeyOf(id))).toEqual(publicKey);
    for (const [, one] of signedByOpenSsl.filter(([of]) => of === spec)) {
      for (const signature of await signedAndVerified(kms, id, one)) {
        expect(verifiedByOpenSsl(one, publicKey, { signature })).toBe(true);
      }
      const Signature = signedWith(pair.privateKey, one);
      const input = { KeyId: id, Message, Signature, SigningAlgorithm: one };
      expect((await kms.send(new VerifyCommand(input))).SignatureValid).toBe(true);
    }
  });
});
