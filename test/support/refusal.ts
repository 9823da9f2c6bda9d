import { KmsError } from '../../src/errors';

/** Code and message of the KmsError that `work` throws or rejects with; anything else that it throws goes on. */
export async function refusalOf(
  work: () => unknown,
): Promise<{ readonly code: string; readonly message: string }> {
  try {
    await work();
  } catch (error) {
    if (error instanceof KmsError) return { code: error.code, message: error.message };
    throw error;
  }
  return { code: 'nothing was thrown', message: '' };
}
