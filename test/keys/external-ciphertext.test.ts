import { createCipheriv, createDecipheriv } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import {
  associatedData,
  ciphertextHeader,
  decodeCiphertext,
  encodeCiphertext,
  keyIdInCiphertext,
} from '../../src/keys/ciphertext';
import { encryptionContextDigest } from '../../src/keys/encryption-context';
import {
  decodeExternalCiphertext,
  decodeInnerLayer,
  encodeExternalCiphertext,
  encodeInnerLayer,
} from '../../src/keys/external-ciphertext';
import { integrityValue } from '../../src/xks/cdiv';

interface Vector {
  readonly innerKey: string;
  readonly outerKey: string;
  readonly keyId: string;
  readonly keyMaterialId: string;
  readonly plaintext: string;
  readonly encryptionContext?: Record<string, string>;
  readonly associatedData: string;
  readonly innerIv: string;
  readonly innerLayer: string;
  readonly outerIv: string;
  readonly outerTag: string;
  readonly ciphertextMetadata: string;
  readonly outerCiphertext: string;
  readonly ciphertextDataIntegrityValue: string;
  readonly blob: string;
}

const folder = join(process.cwd(), 'test/vectors/external-ciphertext');
const vectors = readdirSync(folder).map((file): [string, Vector] => [
  file,
  JSON.parse(readFileSync(join(folder, file), 'utf8')) as Vector,
]);

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
const refusal = expect.objectContaining({
  code: 'InvalidCiphertextException',
  message: '',
}) as Error;
const keyId = '1234abcd-12ab-34cd-56ef-1234567890ab';
const header = ciphertextHeader(keyId, 'f'.repeat(64), 2);

function outerOf(vector: Vector) {
  return {
    iv: bytes(vector.outerIv),
    tag: bytes(vector.outerTag),
    metadata: bytes(vector.ciphertextMetadata),
    ciphertext: bytes(vector.outerCiphertext),
  };
}

/** AES-GCM of node:crypto, here only: no token takes keys that everyone knows, and the golden files need some. */
function openInSoftware(
  key: string,
  { iv, sealed, tag }: Readonly<Record<'iv' | 'sealed' | 'tag', Buffer>>,
  aad: Buffer,
): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', bytes(key), iv, { authTagLength: 16 });
  decipher.setAAD(aad).setAuthTag(tag);
  return Buffer.concat([decipher.update(sealed), decipher.final()]);
}

/** What a proxy has the external key authenticate (xks-proxy §1.7). */
function proxyAad(aad: Buffer, metadata: Buffer): Buffer {
  const length = Buffer.from([aad.length >> 8, aad.length & 255]);
  return Buffer.concat([length, aad, Buffer.from([metadata.length]), metadata]);
}

describe('The golden files', () => {
  test('cover both lengths of initialisation vectors, metadata or none, and both kinds of key id', () => {
    expect(vectors.map(([file]) => file)).toEqual([
      'absent-context.json',
      'long-iv-and-metadata.json',
      'multi-region-key.json',
      'one-pair.json',
    ]);
  });

  test.each(vectors)('%s is what encoding gives, byte for byte', (_, vector) => {
    const head = ciphertextHeader(vector.keyId, vector.keyMaterialId, 2);
    const aad = associatedData(head, encryptionContextDigest(vector.encryptionContext));
    expect(aad.toString('hex')).toBe(vector.associatedData);
    const cipher = createCipheriv('aes-256-gcm', bytes(vector.innerKey), bytes(vector.innerIv));
    cipher.setAAD(aad);
    const sealed = [cipher.update(bytes(vector.plaintext)), cipher.final(), cipher.getAuthTag()];
    const inner = { iv: bytes(vector.innerIv), ciphertext: Buffer.concat(sealed) };
    expect(encodeInnerLayer(inner).toString('hex')).toBe(vector.innerLayer);
    const outer = outerOf(vector);
    expect(integrityValue({ ...outer, aad })).toBe(
      bytes(vector.ciphertextDataIntegrityValue).toString('base64'),
    );
    expect(encodeExternalCiphertext({ header: head, outer }).toString('hex')).toBe(vector.blob);
  });

  test.each(vectors)('%s opens, layer by layer, to its plaintext', (_, vector) => {
    const decoded = decodeExternalCiphertext(bytes(vector.blob));
    expect([decoded.keyId, decoded.keyMaterialId]).toEqual([vector.keyId, vector.keyMaterialId]);
    expect(keyIdInCiphertext(bytes(vector.blob))).toBe(vector.keyId);
    const aad = associatedData(decoded.header, encryptionContextDigest(vector.encryptionContext));
    const { iv, tag, metadata, ciphertext } = decoded.outer;
    const outer = { iv, tag, sealed: ciphertext };
    const layer = openInSoftware(vector.outerKey, outer, proxyAad(aad, metadata));
    expect(layer.toString('hex')).toBe(vector.innerLayer);
    const inner = decodeInnerLayer(layer);
    const parts = {
      iv: inner.iv,
      sealed: inner.ciphertext.subarray(0, -16),
      tag: inner.ciphertext.subarray(-16),
    };
    const plaintext = openInSoftware(vector.innerKey, parts, aad);
    expect(plaintext.toString('hex')).toBe(vector.plaintext);
  });

  test('are refused with any bit of them changed, or with a byte less or more', () => {
    const vector = vectors.find(([file]) => file === 'one-pair.json')?.[1];
    if (vector === undefined) throw new Error('one-pair.json is missing');
    const good = bytes(vector.blob);
    const digest = encryptionContextDigest(vector.encryptionContext);
    const flips = Array.from({ length: good.length * 8 }, (_, bit) => {
      const flipped = Buffer.from(good);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      return flipped;
    });
    const cuts = Array.from({ length: good.length }, (_, length) => good.subarray(0, length));
    for (const bad of [...flips, ...cuts, Buffer.concat([good, Buffer.from([0])])]) {
      expect(() => {
        const { header: head, outer } = decodeExternalCiphertext(bad);
        const { iv, tag, metadata, ciphertext: sealed } = outer;
        const aad = proxyAad(associatedData(head, digest), metadata);
        openInSoftware(vector.outerKey, { iv, tag, sealed }, aad);
      }).toThrow(/^(|Unsupported state or unable to authenticate data)$/);
    }
  });
});

