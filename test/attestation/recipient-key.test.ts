import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { accepted, attester, documentOf, reasonOf, recipient, spki } from './trial';

describe('A recipient with', () => {
  const notSpki = 'public_key is not a SubjectPublicKeyInfo';
  const notRsa = 'public_key is not the SubjectPublicKeyInfo of an RSA key of 2048 to 4096 bits';

  test('4096 bits is answered', async () => {
    expect(await reasonOf(documentOf({ public_key: keyOf(4096, 65537) }))).toBe(accepted);
  });

  test.each<[string, () => Buffer, string]>([
    ['bytes that are no key', () => Buffer.from('key'), notSpki],
    ['a certificate', () => attester.module.der, notSpki],
    [
      'a private key',
      () =>
        generateKeyPairSync('rsa', { modulusLength: 2048 })
          .privateKey.export({ type: 'pkcs8', format: 'der' })
          .subarray(0, 1024),
      notSpki,
    ],
    [
      'a key in PKCS #1',
      () =>
        generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({
          type: 'pkcs1',
          format: 'der',
        }),
      notSpki,
    ],
    ['a key and bytes behind it', () => Buffer.concat([recipient, Buffer.of(0)]), notRsa],
    ['a key of P-384', () => spki(attester.module.publicKey), notRsa],
    ['a key of X25519', () => spki(generateKeyPairSync('x25519').publicKey), notRsa],
    [
      'a key for RSASSA-PSS alone',
      () => spki(generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey),
      notRsa,
    ],
    ['a key of 1024 bits', () => keyOf(1024, 65537), notRsa],
    ['a key of 2047 bits', () => keyOf(2047, 65537), notRsa],
    ['a key of 4097 bits', () => keyOf(4097, 65537), notRsa],
    ['the exponent 3', () => keyOf(2048, 3), notRsa],
    ['the exponent 1', () => keyOf(2048, 1), notRsa],
    ['an even exponent', () => keyOf(2048, 0x10002), notRsa],
  ])('%s is refused', async (_name, make, reason) => {
    expect(await reasonOf(documentOf({ public_key: make() }))).toBe(reason);
  });
});

/** A public key that nobody has the private half of. */
function keyOf(bits: number, exponent: number): Buffer {
  const n = Buffer.alloc(Math.ceil(bits / 8), 0xff);
  n[0] = 0xff >> (n.length * 8 - bits);
  const e = Buffer.from(exponent.toString(16).padStart(6, '0'), 'hex');
  const jwk = { kty: 'RSA', n: n.toString('base64url'), e: e.toString('base64url') };
  return spki(createPublicKey({ key: jwk, format: 'jwk' }));
}
