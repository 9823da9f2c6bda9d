import { hash } from 'node:crypto';
import {
  type CreateKeyCommandInput,
  DeleteImportedKeyMaterialCommand,
  type KMSClient,
  type KeySpec,
  VerifyCommand,
} from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type NewKey, createKey, sdkRefusal } from '../support/kms';
import { createExternalKey, getParameters, importMaterial, pkcs8 } from '../support/kms-imports';
import {
  curveOrders,
  ecdsaOf,
  integersOf,
  malformedEcdsa,
  toNumber,
} from '../support/signature-forms';
import {
  Message,
  type OpenSslAlgorithm,
  type OpenSslSpec,
  openSslPair,
  openSslSchemes,
  pairOf,
  rsaAlgorithms,
  signed,
  signedByOpenSsl,
} from '../support/signing-keys';
import { call } from '../support/wire';

jest.setTimeout(60_000);

const ofSpec = (KeySpec: KeySpec): CreateKeyCommandInput => ({ KeySpec, KeyUsage: 'SIGN_VERIFY' });
type Ecdsa = Exclude<OpenSslSpec, 'RSA_2048' | 'ECC_NIST_EDWARDS25519'>;

/** Of keys that OpenSSL has too: it makes the signatures. */
describe('Verify', () => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  const keys = new Map<OpenSslSpec, NewKey>();
  beforeAll(async () => {
    daemon = await startDaemon();
    kms = daemon.client();
    for (const spec of Object.keys(openSslPair) as OpenSslSpec[]) {
      if (spec === 'ECC_NIST_EDWARDS25519') continue;
      const key = await createExternalKey(kms, ofSpec(spec));
      const algorithm = 'RSA_AES_KEY_WRAP_SHA_256';
      const parameters = await getParameters(kms, key.id, { algorithm });
      const material = pkcs8(pairOf(spec).privateKey);
      await importMaterial(kms, key.id, { material, parameters });
      keys.set(spec, key);
    }
  });
  afterAll(() => daemon.remove());

  const keyOf = (spec: OpenSslSpec): NewKey => {
    const key = keys.get(spec);
    if (key === undefined) throw new Error(`no key of ${spec} was imported`);
    return key;
  };
  const imported = signedByOpenSsl.filter(([spec]) => spec !== 'ECC_NIST_EDWARDS25519');
  const ecdsa = imported.filter((row): row is [Ecdsa, OpenSslAlgorithm] => row[0] in curveOrders);

  /** What Verify says of a signature, whether it is given the message or its digest. */
  async function verdict(
    { id }: NewKey,
    algorithm: OpenSslAlgorithm,
    { signature, message = Message }: { readonly signature: Buffer; readonly message?: Buffer },
  ): Promise<string> {
    const name = openSslSchemes[algorithm].hash;
    const input = {
      ...{ KeyId: id, SigningAlgorithm: algorithm },
      Signature: signature.toString('base64'),
    };
    const ways = [
      { Message: message.toString('base64') },
      ...(name === undefined
        ? []
        : [{ Message: hash(name, message, 'base64'), MessageType: 'DIGEST' }]),
    ];
    const said: string[] = [];
    for (const way of ways) {
      const { status, text } = await call(daemon, 'Verify', { ...input, ...way });
      said.push(`${status} ${text}`);
    }
    expect(said).toEqual(said.map(() => said[0]));
    return said[0] ?? '';
  }
  const invalid = '400 {"__type":"KMSInvalidSignatureException"}';
  const valid = ({ arn }: NewKey, SigningAlgorithm: string) =>
    `200 ${JSON.stringify({ KeyId: arn, SignatureValid: true, SigningAlgorithm })}`;

  test.each(imported)(
    'accepts a signature of OpenSSL with %s by %s, and no other',
    async (...row) => {
      const [spec, algorithm] = row;
      const key = keyOf(spec);
      const signature = signed(spec, algorithm);
      expect(await verdict(key, algorithm, { signature })).toBe(valid(key, algorithm));
      const message = Buffer.from('attack at dusk');
      expect(await verdict(key, algorithm, { signature, message })).toBe(invalid);
      const flipped = Buffer.from(signature);
      flipped[20] = (flipped[20] ?? 0) ^ 1;
      for (const wrong of [
        flipped,
        signature.subarray(1),
        signature.subarray(0, -1),
        Buffer.concat([signature, Buffer.of(0)]),
        Buffer.concat([Buffer.of(0), signature]),
        Buffer.of(0),
        Buffer.alloc(signature.length),
        Buffer.alloc(6144, 1),
        signed(spec, algorithm, message),
      ]) {
        expect(await verdict(key, algorithm, { signature: wrong })).toBe(invalid);
      }
    },
  );

  test('refuses a signature of another key', async () => {
    const signature = signed('ECC_NIST_P256', 'ECDSA_SHA_256');
    for (const key of [keyOf('ECC_SECG_P256K1'), await createKey(kms, ofSpec('ECC_NIST_P256'))]) {
      expect(await verdict(key, 'ECDSA_SHA_256', { signature })).toBe(invalid);
    }
    const other = await createKey(kms, ofSpec('RSA_2048'));
    const ofRsa = { signature: signed('RSA_2048', 'RSASSA_PSS_SHA_256') };
    expect(await verdict(other, 'RSASSA_PSS_SHA_256', ofRsa)).toBe(invalid);
  });

  test('refuses a signature by another algorithm', async () => {
    const key = keyOf('RSA_2048');
    for (const made of rsaAlgorithms) {
      const signature = signed('RSA_2048', made);
      for (const asked of rsaAlgorithms) {
        const expected = asked === made ? valid(key, asked) : invalid;
        expect([made, asked, await verdict(key, asked, { signature })]).toEqual([
          ...[made, asked, expected],
        ]);
      }
    }
  });

  test.each(ecdsa)(
    'accepts either s of an ECDSA signature with %s, in DER alone',
    async (...row) => {
      const [spec, algorithm] = row;
      const key = keyOf(spec);
      const signature = signed(spec, algorithm);
      const [r, s] = integersOf(signature).map(toNumber) as [bigint, bigint];
      for (const either of [s, curveOrders[spec] - s]) {
        const made = { signature: ecdsaOf(r, either) };
        expect(await verdict(key, algorithm, made)).toBe(valid(key, algorithm));
      }
      for (const [form, wrong] of Object.entries(malformedEcdsa(signature, curveOrders[spec]))) {
        const said = await verdict(key, algorithm, { signature: wrong });
        expect([form, said]).toEqual([form, invalid]);
      }
    },
  );

  test('is refused while imported material is not there, whatever the signature', async () => {
    const { privateKey } = openSslPair.ECC_NIST_P256();
    const { id: KeyId, arn } = await createExternalKey(kms, ofSpec('ECC_NIST_P256'));
    const ask = (Signature: Buffer) =>
      sdkRefusal(
        kms.send(
          new VerifyCommand({ KeyId, Message, Signature, SigningAlgorithm: 'ECDSA_SHA_256' }),
        ),
      );
    const pending = {
      ...{ code: 'KMSInvalidStateException', message: `${arn} is pending import.`, status: 400 },
    };
    expect(await ask(Buffer.of(1))).toEqual(pending);
    await importMaterial(kms, KeyId, { material: pkcs8(privateKey) });
    expect((await ask(Buffer.of(1))).code).toBe('KMSInvalidSignatureException');
    await kms.send(new DeleteImportedKeyMaterialCommand({ KeyId }));
    expect(await ask(Buffer.of(1))).toEqual(pending);
  });
});
