import { KmsError } from '../errors';
import { keyIdInCiphertext } from '../keys/ciphertext';
import type { KeyFinder } from '../keys/finder';
import type { Key } from '../keys/key';
import type { Target } from '../operation';
import type { EncryptionAlgorithmSpec } from '../shapes/kms.generated';

/** What a request that decrypts says of its ciphertext. */
interface Sought {
  readonly blob: Buffer | undefined;
  readonly algorithm: EncryptionAlgorithmSpec;
  /** The key as the request names it. */
  readonly named: string | undefined;
}

/**
 * Decrypt and ReEncrypt may name the key, and then it must be the one that made the ciphertext; without a name it was
 * found by the ciphertext. An asymmetric ciphertext names none: all that is known is whether the key decrypts anything.
 * Throws IncorrectKeyException, InvalidCiphertextException (kms-semantics §4.4).
 */
export function requireMaker({ blob, algorithm, named }: Sought, key: Key): void {
  if (named === undefined) return;
  const mayBe =
    algorithm === 'SYMMETRIC_DEFAULT'
      ? keyIdInCiphertext(requireBlob(blob)) === key.keyId
      : key.keyUsage === 'ENCRYPT_DECRYPT';
  if (mayBe) return;
  throw new KmsError(
    'IncorrectKeyException',
    'The key ID in the request does not identify a CMK that can perform this operation.',
  );
}

/**
 * The key that made a ciphertext: missing and not permitted are one answer (kms-semantics §4.4). A ciphertext that names no
 * key, as those of asymmetric keys, is InvalidCiphertextException.
 */
export async function targetInCiphertext(
  blob: Buffer | undefined,
  { action, encryptionContext }: Pick<Target, 'action' | 'encryptionContext'>,
  finder: KeyFinder,
): Promise<Target> {
  const keyId = keyIdInCiphertext(requireBlob(blob));
  const deniedAs = new KmsError(
    'AccessDeniedException',
    'The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.',
  );
  const key = await finder.byId(keyId);
  if (key === undefined) throw deniedAs;
  return { key, action, encryptionContext, deniedAs };
}

/** The request's CiphertextBlob, which only a DryRun may leave out. */
export function requireBlob(blob: Buffer | undefined): Buffer {
  if (blob === undefined) throw new KmsError('InvalidCiphertextException');
  return blob;
}