const buffers = (constraints: { minLength: number; maxLength: number }) =>
  fc.uint8Array(constraints).map((array) => Buffer.from(array));
const outers = fc.record({
  iv: fc.oneof(
    buffers({ minLength: 12, maxLength: 12 }),
    buffers({ minLength: 16, maxLength: 16 }),
  ),
  tag: buffers({ minLength: 16, maxLength: 16 }),
  metadata: buffers({ minLength: 0, maxLength: 20 }),
  ciphertext: buffers({ minLength: 29, maxLength: 64 }),
});

test('What is encoded is decoded', () => {
  fc.assert(
    fc.property(outers, (outer) => {
      const decoded = decodeExternalCiphertext(encodeExternalCiphertext({ header, outer }));
      expect(decoded).toEqual({ keyId, keyMaterialId: 'f'.repeat(64), header, outer });
    }),
  );
});

test('No bytes crash the decoder: they decode, to what encodes to them, or are refused without a reason', () => {
  const anything = buffers({ minLength: 0, maxLength: 160 });
  const withGoodStart = anything.map((tail) => Buffer.concat([header, tail]));
  fc.assert(
    fc.property(fc.oneof(anything, withGoodStart), (blob) => {
      let decoded;
      try {
        decoded = decodeExternalCiphertext(blob);
      } catch (error) {
        expect(error).toEqual(refusal);
        return;
      }
      expect(encodeExternalCiphertext(decoded)).toEqual(blob);
    }),
  );
});

test('The largest plaintext fits the 4300 bytes of a proxy and the 6144 of a CiphertextBlob', () => {
  const inner = encodeInnerLayer({ iv: Buffer.alloc(12), ciphertext: Buffer.alloc(4096 + 16) });
  expect(inner).toHaveLength(4124);
  const outer = {
    iv: Buffer.alloc(16),
    tag: Buffer.alloc(16),
    metadata: Buffer.alloc(20),
    ciphertext: inner,
  };
  expect(encodeExternalCiphertext({ header, outer })).toHaveLength(4228);
});

test('A ciphertext of one version is none of the other', () => {
  const first = encodeCiphertext({
    header: ciphertextHeader(keyId, 'f'.repeat(64)),
    iv: Buffer.alloc(12),
    sealed: Buffer.alloc(100),
  });
  expect(() => decodeExternalCiphertext(first)).toThrow(refusal);
  const [, vector] = vectors[0] ?? [];
  const second = bytes(vector?.blob ?? '');
  expect(() => decodeCiphertext(second)).toThrow(refusal);
  expect(keyIdInCiphertext(first)).toBe(keyId);
  expect(() => keyIdInCiphertext(Buffer.from([3, ...second.subarray(1)]))).toThrow(refusal);
});

test('Layers of a wrong length are not encoded', () => {
  const outer = {
    iv: Buffer.alloc(12),
    tag: Buffer.alloc(16),
    metadata: Buffer.alloc(0),
    ciphertext: Buffer.alloc(29),
  };
  for (const wrong of [
    { iv: Buffer.alloc(13) },
    { tag: Buffer.alloc(15) },
    { metadata: Buffer.alloc(21) },
    { ciphertext: Buffer.alloc(28) },
  ]) {
    expect(() => encodeExternalCiphertext({ header, outer: { ...outer, ...wrong } })).toThrow(
      new TypeError('a layer of a ciphertext has a wrong length'),
    );
  }
  expect(() => encodeInnerLayer({ iv: Buffer.alloc(16), ciphertext: Buffer.alloc(17) })).toThrow(
    new TypeError('an initialisation vector has 16 bytes'),
  );
});
