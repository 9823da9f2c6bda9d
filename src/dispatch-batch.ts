import type { BatchAnswer, Corridor, DoorRequest, RequestBatch } from './corridor';
import { authenticate, handle, refuse, throttled } from './dispatch';
import { toKmsError } from './failures';
import type { Principal } from './policy/principal';
import { operationNamed } from './shapes';
import { Trail } from './trail';
import { inTurns } from './turns';

/**
 * Entries that are begun in a turn of the event loop: each takes a tenth of a millisecond or two before it first waits, and others
 * are answered in between. All of a batch may be under way at once, so that they share the commits of their records and keep a
 * token with many sessions busy; fewer made batches slower by a third (docs/performance.md).
 */
const aTurn = 4;

/**
 * Requests that came together: who sent them is proven once, and then each passes the corridor by itself, with its own
 * authorization, record and rate. Never rejects. What is refused as a whole does nothing, and has one record.
 */
export async function handleBatch(corridor: Corridor, batch: RequestBatch): Promise<BatchAnswer> {
  const started = performance.now();
  const trail = new Trail(batch, corridor.service);
  trail.operation = operationNamed(batch.service, batch.eventName);
  trail.claimedOperation = batch.eventName;
  let caller: Principal;
  let requests: readonly DoorRequest[];
  try {
    ({ caller } = await authenticate(corridor, batch, trail));
    requests = batch.requests(caller);
    corridor.batchRoom.enter(caller, requests.length);
  } catch (thrown) {
    const { caller: sender } = trail;
    const tooMany = sender && throttled(() => corridor.requestRates?.countBatch(sender));
    const answer = await refuse(corridor, trail, tooMany ?? toKmsError(thrown));
    const { code: outcome, cause } = answer.error;
    const seconds = (performance.now() - started) / 1000;
    corridor.onRequest({ trail, seconds, outcome, cause });
    return answer;
  }
  try {
    const answers = await inTurns(requests, aTurn, (request) => handle(corridor, request));
    return { ok: true, answers };
  } finally {
    corridor.batchRoom.leave(caller, requests.length);
  }
}
