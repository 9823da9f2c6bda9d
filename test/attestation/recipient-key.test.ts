import { type KeyObject, createPublicKey, generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { envelopeRandomBytes, sealInEnvelope } from '../../src/attestation/envelope';
import { AttestationFault } from '../../src/attestation/fault';
import { readRecipientKey } from '../../src/attestation/recipient-key';
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
    [
      'a long exponent and modulus',
      () => keyOf(4096, 2n ** 65n + 1n),
      'public_key is one that nothing can be sealed to',
    ],
    ['an exponent beyond 256 bits', () => keyOf(2048, 2n ** 256n + 1n), notRsa],
    [
      'an even modulus',
      () => keyOf(2048, 65537, 0xfe),
      'public_key is one that nothing can be sealed to',
    ],
    ['an even exponent', () => keyOf(2048, 0x10002), notRsa],
  ])('%s is refused', async (_name, make, reason) => {
    expect(await reasonOf(documentOf({ public_key: make() }))).toBe(reason);
  });
});

test('Whatever numbers a document calls a key, an answer can be sealed to it or it is refused', () => {
  const numbers = fc.record({
    bits: fc.integer({ min: 2040, max: 4100 }),
    exponent: fc.bigInt({ min: 1n, max: 2n ** 260n }),
    low: fc.integer({ min: 0, max: 255 }),
  });
  const sealed = { yes: 0, no: 0 };
  fc.assert(
    fc.property(numbers, ({ bits, exponent, low }) => {
      const key = keyOf(bits, exponent, low);
      let read: KeyObject;
      try {
        read = readRecipientKey(key);
      } catch (error) {
        expect(error).toBeInstanceOf(AttestationFault);
        sealed.no += 1;
        return;
      }
      sealInEnvelope(read, Buffer.alloc(32), Buffer.alloc(envelopeRandomBytes));
      sealed.yes += 1;
    }),
    {
      examples: [
        [{ bits: 4096, exponent: 2n ** 64n - 1n, low: 255 }],
        [{ bits: 2048, exponent: 65537n, low: 254 }],
      ],
    },
  );
  expect(Object.values(sealed)).not.toContain(0);
});

/** A public key that nobody has the private half of. */
function keyOf(bits: number, exponent: number | bigint, low = 0xff): Buffer {
  const n = Buffer.alloc(Math.ceil(bits / 8), 0xff);
  n[0] = 0xff >> (n.length * 8 - bits);
  n[n.length - 1] = low;
  const hex = exponent.toString(16);
  const e = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  const jwk = { kty: 'RSA', n: n.toString('base64url'), e: e.toString('base64url') };
  return spki(createPublicKey({ key: jwk, format: 'jwk' }));
}
