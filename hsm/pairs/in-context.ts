import { inContext } from '../import/in-context';
import type { LaneDesk } from '../lane-desk';
import type { PairContext } from './plans';

/** In a session that ends with the work, and with what the token is able to do. */
export function inPairContext<T>(
  lane: LaneDesk,
  args: { readonly ivSource: 'random' | 'token'; readonly softwareUnwrap: boolean },
  work: (context: PairContext) => T,
): T {
  const { ivSource } = args;
  return inContext(lane, args, (context) => work({ ...context, ivSource }));
}
