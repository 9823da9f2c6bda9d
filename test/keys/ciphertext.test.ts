import { createCipheriv, createDecipheriv } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import {
  associatedData,
  ciphertextHeader,
  decodeCiphertext,
  encodeCiphertext,
} from '../../src/keys/ciphertext';
import {
  canonicalEncryptionContext,
  encryptionContextDigest,
} from '../../src/keys/encryption-context';

interface Vector {
  readonly description: string;
  readonly aesKey: string;
  readonly keyId: string;
  readonly keyMaterialId: string;
  readonly iv: string;
  readonly plaintext: string;
  readonly encryptionContext?: Record<string, string>;
  readonly canonicalContext: string;
  readonly contextDigest: string;
  readonly associatedData: string;
  readonly blob: string;
}

const folder = join(process.cwd(), 'test/vectors/ciphertext');
const vectors = readdirSync(folder).map((file): [string, Vector] => [
  file,
  JSON.parse(readFileSync(join(folder, file), 'utf8')) as Vector,
]);

const keyId = '1234abcd-12ab-34cd-56ef-1234567890ab';
const multiRegionKeyId = 'mrk-1234abcd12ab34cd56ef1234567890ab';
const keyMaterialId = '40b30b4e8f0d137056ac497e859ea198c1a00db4267d1ade9c458d04024e2981';
const digest = encryptionContextDigest({ purpose: 'test' });

const refusal = expect.objectContaining({
  code: 'InvalidCiphertextException',
  message: '',
}) as Error;

function hexDigits(length: number): fc.Arbitrary<string> {
  const digit = fc.constantFrom(...Array.from('0123456789abcdef'));
  return fc.array(digit, { minLength: length, maxLength: length }).map((digits) => digits.join(''));
}

