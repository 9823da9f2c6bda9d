import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ClavigerError } from './errors';
import type { Answer, Outgoing, Send } from './outgoing';
import { posts } from './posts.generated';

export interface RetryOptions {
  /** How often a request is sent at the most; by default 4. */
  readonly attempts?: number;
  /** Milliseconds between two attempts at the most; by default 20,000. Who asks for more (Retry-After) is not asked again. */
  readonly maxWaitMs?: number;
  /** Milliseconds before the second attempt, doubled for each after it, of which a random part is waited; by default 100. */
  readonly baseWaitMs?: number;
}

/** What of the world a test sets in its place. */
export interface World {
  readonly wait: (ms: number, signal: AbortSignal) => Promise<unknown>;
  /** From 0 to 1, without 1. */
  readonly random: () => number;
}

const world: World = {
  wait: (ms, signal) => sleep(ms, undefined, { signal }),
  random: Math.random,
};

const SAFE_TO_REPEAT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'DELETE']);

const forms = Object.entries(posts).map(
  ([path, kind]) => [new RegExp(`${path.replace(/\{\w+\}/g, '[^/]+')}$`), kind] as const,
);

/**
 * Sends again what Claviger put off (429 before it did anything, 503) or what got no answer, as long as a second time
 * does no more than the first: every GET, PUT and DELETE, every POST that changes nothing, and those that create and take
 * an Idempotency-Key, which they are given here. Other POSTs are sent again after 429 alone.
 */
export function withRetries(send: Send, options: RetryOptions, { wait, random } = world): Send {
  const { attempts = 4, maxWaitMs = 20_000, baseWaitMs = 100 } = options;
  return async (first) => {
    const outgoing = withIdempotencyKey(first);
    const repeatable = isRepeatable(outgoing);
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await outcomeOf(send, outgoing);
      const pause = baseWaitMs * 2 ** (attempt - 1) * random();
      const asked = attempt < attempts ? waitAskedFor(outcome, repeatable) : undefined;
      if (asked === undefined || asked > maxWaitMs) return settle(outcome);
      await wait(Math.min(asked + pause, maxWaitMs), outgoing.signal).catch(() => {
        outgoing.signal.throwIfAborted();
      });
    }
  };
}

async function outcomeOf(send: Send, outgoing: Outgoing): Promise<Answer | ClavigerError> {
  try {
    return await send(outgoing);
  } catch (error) {
    if (error instanceof ClavigerError) return error;
    throw error;
  }
}

function settle(outcome: Answer | ClavigerError): Answer {
  if (outcome instanceof ClavigerError) throw outcome;
  return outcome;
}

/** Milliseconds that are to be waited at the least before the next attempt; undefined where there must be none. */
function waitAskedFor(outcome: Answer | ClavigerError, repeatable: boolean): number | undefined {
  if (outcome instanceof ClavigerError) {
    const lost = outcome.code === 'ConnectionFailed' || outcome.code === 'Timeout';
    return lost && repeatable ? 0 : undefined;
  }
  const putOff = outcome.status === 429 || (outcome.status === 503 && repeatable);
  return putOff ? retryAfter(outcome.headers.get('retry-after')) : undefined;
}

/** RFC 9110 §10.2.3: seconds, or a date. */
function retryAfter(header: string | null): number {
  if (header === null) return 0;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? 0 : Math.max(ms, 0);
}

function isRepeatable({ method, url, headers }: Outgoing): boolean {
  return (
    SAFE_TO_REPEAT.has(method) ||
    (method === 'POST' && (kindOf(url) === 'repeatable' || hasKeyThatCounts(url, headers)))
  );
}

/** Elsewhere the header is ignored. */
function hasKeyThatCounts(url: URL, headers: Headers): boolean {
  return kindOf(url) === 'keyed' && headers.has('idempotency-key');
}

function withIdempotencyKey(outgoing: Outgoing): Outgoing {
  const { method, url, headers } = outgoing;
  if (method !== 'POST' || kindOf(url) !== 'keyed' || headers.has('idempotency-key'))
    return outgoing;
  const keyed = new Headers(headers);
  keyed.set('idempotency-key', randomUUID());
  return { ...outgoing, headers: keyed };
}

function kindOf({ pathname }: URL): 'repeatable' | 'keyed' | undefined {
  return forms.find(([form]) => form.test(pathname))?.[1];
}
