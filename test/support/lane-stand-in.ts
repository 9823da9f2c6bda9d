/** Plays the worker behind a lane: answers without a token, and misbehaves on request. */
import { parentPort, threadId } from 'node:worker_threads';
import type { LaneReply, LaneRequest } from '../../hsm/lane-messages';

type Answer =
  Omit<Extract<LaneReply, { ok: true }>, 'seq'> | Omit<Extract<LaneReply, { ok: false }>, 'seq'>;

const port = parentPort;
if (port === null) throw new Error('runs as a worker thread only');

const fine = (value: unknown): Answer => ({ ok: true, value, session: true });
const refused: Answer = {
  ok: false,
  error: { code: 'token-unavailable', message: 'C_OpenSession: CKR_SESSION_COUNT' },
  session: false,
};

/** Threads are numbered as they are made, so of any three made in a row this is one. */
const isOneOfThree = threadId % 3 === 0;

function answer(request: LaneRequest): Answer {
  const args = request.args as { length: number; labelPrefix: string } | undefined;
  if (request.task === 'destroy') throw new Error('the stand-in crashed');
  if (request.task === 'list') return isOneOfThree ? fine([args?.labelPrefix]) : refused;
  return fine(new Uint8Array(args?.length ?? 0));
}

/** What takes its time; the rest is answered at once. */
const delaysMs: Partial<Record<LaneRequest['task'], number>> = { check: 500, inspect: 2000 };

function work(request: LaneRequest): void {
  setTimeout(
    () => port?.postMessage({ seq: request.seq, ...answer(request) }),
    delaysMs[request.task] ?? 0,
  );
}

port.on('message', (request: LaneRequest | undefined) => {
  if (request === undefined) port.close();
  else work(request);
});
