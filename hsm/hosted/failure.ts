import { HsmError } from '../errors';
import type { Failure } from './messages';

/** What of an error crosses to the other process. */
export function failureOf(error: unknown): Failure {
  if (error instanceof HsmError) return { code: error.code, message: error.message };
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'failed', message: message.split('\n', 1)[0] ?? '' };
}

export function errorOf({ code, message }: Failure): HsmError {
  return new HsmError(code, message);
}
