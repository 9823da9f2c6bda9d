import { createHash } from 'node:crypto';
import type { ExternallySealed } from './client';

/** The ciphertext data integrity value (xks-proxy §1.8): raw bytes without lengths. */
export function cdivOf({ ciphertext, iv, tag, metadata }: ExternallySealed, aad: Buffer): Buffer {
  const hash = createHash('sha256');
  for (const part of [aad, metadata, iv, ciphertext, tag]) hash.update(part);
  return hash.digest();
}
