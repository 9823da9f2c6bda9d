import { KmsError } from '../errors';
import { type Ciphertext, decodeCiphertext } from '../keys/ciphertext';
import type { KeyFinder } from '../keys/finder';
import type { Target } from '../operation';

/** Decrypt and ReEncrypt name a key that did not make the ciphertext (kms-semantics §4.4). */
export function incorrectKey(): KmsError {
  return new KmsError(
    'IncorrectKeyException',
    'The key ID in the request does not identify a CMK that can perform this operation.',
  );
}

/** The key that made a ciphertext: missing and not permitted are one answer (kms-semantics §4.4). */
export async function targetInCiphertext(
  ciphertext: Ciphertext,
  action: string,
  finder: KeyFinder,
): Promise<Target> {
  const deniedAs = new KmsError(
    'AccessDeniedException',
    'The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.',
  );
  const key = await finder.byId(ciphertext.keyId);
  if (key === undefined) throw deniedAs;
  return { key, action, deniedAs };
}

/** The request's CiphertextBlob in parts. Throws InvalidCiphertextException. */
export function readCiphertext(input: { readonly CiphertextBlob?: Buffer }): Ciphertext {
  if (input.CiphertextBlob === undefined) throw new KmsError('InvalidCiphertextException');
  return decodeCiphertext(input.CiphertextBlob);
}
