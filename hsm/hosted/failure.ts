import { HsmError, type HsmErrorCode } from '../errors';
import type { Failure } from './messages';

/** What of an error crosses to the other process. */
export function failureOf(error: unknown): Failure {
  if (error instanceof HsmError) return { code: error.code, message: error.message };
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'failed', message: message.split('\n', 1)[0] ?? '' };
}

const codes: Readonly<Record<HsmErrorCode, true>> = {
  'token-unavailable': true,
  deadline: true,
  busy: true,
  'key-not-found': true,
  'duplicate-key': true,
  'ciphertext-invalid': true,
  'mechanism-missing': true,
  'material-invalid': true,
  'not-exportable': true,
  'pin-incorrect': true,
  'import-not-unwrapped': true,
  'import-size': true,
  'import-material-wrong': true,
  failed: true,
};

/** A code that is none, of a library that is out of its mind, would be looked up in tables that have not got it. */
export function errorOf({ code, message }: Failure): HsmError {
  return new HsmError(Object.hasOwn(codes, code) ? code : 'failed', message);
}