const keyIds = fc.oneof(
  fc.uuid(),
  hexDigits(32).map((hex) => `mrk-${hex}`),
);
const ciphertexts = fc
  .record({
    keyId: keyIds,
    keyMaterialId: hexDigits(64),
    iv: fc.uint8Array({ minLength: 12, maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
    sealed: fc.uint8Array({ minLength: 17, maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
  })
  .map((parts) => ({ ...parts, header: ciphertextHeader(parts.keyId, parts.keyMaterialId) }));

/**
 * AES-GCM of node:crypto, here only: a token would not take a key that everyone knows, and the golden files need one.
 */
function sealInSoftware(vector: Vector, aad: Buffer): Buffer {
  const cipher = createCipheriv(
    'aes-256-gcm',
    Buffer.from(vector.aesKey, 'hex'),
    Buffer.from(vector.iv, 'hex'),
  );
  cipher.setAAD(aad);
  const plaintext = Buffer.from(vector.plaintext, 'hex');
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

function openInSoftware(
  aesKey: string,
  blob: Buffer,
  context: Record<string, string> | undefined,
): Buffer {
  const parts = decodeCiphertext(blob);
  const decipher = createDecipheriv('aes-256-gcm', Buffer.from(aesKey, 'hex'), parts.iv, {
    authTagLength: 16,
  });
  decipher.setAAD(associatedData(parts.header, encryptionContextDigest(context)));
  decipher.setAuthTag(parts.sealed.subarray(-16));
  return Buffer.concat([decipher.update(parts.sealed.subarray(0, -16)), decipher.final()]);
}

describe('The golden files', () => {
  test('cover contexts and both kinds of key id', () => {
    expect(vectors.length).toBeGreaterThanOrEqual(13);
  });

  test.each(vectors)('%s is what encoding gives, byte for byte', (_, vector) => {
    const contextDigest = encryptionContextDigest(vector.encryptionContext);
    const header = ciphertextHeader(vector.keyId, vector.keyMaterialId);
    const aad = associatedData(header, contextDigest);
    const sealed = sealInSoftware(vector, aad);
    const iv = Buffer.from(vector.iv, 'hex');
    const blob = encodeCiphertext({ header, iv, sealed });
    expect(canonicalEncryptionContext(vector.encryptionContext).toString('hex')).toBe(
      vector.canonicalContext,
    );
    expect(contextDigest.toString('hex')).toBe(vector.contextDigest);
    expect(aad.toString('hex')).toBe(vector.associatedData);
    expect(blob.toString('hex')).toBe(vector.blob);
  });

  test.each(vectors)('%s opens to its plaintext', (_, vector) => {
    const blob = Buffer.from(vector.blob, 'hex');
    expect(decodeCiphertext(blob).keyId).toBe(vector.keyId);
    expect(decodeCiphertext(blob).keyMaterialId).toBe(vector.keyMaterialId);
    const plaintext = openInSoftware(vector.aesKey, blob, vector.encryptionContext);
    expect(plaintext.toString('hex')).toBe(vector.plaintext);
  });

  test('open under no context but their own', () => {
    for (const [, vector] of vectors) {
      const others = vectors.filter(([, other]) => other.contextDigest !== vector.contextDigest);
      for (const [, other] of others) {
        const blob = Buffer.from(vector.blob, 'hex');
        expect(() => openInSoftware(vector.aesKey, blob, other.encryptionContext)).toThrow(
          'Unsupported state or unable to authenticate data',
        );
      }
    }
  });
});

test('What is encoded is decoded, and the header is the key', () => {
  fc.assert(
    fc.property(ciphertexts, (parts) => {
      expect(decodeCiphertext(encodeCiphertext(parts))).toEqual(parts);
    }),
  );
});

test('A UUID and a multi-Region id of the same digits are different keys', () => {
  expect(ciphertextHeader(keyId, keyMaterialId)).not.toEqual(
    ciphertextHeader(multiRegionKeyId, keyMaterialId),
  );
});

test('No bytes crash the decoder: they decode or are refused without a reason', () => {
  const bytes = fc.uint8Array({ maxLength: 120 }).map((array) => Buffer.from(array));
  const withGoodStart = bytes.map((tail) => Buffer.concat([Buffer.from([1, 0]), tail]));
  fc.assert(
    fc.property(fc.oneof(bytes, withGoodStart), (blob) => {
      let decoded;
      try {
        decoded = decodeCiphertext(blob);
      } catch (error) {
        expect(error).toEqual(refusal);
        return;
      }
      const { keyId: id, keyMaterialId: material, iv, sealed } = decoded;
      expect(encodeCiphertext({ header: ciphertextHeader(id, material), iv, sealed })).toEqual(
        blob,
      );
    }),
  );
});

test('Any changed bit of the header is refused or changes the associated data', () => {
  fc.assert(
    fc.property(ciphertexts, fc.nat({ max: 50 * 8 - 1 }), (parts, bit) => {
      const blob = encodeCiphertext(parts);
      const before = associatedData(parts.header, digest);
      blob.writeUInt8(blob.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      let changed;
      try {
        changed = decodeCiphertext(blob);
      } catch (error) {
        expect(error).toEqual(refusal);
        return;
      }
      expect(associatedData(changed.header, digest)).not.toEqual(before);
    }),
  );
});

test('Every truncation, extension and bit flip of a golden file is refused', () => {
  const vector = vectors.find(([file]) => file === 'one-pair.json')?.[1];
  if (vector === undefined) throw new Error('one-pair.json is missing');
  const good = Buffer.from(vector.blob, 'hex');
  const flips = Array.from({ length: good.length * 8 }, (_, bit) => {
    const flipped = Buffer.from(good);
    flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    return flipped;
  });
  const cuts = Array.from({ length: good.length }, (_, length) => good.subarray(0, length));
  const extended = Buffer.concat([good, Buffer.from([0])]);
  for (const bad of [...flips, ...cuts, extended]) {
    expect(() => openInSoftware(vector.aesKey, bad, vector.encryptionContext)).toThrow(
      /^(|Unsupported state or unable to authenticate data)$/,
    );
  }
});

test.each([
  ['is empty', Buffer.alloc(0)],
  ['is one byte short of a plaintext', Buffer.concat([Buffer.from([1, 0]), Buffer.alloc(76)])],
  ['has version 0', Buffer.alloc(100)],
  ['has version 2', Buffer.concat([Buffer.from([2, 0]), Buffer.alloc(98)])],
  ['has an unknown kind of key id', Buffer.concat([Buffer.from([1, 2]), Buffer.alloc(98)])],
])('A blob that %s is refused', (_, blob) => {
  expect(() => decodeCiphertext(blob)).toThrow(refusal);
});

test.each([
  ['an upper-case UUID', keyId.toUpperCase(), keyMaterialId],
  ['an ARN', `arn:aws:kms:eu-west-1:111122223333:key/${keyId}`, keyMaterialId],
  ['a UUID without dashes', keyId.replaceAll('-', ''), keyMaterialId],
  ['a short multi-Region id', 'mrk-1234', keyMaterialId],
  ['two lines', `${keyId}\n`, keyMaterialId],
])('%s makes no header', (_, id, material) => {
  expect(() => ciphertextHeader(id, material)).toThrow(
    new TypeError('a key id is neither a lower-case UUID nor a multi-Region id'),
  );
});

test('A malformed key material id makes no header', () => {
  for (const id of ['', keyMaterialId.slice(1), keyMaterialId.toUpperCase(), `${keyMaterialId}0`]) {
    expect(() => ciphertextHeader(keyId, id)).toThrow(
      new TypeError('a key material id is not 64 lower-case hex digits'),
    );
  }
});

test('Parts of a wrong length are not encoded', () => {
  const header = ciphertextHeader(keyId, keyMaterialId);
  const iv = Buffer.alloc(12);
  const sealed = Buffer.alloc(17);
  expect(() => encodeCiphertext({ header: Buffer.alloc(49), iv, sealed })).toThrow(
    new TypeError('a header is not 50 bytes'),
  );
  expect(() => encodeCiphertext({ header, iv: Buffer.alloc(16), sealed })).toThrow(
    new TypeError('an initialisation vector has 16 bytes'),
  );
  expect(() => encodeCiphertext({ header, iv, sealed: Buffer.alloc(16) })).toThrow(
    new TypeError('a sealed plaintext is empty'),
  );
  expect(() => associatedData(header, Buffer.alloc(20))).toThrow(
    new TypeError('a context digest is not 32 bytes'),
  );
});
