import { KmsError } from '../errors';
import { type Ciphertext, decodeCiphertext } from '../keys/ciphertext';
import type { KeyFinder } from '../keys/finder';
import type { Key } from '../keys/key';
import type { Target } from '../operation';

/**
 * Decrypt and ReEncrypt may name the key, and then it must be the one that made the ciphertext; without a name it was
 * found by the ciphertext. Throws IncorrectKeyException (kms-semantics §4.4).
 */
export function requireMaker(
  input: { readonly CiphertextBlob?: Buffer },
  { named, key }: { readonly named: string | undefined; readonly key: Key },
): void {
  if (named === undefined || readCiphertext(input).keyId === key.keyId) return;
  throw new KmsError(
    'IncorrectKeyException',
    'The key ID in the request does not identify a CMK that can perform this operation.',
  );
}

/** The key that made a ciphertext: missing and not permitted are one answer (kms-semantics §4.4). */
export async function targetInCiphertext(
  ciphertext: Ciphertext,
  { action, encryptionContext }: Pick<Target, 'action' | 'encryptionContext'>,
  finder: KeyFinder,
): Promise<Target> {
  const deniedAs = new KmsError(
    'AccessDeniedException',
    'The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.',
  );
  const key = await finder.byId(ciphertext.keyId);
  if (key === undefined) throw deniedAs;
  return { key, action, encryptionContext, deniedAs };
}

/** The request's CiphertextBlob in parts. Throws InvalidCiphertextException. */
export function readCiphertext(input: { readonly CiphertextBlob?: Buffer }): Ciphertext {
  if (input.CiphertextBlob === undefined) throw new KmsError('InvalidCiphertextException');
  return decodeCiphertext(input.CiphertextBlob);
}
