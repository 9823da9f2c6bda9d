import type { LaneDesk } from '../lane-desk';
import type { Bench } from './kinds';

/** The lane's own session. */
export function benchOf(lane: LaneDesk): Bench {
  return {
    inSession: (work) => lane.withSession(work),
    assertHealthy: () => lane.assertHealthy(),
    discard: () => lane.discard(),
  };
}
