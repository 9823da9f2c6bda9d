import { HsmError } from '../errors';
import { TokenFault } from '../return-values';

/** One error, one message for whatever does not decrypt: which step of it failed would help an attacker only. */
export function notUnwrapped(): HsmError {
  return new HsmError('import-not-unwrapped', 'imported key material: it does not unwrap');
}

/** It unwraps, and is not what it should be. Never says what it is. */
export function wrongMaterial(): HsmError {
  return new HsmError('import-material-wrong', 'imported key material: not of the kind asked for');
}

/**
 * Whether the token failed over the data and not over itself. A suspect return value is believed when the token is
 * healthy; `assertHealthy` throws where it is not.
 */
export function isOfTheData(error: unknown, assertHealthy: () => void): boolean {
  if (!(error instanceof TokenFault)) return false;
  const { again, code, refused, suspect, then } = error.meaning;
  if (then === 'reinitialise' || again === true || refused === true) return false;
  if (code !== 'failed' && code !== 'ciphertext-invalid' && code !== 'material-invalid')
    return false;
  if (suspect === true) assertHealthy();
  return true;
}

/** Whether the token works and will not do this with this object: too short a key, another type. */
export function isRefused(error: unknown): boolean {
  return error instanceof TokenFault && error.meaning.refused === true;
}

/** Whether it wants other attributes than PKCS#11 does: NSS unwraps no EC key without one of its own. */
export function isOfTheTemplate(error: unknown): error is TokenFault {
  return isRefused(error) && String(error).includes('CKR_TEMPLATE_');
}
