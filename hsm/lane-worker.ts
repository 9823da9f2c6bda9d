/** The thread behind a lane: one request at a time, synchronous PKCS#11 inside. */
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import type { HsmError } from './errors';
import { LaneDesk } from './lane-desk';
import type { LaneData, LaneError, LaneReply, LaneRequest } from './lane-messages';
import { laneTasks } from './lane-tasks';
import { loadLibrary } from './module';
import { faultOf, TokenFault, tokenLost } from './return-values';

const port = parentPort;
if (port === null) throw new Error('lane-worker runs as a worker thread only');
const { modulePath, niceness } = workerData as LaneData;

// Linux keeps a priority for each thread (sched(7)); elsewhere it would be that of the whole process.
if (niceness > 0 && process.platform === 'linux') setPriority(niceness);

let desk: LaneDesk | undefined;

port.on('message', (request: LaneRequest | undefined) => {
  if (request === undefined) {
    desk?.discard();
    port.close();
  } else {
    const reply = answer(request);
    port.postMessage(reply, desk?.handedOver() ?? []);
  }
});

function answer(request: LaneRequest): LaneReply {
  const { seq } = request;
  try {
    desk ??= new LaneDesk(loadLibrary(modulePath));
    desk.serve(request.token);
    const task = laneTasks[request.task] as (lane: LaneDesk, args: unknown) => unknown;
    return { seq, ok: true, value: task(desk, request.args), session: desk.hasSession };
  } catch (thrown) {
    const { code, message, meaning } = explain(faultOf(request.task, thrown), desk);
    return {
      seq,
      ok: false,
      error: { code, message, meaning },
      session: desk?.hasSession ?? false,
    };
  }
}

/** A value that may hide a dead token is believed only when the token answers. */
function explain(error: HsmError, lane: LaneDesk | undefined): LaneError {
  if (!(error instanceof TokenFault)) return error;
  if (error.meaning.suspect !== true || lane?.isConnected !== true) return error;
  try {
    lane.assertHealthy();
    return error;
  } catch (thrown) {
    const { message } = faultOf('C_GetTokenInfo', thrown);
    return tokenLost(message === error.message ? message : `${error.message}; ${message}`);
  }
}
