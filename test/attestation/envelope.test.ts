import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { envelopeRandomBytes, sealInEnvelope } from '../../src/attestation/envelope';
import { openEnvelope } from '../support/attestation-envelope';

const pairs = {
  2048: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  3072: generateKeyPairSync('rsa', { modulusLength: 3072 }),
};

const seal = (plaintext: Buffer, bits: keyof typeof pairs = 2048): Buffer =>
  sealInEnvelope(pairs[bits].publicKey, plaintext, randomBytes(envelopeRandomBytes));

describe('An envelope', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'claviger-envelope-'));
    for (const [bits, { privateKey }] of Object.entries(pairs)) {
      writeFileSync(
        path.join(directory, `${bits}.pem`),
        privateKey.export({ type: 'pkcs8', format: 'pem' }),
      );
    }
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const openssl = (args: readonly string[], input: Buffer): Buffer =>
    execFileSync('openssl', args, { input, cwd: directory, stdio: 'pipe' });

  test.each([
    [0, 2048],
    [1, 2048],
    [15, 2048],
    [16, 2048],
    [17, 3072],
    [4096, 3072],
  ] as const)(
    'of %i bytes for a key of %i bits is opened by the openssl command',
    (bytes, bits) => {
      const plaintext = randomBytes(bytes);
      const args = ['cms', '-decrypt', '-inform', 'DER', '-binary', '-inkey', `${bits}.pem`];
      expect(openssl(args, seal(plaintext, bits))).toEqual(plaintext);
    },
  );

  test('is opened by node:crypto', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const plaintext = Buffer.from(bytes);
        expect(openEnvelope(pairs[2048].privateKey, seal(plaintext))).toEqual(plaintext);
      }),
      { numRuns: 25 },
    );
  });

  test("has the structure of KMS's: one recipient by key identifier, OAEP with SHA-256, AES-256-CBC, in DER", () => {
    const lines = openssl(['asn1parse', '-inform', 'DER'], seal(Buffer.alloc(32)))
      .toString()
      .split('\n')
      .map((line) =>
        line
          .replace(/^ *\d+:d=(\d+) +hl=\d+ l= *(\d+) (prim|cons): /, '$1 $2 ')
          .replace(/\[HEX DUMP\]:.*|:[0-9A-F]{16,}$/, '')
          .trim(),
      );
    expect(lines.slice(3)).toEqual([
      '2 464 SEQUENCE',
      '3 1 INTEGER           :02',
      '3 363 SET',
      '4 359 SEQUENCE',
      '5 1 INTEGER           :02',
      '5 32 cont [ 0 ]',
      '5 60 SEQUENCE',
      '6 9 OBJECT            :rsaesOaep',
      '6 47 SEQUENCE',
      '7 15 cont [ 0 ]',
      '8 13 SEQUENCE',
      '9 9 OBJECT            :sha256',
      '9 0 NULL',
      '7 28 cont [ 1 ]',
      '8 26 SEQUENCE',
      '9 9 OBJECT            :mgf1',
      '9 13 SEQUENCE',
      '10 9 OBJECT            :sha256',
      '10 0 NULL',
      '5 256 OCTET STRING',
      '3 92 SEQUENCE',
      '4 9 OBJECT            :pkcs7-data',
      '4 29 SEQUENCE',
      '5 9 OBJECT            :aes-256-cbc',
      '5 16 OCTET STRING',
      '4 48 cont [ 0 ]',
      '',
    ]);
  });

  test('is never the same, and leaves nothing of its key', () => {
    const random = randomBytes(envelopeRandomBytes);
    const used = Buffer.from(random);
    const plaintext = Buffer.from('attack at dawn');
    const sealed = sealInEnvelope(pairs[2048].publicKey, plaintext, used);
    expect(used).toEqual(Buffer.alloc(envelopeRandomBytes));
    const again = sealInEnvelope(pairs[2048].publicKey, plaintext, Buffer.from(random));
    // OAEP is random of itself.
    expect(again).not.toEqual(sealed);
    expect(sealed.includes(random.subarray(0, 32))).toBe(false);
    expect(sealed.includes(plaintext)).toBe(false);
  });

  test('is made with as many random bytes as it takes, or not at all', () => {
    for (const bytes of [0, 32, 47]) {
      const short = Buffer.alloc(bytes, 1);
      expect(() => sealInEnvelope(pairs[2048].publicKey, Buffer.alloc(1), short)).toThrow(
        /Invalid (initialization vector|key length)/,
      );
      expect(short).toEqual(Buffer.alloc(bytes));
    }
  });
});
