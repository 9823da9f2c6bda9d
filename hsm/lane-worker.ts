/** The thread behind a lane: one request at a time, synchronous PKCS#11 inside. */
import { parentPort, workerData } from 'node:worker_threads';
import { HsmError } from './errors';
import { LaneDesk } from './lane-desk';
import type { LaneReply, LaneRequest } from './lane-messages';
import { laneTasks } from './lane-tasks';
import { loadLibrary } from './module';
import { faultOf, TokenFault } from './return-values';

const port = parentPort;
if (port === null) throw new Error('lane-worker runs as a worker thread only');
const { modulePath } = workerData as { modulePath: string };

let desk: LaneDesk | undefined;

port.on('message', (request: LaneRequest | undefined) => {
  if (request !== undefined) return port.postMessage(answer(request));
  desk?.discard();
  return port.close();
});

function answer(request: LaneRequest): LaneReply {
  const { seq } = request;
  try {
    desk ??= new LaneDesk(loadLibrary(modulePath));
    desk.serve(request.token);
    const task = laneTasks[request.task] as (lane: LaneDesk, args: unknown) => unknown;
    return { seq, ok: true, value: task(desk, request.args), session: desk.hasSession };
  } catch (thrown) {
    const { code, message, meaning } = explain(faultOf(request.task, thrown));
    return {
      seq,
      ok: false,
      error: { code, message, meaning },
      session: desk?.hasSession ?? false,
    };
  }
}

/** A value that may hide a dead token is believed only when the token answers. */
function explain(
  error: HsmError,
): Pick<TokenFault, 'code' | 'message'> & { meaning?: TokenFault['meaning'] } {
  if (!(error instanceof TokenFault)) return error;
  if (error.meaning.suspect !== true) return error;
  try {
    desk?.assertHealthy();
    return error;
  } catch (thrown) {
    const lost = faultOf('health', thrown);
    return new TokenFault(
      { code: 'token-unavailable', then: 'reinitialise' },
      `${error.message}; ${lost.message}`,
    );
  }
}
