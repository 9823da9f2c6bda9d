import { hash } from 'node:crypto';
import { invalidMember } from '../errors';
import type { KeySpec } from '../shapes/kms.generated';

/**
 * The largest encryption context, in bytes of its canonical encoding. AWS's model has no limit; 8 KB is the one widely
 * quoted, and what it counts is not known (kms-semantics §4.1).
 */
export const maxEncryptionContextBytes = 8192;

const numberBytes = 4;
const noPairs: Readonly<Record<string, string>> = {};
const surrogate = /[\ud800-\udfff]/;

/** With the `u` flag a surrogate class meets unpaired ones only. */
const unpairedSurrogate = /[\ud800-\udfff]/u;

/**
 * SHA-256 of the canonical encoding: the part of a ciphertext's associated data that stands for the context. An absent
 * context is an empty one. Throws as canonicalEncryptionContext does.
 */
export function encryptionContextDigest(
  context: Readonly<Record<string, string>> | undefined,
): Buffer {
  return hash('sha256', canonicalEncryptionContext(context), 'buffer');
}

/**
 * The one encoding of an encryption context: the number of pairs, then key and value of each in the order of the keys'
 * UTF-8 bytes. Numbers and the length before every string are 4 bytes, big-endian, so that no two contexts have the
 * same encoding. Nothing is normalised: contexts match code point by code point (kms-semantics §4.1).
 *
 * Throws a TypeError for a string with an unpaired surrogate, which UTF-8 would make equal to U+FFFD. parseInput has
 * refused such a request before, so this is a fault of ours.
 */
export function canonicalEncryptionContext(
  context: Readonly<Record<string, string>> | undefined,
): Buffer {
  const pairs = context ?? noPairs;
  const keys = Object.keys(pairs).sort(compareUtf8);
  const strings: string[] = [];
  for (const key of keys) strings.push(key, pairs[key] ?? '');
  let size = numberBytes;
  for (const text of strings) size += numberBytes + byteLength(text);
  const encoding = Buffer.allocUnsafe(size);
  let end = encoding.writeUInt32BE(keys.length);
  for (const text of strings) {
    const start = end + numberBytes;
    const written = encoding.write(text, start, 'utf8');
    encoding.writeUInt32BE(written, end);
    end = start + written;
  }
  return encoding;
}

/** Throws ValidationException for a context larger than maxEncryptionContextBytes. */
export function checkEncryptionContextSize(
  context: Readonly<Record<string, string>> | undefined,
  member = 'EncryptionContext',
): void {
  if (context === undefined || isSurelySmall(context)) return;
  if (canonicalEncryptionContext(context).length > maxEncryptionContextBytes) {
    throw invalidMember(
      member,
      `The encryption context must not be larger than ${maxEncryptionContextBytes} bytes.`,
    );
  }
}

/**
 * Asymmetric encryption binds no context, so that one which is given would promise what is not so. AWS's answer is not known
 * (kms-semantics §4.1); an empty context is none.
 */
export function requireContextAllowed(
  { keySpec }: { readonly keySpec: KeySpec },
  context: Readonly<Record<string, string>> | undefined,
  member: string,
): void {
  if (keySpec === 'SYMMETRIC_DEFAULT' || context === undefined) return;
  if (Object.keys(context).length === 0) return;
  throw invalidMember(
    member,
    `An encryption context cannot be used with a key with key spec ${keySpec}.`,
  );
}

/** A UTF-16 unit is at most 3 bytes of UTF-8: most contexts need no encoding to be known as small. */
function isSurelySmall(context: Readonly<Record<string, string>>): boolean {
  let bytes = 4;
  for (const key in context) bytes += 8 + 3 * (key.length + (context[key]?.length ?? 0));
  return bytes <= maxEncryptionContextBytes;
}

/** UTF-8 orders strings by code point, as UTF-16 does where neither has a surrogate. */
function compareUtf8(a: string, b: string): number {
  if (surrogate.test(a) || surrogate.test(b)) return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return a < b ? -1 : 1;
}

function byteLength(text: string): number {
  if (unpairedSurrogate.test(text)) {
    throw new TypeError('an encryption context has a string that is not well-formed UTF-16');
  }
  return Buffer.byteLength(text, 'utf8');
}
