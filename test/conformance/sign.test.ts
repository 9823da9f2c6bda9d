import { hash, randomBytes } from 'node:crypto';
import {
  type CreateKeyCommandInput,
  GetPublicKeyCommand,
  type KMSClient,
  type KeySpec,
  SignCommand,
  type SignCommandInput,
  VerifyCommand,
} from '@aws-sdk/client-kms';
import { algorithmsOf } from '../../src/keys/specs';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type NewKey, createKey, sdkRefusal } from '../support/kms';
import { createExternalKey, importMaterial, pkcs8 } from '../support/kms-imports';
import {
  Message,
  type OpenSslAlgorithm,
  openSslPair,
  openSslSchemes,
  signedByOpenSsl,
  verifiedByOpenSsl,
} from '../support/signing-keys';

/** RSA keys take a second or more to make, of 4096 bits several. */
jest.setTimeout(180_000);

const ofSpec = (KeySpec: KeySpec): CreateKeyCommandInput => ({ KeySpec, KeyUsage: 'SIGN_VERIFY' });
const digestOf = (algorithm: OpenSslAlgorithm, message = Message): Buffer | undefined => {
  const { hash: name } = openSslSchemes[algorithm];
  return name && hash(name, message, 'buffer');
};

/** What the four ways of saying the same to Sign made, and that Verify accepts each said in either way. */
async function signedAndVerified(
  kms: KMSClient,
  KeyId: string,
  SigningAlgorithm: OpenSslAlgorithm,
): Promise<Buffer[]> {
  const digest = digestOf(SigningAlgorithm);
  const ways: Pick<SignCommandInput, 'Message' | 'MessageType'>[] = [
    { Message },
    { Message, MessageType: 'RAW' },
    ...(digest === undefined ? [] : [{ Message: digest, MessageType: 'DIGEST' as const }]),
  ];
  const made: Buffer[] = [];
  for (const way of ways) {
    const input = { KeyId, ...way, SigningAlgorithm };
    const { Signature = new Uint8Array() } = await kms.send(new SignCommand(input));
    for (const other of ways) {
      const asked = { KeyId, ...other, Signature, SigningAlgorithm };
      const { SignatureValid } = await kms.send(new VerifyCommand(asked));
      expect(SignatureValid).toBe(true);
    }
    made.push(Buffer.from(Signature));
  }
  return made;
}

describe.each(['resident', 'wrapped'])('Keys whose material is %s', (storage) => {
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

  test.each(signedByOpenSsl)(
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

  test.each(signedByOpenSsl)(
    'of %s sign by %s messages of every size',
    async (spec, SigningAlgorithm) => {
      const { id: KeyId } = await keyOf(spec);
      const publicKey = await publicKeyOf(KeyId);
      for (const length of [1, 64, 4096]) {
        const message = randomBytes(length);
        const input = { KeyId, Message: message, SigningAlgorithm };
        const { Signature: signature } = await kms.send(new SignCommand(input));
        const made = { message, signature: signature ?? new Uint8Array() };
        expect(verifiedByOpenSsl(SigningAlgorithm, publicKey, made)).toBe(true);
      }
    },
  );

  const importable = signedByOpenSsl.filter(([spec]) => spec !== 'ECC_NIST_EDWARDS25519');
  test.each(importable)('of %s that were imported sign by %s as OpenSSL does', async (...row) => {
    const [spec, algorithm] = row;
    const pair = openSslPair[spec]?.();
    if (pair === undefined) throw new Error(`OpenSSL makes no ${spec}`);
    const { id } = await createExternalKey(kms, ofSpec(spec));
    await importMaterial(kms, id, { material: pkcs8(pair.privateKey), ...rsaWrapping(spec) });
    const publicKey = pair.publicKey.export({ format: 'der', type: 'spki' });
    expect(Buffer.from(await publicKeyOf(id))).toEqual(publicKey);
    for (const signature of await signedAndVerified(kms, id, algorithm)) {
      expect(verifiedByOpenSsl(algorithm, publicKey, { signature })).toBe(true);
    }
  });
});
