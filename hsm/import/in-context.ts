import type { LaneDesk } from '../lane-desk';
import type { Desk } from '../objects';
import type { ImportContext } from './context';
import { findWays, type ImportWays } from './ways';

/** In a session that ends with the work: whatever was unwrapped in it ends, too. */
export function alone<T>(lane: LaneDesk, work: (desk: Desk) => T): T {
  try {
    return lane.withSession(work);
  } finally {
    lane.discard();
  }
}

/** Alone, and with what the token is able to do. */
export function inContext<T>(
  lane: LaneDesk,
  { softwareUnwrap }: { softwareUnwrap: boolean },
  work: (context: ImportContext) => T,
): T {
  const ways = waysOf(lane);
  const assertHealthy = (): void => lane.assertHealthy();
  return alone(lane, (desk) => work({ ...desk, ways, softwareUnwrap, assertHealthy }));
}

/** Found out once a connection, by the lane that imports. */
function waysOf(lane: LaneDesk): ImportWays {
  lane.importWays ??= findWays((test) => {
    try {
      alone(lane, test);
    } catch (error) {
      lane.assertHealthy();
      throw error;
    }
  });
  return lane.importWays;
}
