import { constants, hash, sign } from 'node:crypto';
import { toNumber } from '../support/signature-forms';
import {
  Message,
  pairOf,
  pssEncoded,
  recovered,
  signEncoded,
  signed,
  verdict,
} from '../support/signing-keys';

describe('An RSA signature', () => {
  /** As long as the modulus, of the bytes 00 01, as many FF as fit, 00 and the end. */
  const encoded = (end: Buffer, type = 1, padding = 0xff) =>
    Buffer.concat([
      Buffer.of(0, type),
      Buffer.alloc(256 - 3 - end.length, padding),
      Buffer.of(0),
      end,
    ]);
  const digest = hash('sha256', Message, 'buffer');
  const info = (hex: string) => Buffer.concat([Buffer.from(hex, 'hex'), digest]);
  const sha256 = '3031300d060960864801650304020105000420';

  test('of another PKCS #1 encoding than the one is refused', () => {
    const { key, privateKey } = pairOf('RSA_2048');
    const forms: Readonly<Record<string, readonly [Buffer, 'valid' | 'invalid']>> = {
      'as it must be': [encoded(info(sha256)), 'valid'],
      'without the NULL': [
        encoded(info('302f300b0609608648016503040201 0420'.replace(' ', ''))),
        'invalid',
      ],
      'without DigestInfo': [encoded(digest), 'invalid'],
      'of another hash': [encoded(info(sha256.replace('0201', '0203'))), 'invalid'],
      'with a length in the long form': [encoded(info(`308131${sha256.slice(4)}`)), 'invalid'],
      'for encryption': [encoded(info(sha256), 2), 'invalid'],
      'of type 0': [encoded(info(sha256), 0, 0), 'invalid'],
      'with other padding': [encoded(info(sha256), 1, 0xfe), 'invalid'],
      'with garbage after the digest': [
        Buffer.concat([
          Buffer.of(0, 1),
          Buffer.alloc(8, 0xff),
          Buffer.of(0),
          info(sha256),
          Buffer.alloc(256 - 11 - 51, 7),
        ]),
        'invalid',
      ],
      zero: [Buffer.alloc(256), 'invalid'],
    };
    for (const [form, [message, expected]] of Object.entries(forms)) {
      const signature = signEncoded(privateKey, message);
      expect([form, verdict(key, 'RSASSA_PKCS1_V1_5_SHA_256', signature)]).toEqual([
        form,
        expected,
      ]);
    }
  });

  test.each([0, 1, 20, 31, 33, 48, 64, constants.RSA_PSS_SALTLEN_MAX_SIGN])(
    'by PSS with a salt of %i bytes is refused, whose hash has 32',
    (saltLength) => {
      const { key, privateKey } = pairOf('RSA_2048');
      const padding = constants.RSA_PKCS1_PSS_PADDING;
      const signature = sign('sha256', Message, { key: privateKey, padding, saltLength });
      expect(verdict(key, 'RSASSA_PSS_SHA_256', signature)).toBe('invalid');
    },
  );

  test('of another PSS encoding is refused', () => {
    const { key, privateKey, publicKey } = pairOf('RSA_2048');
    const signature = signed('RSA_2048', 'RSASSA_PSS_SHA_256');
    const message = recovered(publicKey, signature);
    const changed = (at: number, bits: number): Buffer => {
      const copy = Buffer.from(message);
      copy[at] = (copy[at] ?? 0) ^ bits;
      return signEncoded(privateKey, copy);
    };
    expect(verdict(key, 'RSASSA_PSS_SHA_256', signEncoded(privateKey, message))).toBe('valid');
    // The trailer (CC is that of ISO 9796-2), the hash, the salt, the 01 before it, the padding before that.
    for (const [at, bits] of [
      [255, 0xbc ^ 0xcc],
      [255, 1],
      [254, 1],
      [223, 0x80],
      [222, 1],
      [191, 1],
      [190, 3],
      [190, 1],
      [189, 1],
      [100, 0x10],
      [0, 1],
    ] as const) {
      expect([at, verdict(key, 'RSASSA_PSS_SHA_256', changed(at, bits))]).toEqual([at, 'invalid']);
    }
  });

  test('by PSS that masks with another hash is refused', () => {
    const { key, privateKey } = pairOf('RSA_2048');
    for (const [masking, expected] of [
      ['sha256', 'valid'],
      ['sha1', 'invalid'],
      ['sha512', 'invalid'],
    ] as const) {
      const signature = signEncoded(privateKey, pssEncoded(digest, masking));
      expect([masking, verdict(key, 'RSASSA_PSS_SHA_256', signature)]).toEqual([masking, expected]);
    }
  });

  test.each(['RSASSA_PSS_SHA_256', 'RSASSA_PKCS1_V1_5_SHA_512'] as const)(
    'by %s that begins with zeros has them, neither more nor fewer',
    (algorithm) => {
      const { key } = pairOf('RSA_2048');
      let signature: Buffer = Buffer.of(1);
      let message = Message;
      for (let i = 0; signature[0] !== 0; i++) {
        message = Buffer.from(`message ${i}`);
        signature = signed('RSA_2048', algorithm, message);
      }
      expect(verdict(key, algorithm, signature, message)).toBe('valid');
      expect(verdict(key, algorithm, signature.subarray(1), message)).toBe('invalid');
      const longer = Buffer.concat([Buffer.of(0), signature]);
      expect(verdict(key, algorithm, longer, message)).toBe('invalid');
    },
  );

  test('that is as great as the modulus, or greater, is refused', () => {
    const { key, publicKey } = pairOf('RSA_2048');
    const modulus = Buffer.from(publicKey.export({ format: 'jwk' }).n ?? '', 'base64url');
    for (const algorithm of ['RSASSA_PSS_SHA_256', 'RSASSA_PKCS1_V1_5_SHA_256'] as const) {
      const value = toNumber(signed('RSA_2048', algorithm)) + toNumber(modulus);
      const beyond = Buffer.from(value.toString(16).padStart(514, '0'), 'hex');
      expect(verdict(key, algorithm, modulus)).toBe('invalid');
      expect(verdict(key, algorithm, beyond[0] === 0 ? beyond.subarray(1) : beyond)).toBe(
        'invalid',
      );
    }
  });
});
