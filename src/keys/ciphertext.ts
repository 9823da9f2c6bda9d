import { KmsError } from '../errors';

/**
 * A symmetric ciphertext, version 1: fixed for ever by the golden files in test/vectors/ciphertext.
 *
 *   offset  bytes
 *   0       1      version, 1
 *   1       1      kind of key id: 0 a UUID, 1 a multi-Region id
 *   2       16     key id
 *   18      32     key material id
 *   50      12     initialisation vector
 *   62      n      AES-256-GCM ciphertext, as long as the plaintext
 *   62 + n  16     tag
 *
 * The first 50 bytes are the header. With the digest of the encryption context it is the associated data, so every
 * byte of a ciphertext is authenticated.
 */
export interface Ciphertext extends Sealed {
  /** A lower-case UUID, or `mrk-` and 32 lower-case hex digits. */
  readonly keyId: string;
  /** 64 lower-case hex digits. */
  readonly keyMaterialId: string;
}

/** What a ciphertext is put together from. */
export interface Sealed {
  /** 50 bytes: ciphertextHeader of the key id and the key material id. */
  readonly header: Buffer;
  /** 12 bytes. */
  readonly iv: Buffer;
  /** AES-GCM's output: the ciphertext and its tag of 16 bytes. */
  readonly sealed: Buffer;
}

/** 1: a ciphertext of the token's. 2: one that is under an external key too, see external-ciphertext. */
export type CiphertextVersion = 1 | 2;

const keyIdAt = 2;
const keyMaterialIdAt = 18;
export const headerBytes = 50;
export const ivBytes = 12;
export const tagBytes = 16;
const digestBytes = 32;

/** AWS KMS encrypts 1 byte at least (kms-semantics §3.3). */
const leastBytes = headerBytes + ivBytes + 1 + tagBytes;

interface KeyIdKind {
  readonly form: RegExp;
  readonly text: (hex: string) => string;
}

/** The index is the kind byte. */
const keyIdKinds: readonly KeyIdKind[] = [
  {
    form: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/,
    text: uuidText,
  },
  { form: /^mrk-[0-9a-f]{32}$/, text: (hex) => `mrk-${hex}` },
];

const keyMaterialIdForm = /^[0-9a-f]{64}$/;

function uuidText(hex: string): string {
  const groups = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)];
  return `${groups.join('-')}-${hex.slice(20)}`;
}

/** The bytes that name the key: the same for every ciphertext of a key material. Throws a TypeError for a malformed id. */
export function ciphertextHeader(
  keyId: string,
  keyMaterialId: string,
  version: CiphertextVersion = 1,
): Buffer {
  const kind = keyIdKinds.findIndex(({ form }) => form.test(keyId));
  if (kind === -1)
    throw new TypeError('a key id is neither a lower-case UUID nor a multi-Region id');
  if (!keyMaterialIdForm.test(keyMaterialId)) {
    throw new TypeError('a key material id is not 64 lower-case hex digits');
  }
  // It is kept as long as its key, and from the pool of Buffers it would keep a whole block.
  const header = Buffer.allocUnsafeSlow(headerBytes);
  header[0] = version;
  header[1] = kind;
  header.write(keyId.replace('mrk-', '').replaceAll('-', ''), keyIdAt, 'hex');
  header.write(keyMaterialId, keyMaterialIdAt, 'hex');
  return header;
}

/** Throws a TypeError for parts of a wrong length. */
export function encodeCiphertext({ header, iv, sealed }: Sealed): Buffer {
  requireHeader(header);
  if (iv.length !== ivBytes) throw new TypeError(`an initialisation vector has ${iv.length} bytes`);
  if (sealed.length <= tagBytes) throw new TypeError('a sealed plaintext is empty');
  return Buffer.concat([header, iv, sealed]);
}

/**
 * Takes a ciphertext apart without copying: the parts are views of the blob. Throws InvalidCiphertextException without a
 * message for whatever is not one, so that nobody learns how far it got.
 */
export function decodeCiphertext(blob: Buffer): Ciphertext {
  const header = readHeader(blob, 1);
  if (blob.length < leastBytes) throw new KmsError('InvalidCiphertextException');
  return {
    keyId: header.keyId,
    keyMaterialId: header.keyMaterialId,
    iv: blob.subarray(headerBytes, headerBytes + ivBytes),
    sealed: blob.subarray(headerBytes + ivBytes),
    header: header.bytes,
  };
}

/** The key that a ciphertext of any version names. Throws InvalidCiphertextException. */
export function keyIdInCiphertext(blob: Buffer): string {
  return readHeader(blob, blob[0] === 2 ? 2 : 1).keyId;
}

export interface Header extends Pick<Ciphertext, 'keyId' | 'keyMaterialId'> {
  readonly bytes: Buffer;
}

/** Throws InvalidCiphertextException for what does not begin as a ciphertext of the version. */
export function readHeader(blob: Buffer, version: CiphertextVersion): Header {
  const kind = keyIdKinds[blob[1] ?? -1];
  if (blob.length < headerBytes || blob[0] !== version || kind === undefined) {
    throw new KmsError('InvalidCiphertextException');
  }
  return {
    keyId: kind.text(blob.toString('hex', keyIdAt, keyMaterialIdAt)),
    keyMaterialId: blob.toString('hex', keyMaterialIdAt, headerBytes),
    bytes: blob.subarray(0, headerBytes),
  };
}

/**
 * The associated data of a ciphertext: its header and the encryption context's digest (32 bytes, from
 * encryptionContextDigest).
 */
export function associatedData(header: Buffer, contextDigest: Buffer): Buffer {
  requireHeader(header);
  if (contextDigest.length !== digestBytes) throw new TypeError('a context digest is not 32 bytes');
  return Buffer.concat([header, contextDigest]);
}

export function requireHeader(header: Buffer): void {
  if (header.length !== headerBytes) throw new TypeError('a header is not 50 bytes');
}
