/** What is said between a daemon's process and the one that serves a further token. Plain data: it crosses processes. */

import type { HsmErrorCode } from '../errors';
import type {
  Capabilities,
  Token,
  TokenCounters,
  TokenEvent,
  TokenKeyId,
  TokenOptions,
  TokenStatus,
} from '../types';

/** What can be asked across processes. All other methods are the daemon's side to answer, or refused. */
export type HostedMethod = Extract<
  keyof Token,
  | 'generateRandom'
  | 'generateKey'
  | 'encryptAesGcm'
  | 'decryptAesGcm'
  | 'requireKind'
  | 'destroyKey'
  | 'hasKey'
  | 'listKeys'
  | 'listObjects'
  | 'check'
  | 'inspect'
  | 'recover'
>;

/** Functions do not cross; what they are for does, as messages. */
export type HostedOptions = Omit<TokenOptions, 'readPin' | 'onEvent' | 'onOperation' | 'onFailed'>;

export interface Failure {
  readonly code: HsmErrorCode;
  readonly message: string;
}

export interface Snapshot {
  readonly status: TokenStatus;
  readonly counters: TokenCounters;
  /** The token refused the PIN, and is not asked again until somebody says so. */
  readonly pinRefused: boolean;
}

const states: ReadonlySet<unknown> = new Set<TokenStatus['state']>([
  ...(['ready', 'recovering', 'failed', 'closed'] as const),
]);

/** Throws for what is none: it is shown to operators and counted, long after it came. */
export function requireSnapshot({ status, counters }: Snapshot): void {
  const { serial, manufacturer, model } = status;
  const isStatus =
    states.has(status.state) && [serial, manufacturer, model].every((of) => typeof of === 'string');
  if (isStatus && Object.values(counters).every((of) => typeof of === 'number')) return;
  throw new TypeError('what a token is like was not told');
}

export interface Opened extends Snapshot {
  readonly capabilities: Capabilities;
}

export type ToHost =
  | { readonly is: 'open'; readonly options: HostedOptions }
  | {
      readonly is: 'call';
      readonly seq: number;
      readonly method: HostedMethod;
      readonly args: readonly unknown[];
    }
  | { readonly is: 'evict'; readonly id: TokenKeyId }
  | { readonly is: 'evictAll' }
  /** The answer to `pin-wanted`: UTF-8, or why there is none. The receiver wipes it. */
  | { readonly is: 'pin'; readonly pin: Uint8Array }
  | { readonly is: 'no-pin' }
  /** The answer to `turn-wanted` of this call: nobody else makes anything in the token until `turn-done`. */
  | { readonly is: 'turn'; readonly seq: number }
  /** What ran exclusively is over, or was never let begin. */
  | { readonly is: 'turn-over'; readonly seq: number; readonly ok: boolean }
  | { readonly is: 'close' };

export type FromHost =
  | { readonly is: 'opened'; readonly opened: Opened }
  | { readonly is: 'refused'; readonly failure: Failure; readonly pinRefused: boolean }
  | { readonly is: 'answer'; readonly seq: number; readonly value: unknown }
  | { readonly is: 'failure'; readonly seq: number; readonly failure: Failure }
  | { readonly is: 'pin-wanted' }
  | { readonly is: 'turn-wanted'; readonly seq: number }
  | { readonly is: 'turn-done'; readonly seq: number; readonly failure: Failure | undefined }
  /** Every second, and before what goes with a change. */
  | { readonly is: 'state'; readonly snapshot: Snapshot }
  /** In place of a state, while there is none. */
  | { readonly is: 'alive' }
  | { readonly is: 'event'; readonly event: TokenEvent }
  /** Only a new process helps. */
  | { readonly is: 'failed'; readonly reason: string };

/** File descriptor of the pipe in the token's process, after the three that every process has. */
export const hostPipe = 3;

/** The next one's, which says nothing but that the daemon lives. */
export const lifePipe = 4;

/** What is done with a message of each kind. */
export type Handlers<M extends { readonly is: string }> = {
  readonly [K in M['is']]: (message: Extract<M, { readonly is: K }>) => unknown;
};

/** What is of no kind, because a library wrote into the pipe, is passed over. */
export function handle<M extends { readonly is: string }>(handlers: Handlers<M>, message: M): void {
  if (!Object.hasOwn(handlers, message.is)) return;
  const handler = handlers[message.is as M['is']] as (message: M) => unknown;
  handler(message);
}
