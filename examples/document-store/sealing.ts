import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/**
 * What something is encrypted for. It is no secret and is not stored beside the ciphertext: whoever decrypts says it from
 * what it was asked for, and what was encrypted for something else does not open.
 */
export type EncryptionContext = Readonly<Record<string, string>>;

/** A document that is not what was sealed for this context under this key. It does not say in what it differs. */
export class NotAuthentic extends Error {}

const cipherName = 'aes-256-gcm';
const version = Buffer.from([1]);
const ivLength = 12;
const tagLength = 16;

/** `version ‖ iv ‖ ciphertext ‖ tag`: AES-256-GCM, with version and context as additional authenticated data. */
export function seal(key: Buffer, plaintext: Buffer, context: EncryptionContext): Buffer {
  // Never the same one twice under one key. Random ones of 96 bits are good for 2^32 messages (NIST SP 800-38D §8.3),
  // which the limit on the uses of a data key is far below.
  const iv = randomBytes(ivLength);
  const cipher = createCipheriv(cipherName, key, iv, { authTagLength: tagLength });
  cipher.setAAD(authenticated(context));
  const ciphertext = [cipher.update(plaintext), cipher.final()];
  return Buffer.concat([version, iv, ...ciphertext, cipher.getAuthTag()]);
}

export function open(key: Buffer, sealed: Buffer, context: EncryptionContext): Buffer {
  const ivEnd = version.length + ivLength;
  const tagStart = sealed.length - tagLength;
  if (tagStart < ivEnd || !sealed.subarray(0, version.length).equals(version)) {
    throw new NotAuthentic();
  }
  const iv = sealed.subarray(version.length, ivEnd);
  const decipher = createDecipheriv(cipherName, key, iv, { authTagLength: tagLength });
  decipher.setAAD(authenticated(context));
  decipher.setAuthTag(sealed.subarray(tagStart));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(ivEnd, tagStart)), decipher.final()]);
  } catch {
    throw new NotAuthentic();
  }
}

/** One text for each context, whatever the order of its pairs: JSON leaves no doubt where a string ends. */
function authenticated(context: EncryptionContext): Buffer {
  const pairs = Object.entries(context).sort(([one], [other]) => (one < other ? -1 : 1));
  return Buffer.concat([version, Buffer.from(JSON.stringify(pairs))]);
}
