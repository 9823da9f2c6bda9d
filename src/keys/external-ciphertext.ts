import { KmsError } from '../errors';
import type { ExternallySealed } from '../xks-client/client';
import { headerBytes, ivBytes, readHeader, requireHeader, tagBytes } from './ciphertext';

/**
 * A symmetric ciphertext of a key in an external key store, version 2: fixed for ever by the golden files in
 * test/vectors/external-ciphertext.
 *
 *   offset      bytes
 *   0           50     header, as that of version 1, with version 2
 *   50          1      v, bytes of the outer initialisation vector: 12 or 16
 *   51          1      m, bytes of what the proxy calls ciphertextMetadata: 0 to 20
 *   52          v      outer initialisation vector
 *   52 + v      16     outer tag
 *   68 + v      m      ciphertextMetadata
 *   68 + v + m  n      outer AES-256-GCM ciphertext: under the external key, as long as what is in it
 *
 * What is in it is what a key material of ours made of the plaintext, initialisation vector ‖ ciphertext ‖ tag: 28 bytes
 * more. Both layers have the same associated data, header ‖ digest of the encryption context; with the version in it, an
 * inner layer that a proxy has seen is no ciphertext of version 1. The two lengths are authenticated by what they cut.
 */
export interface ExternalCiphertext {
  /** 50 bytes: ciphertextHeader of version 2. */
  readonly header: Buffer;
  readonly outer: ExternallySealed;
}

export interface DecodedExternalCiphertext extends ExternalCiphertext {
  readonly keyId: string;
  readonly keyMaterialId: string;
}

/** What the token made of a plaintext, which is what the external key encrypts. */
export interface InnerLayer {
  /** 12 bytes. */
  readonly iv: Buffer;
  /** AES-GCM's output: the ciphertext and its tag. */
  readonly ciphertext: Buffer;
}

const version = 2;
const lengthsAt = headerBytes;
const outerIvAt = headerBytes + 2;
const outerIvBytes: ReadonlySet<number> = new Set([12, 16]);
const maxMetadataBytes = 20;
/** AWS KMS encrypts 1 byte at least. */
const leastInnerBytes = ivBytes + 1 + tagBytes;

export function encodeInnerLayer({ iv, ciphertext }: InnerLayer): Buffer {
  if (iv.length !== ivBytes) throw new TypeError(`an initialisation vector has ${iv.length} bytes`);
  return Buffer.concat([iv, ciphertext]);
}

/** Views of the layer, which is 29 bytes at least: the proxy gives back as many as it was sent. */
export function decodeInnerLayer(layer: Buffer): InnerLayer {
  return { iv: layer.subarray(0, ivBytes), ciphertext: layer.subarray(ivBytes) };
}

/** Throws a TypeError for parts of a wrong length. */
export function encodeExternalCiphertext({ header, outer }: ExternalCiphertext): Buffer {
  requireHeader(header);
  const { ciphertext, iv, tag, metadata } = outer;
  if (!isWellFormed(outer) || tag.length !== tagBytes) {
    throw new TypeError('a layer of a ciphertext has a wrong length');
  }
  const lengths = Buffer.from([iv.length, metadata.length]);
  return Buffer.concat([header, lengths, iv, tag, metadata, ciphertext]);
}

/**
 * Takes a ciphertext apart without copying. Throws InvalidCiphertextException without a message for whatever is not one,
 * a ciphertext of version 1 included.
 */
export function decodeExternalCiphertext(blob: Buffer): DecodedExternalCiphertext {
  const header = readHeader(blob, version);
  const tagAt = outerIvAt + (blob[lengthsAt] ?? 0);
  const metadataAt = tagAt + tagBytes;
  const ciphertextAt = metadataAt + (blob[lengthsAt + 1] ?? 0);
  const outer = {
    iv: blob.subarray(outerIvAt, tagAt),
    tag: blob.subarray(tagAt, metadataAt),
    metadata: blob.subarray(metadataAt, ciphertextAt),
    ciphertext: blob.subarray(ciphertextAt),
  };
  if (!isWellFormed(outer)) throw new KmsError('InvalidCiphertextException');
  const { keyId, keyMaterialId, bytes } = header;
  return { keyId, keyMaterialId, header: bytes, outer };
}

function isWellFormed({ iv, metadata, ciphertext }: Omit<ExternallySealed, 'tag'>): boolean {
  return (
    outerIvBytes.has(iv.length) &&
    metadata.length <= maxMetadataBytes &&
    ciphertext.length >= leastInnerBytes
  );
}
