import { hash } from 'node:crypto';

export interface SealedParts {
  /** As the caller gave it; empty where it gave none. */
  readonly aad: Buffer;
  readonly metadata: Buffer;
  readonly iv: Buffer;
  /** Without the tag. */
  readonly ciphertext: Buffer;
  readonly tag: Buffer;
}

/** The ciphertextDataIntegrityValue, SHA-256 in base64 (XKS proxy API, Encrypt). */
export function integrityValue({ aad, metadata, iv, ciphertext, tag }: SealedParts): string {
  return hash('sha256', Buffer.concat([aad, metadata, iv, ciphertext, tag]), 'base64');
}
