import { KmsError } from '../../src/errors';

/** Code and message of the KmsError that `work` throws; anything else that it throws goes on. */
export function thrownBy(work: () => unknown): { code: string; message: string } {
  try {
    work();
  } catch (error) {
    if (error instanceof KmsError) return { code: error.code, message: error.message };
    throw error;
  }
  return { code: 'nothing was thrown', message: '' };
}
