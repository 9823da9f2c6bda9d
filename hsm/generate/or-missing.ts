import { HsmError } from '../errors';
import { isOfTheData, isRefused } from '../import/faults';
import type { MaterialSpec } from '../material-types';
import { mechanismName } from '../mechanisms';
import { TokenFault } from '../return-values';

/**
 * A healthy token that does not wrap, or unwrap, keys of this spec, or does it in a way of its own, lacks the mechanism for
 * them.
 */
export function orMissing<T>(
  { mechanism, spec }: { readonly mechanism: number; readonly spec: MaterialSpec },
  token: { assertHealthy(): void },
  work: () => T,
): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof HsmError) || !isOfTheToken(error, token)) throw error;
    throw new HsmError(
      'mechanism-missing',
      `the token lacks ${mechanismName(mechanism)} of ${spec} keys (${error.message})`,
    );
  }
}

function isOfTheToken(error: HsmError, token: { assertHealthy(): void }): boolean {
  if (!(error instanceof TokenFault)) return error.code === 'failed';
  if (error.code === 'mechanism-missing') return true;
  return isRefused(error) || isOfTheData(error, () => token.assertHealthy());
}
