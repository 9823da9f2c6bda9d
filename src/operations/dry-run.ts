import { KmsError, invalidMember } from '../errors';

interface DryRunnable {
  readonly DryRun?: boolean;
  readonly DryRunModifiers?: readonly 'IGNORE_CIPHERTEXT'[];
}

/**
 * The last step before a DryRun request would act (kms-semantics §4.6). `recovered` is what it had to decrypt on the way, and
 * shows to nobody.
 */
export function refuseDryRun(input: { readonly DryRun?: boolean }, recovered?: Buffer): void {
  if (input.DryRun === true) {
    recovered?.fill(0);
    throw new KmsError(
      'DryRunOperationException',
      'The request would have succeeded, but the DryRun option is set.',
    );
  }
}

/** DryRunModifiers IGNORE_CIPHERTEXT: only authorization is asked about, and no ciphertext is needed. */
export function ignoresCiphertext(input: DryRunnable): boolean {
  return input.DryRun === true && input.DryRunModifiers?.includes('IGNORE_CIPHERTEXT') === true;
}

/**
 * Decrypt and ReEncrypt: what must be there, with and without the modifier (kms-semantics §4.4, §4.6). `keyMember` names the
 * key that decrypts.
 */
export function checkIgnoreCiphertext(
  input: DryRunnable,
  given: { readonly ciphertext: Buffer | undefined; readonly keyId: string | undefined },
  keyMember = 'KeyId',
): void {
  if (input.DryRunModifiers !== undefined && input.DryRun !== true) {
    throw invalidMember(
      'DryRunModifiers',
      'DryRunModifiers can be specified only when DryRun is true.',
    );
  }
  if (ignoresCiphertext(input)) {
    if (given.keyId === undefined) {
      throw invalidMember(keyMember, 'A key ID must be specified when the ciphertext is ignored.');
    }
  } else if (given.ciphertext === undefined) {
    throw invalidMember(
      'CiphertextBlob',
      "1 validation error detected: Value null at 'ciphertextBlob' failed to satisfy constraint: Member must not be null",
      'is required',
    );
  }
}
