import { setTimeout as delay } from 'node:timers/promises';

/** One request and how it ended. */
export interface Answer {
  /** performance.now() before it was sent, and when its end was known. */
  readonly sentAt: number;
  readonly endedAt: number;
  /** `ok`, the name of the service's error, or `no answer: <what the network said>`. */
  readonly outcome: string;
  /** HTTP status; undefined when there was no answer. */
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  readonly message: string;
}

export interface Load {
  /** In the order in which they ended. */
  readonly answers: readonly Answer[];
  /** How many ended with each outcome. */
  counts(): Readonly<Record<string, number>>;
  /** Resolves once `more` further requests were answered `ok`; rejects after `milliseconds`. */
  served(more: number, milliseconds?: number): Promise<void>;
  /** Waits for the requests under way. */
  stop(): Promise<void>;
}

export interface Answered {
  readonly $metadata: { readonly requestId?: string; readonly httpStatusCode?: number };
}

/** As long as any test may take. */
const longestMs = 120_000;

/**
 * Each of `lines` sends one request after the other, with a pause between, until it is told to stop. `send` sends one
 * with an AWS SDK client that does not retry; it is given the number of its line.
 */
export function startLoad(
  send: (line: number) => Promise<Answered>,
  { lines = 4, pauseMs = 5 }: { lines?: number; pauseMs?: number } = {},
): Load {
  const answers: Answer[] = [];
  let running = true;
  // A test that failed stops nothing, and its file could not end.
  const end = performance.now() + longestMs;
  const work = async (line: number): Promise<void> => {
    while (running && performance.now() < end) {
      answers.push(await ask(() => send(line)));
      await delay(pauseMs);
    }
  };
  const working = Promise.all(Array.from({ length: lines }, (_, line) => work(line)));
  const ok = (): number => answers.filter(({ outcome }) => outcome === 'ok').length;
  return {
    answers,
    counts: () => count(answers),
    served: async (more, milliseconds = 30_000) => {
      const wanted = ok() + more;
      const deadline = performance.now() + milliseconds;
      while (ok() < wanted) {
        if (performance.now() > deadline) {
          throw new Error(
            `Not served within ${milliseconds} ms: ${JSON.stringify(count(answers))}`,
          );
        }
        await delay(5);
      }
    },
    stop: async () => {
      running = false;
      await working;
    },
  };
}

/** Sends one request and says how it ended. */
export async function ask(send: () => Promise<Answered>): Promise<Answer> {
  const sentAt = performance.now();
  const ended = (answer: Omit<Answer, 'sentAt' | 'endedAt'>): Answer => ({
    sentAt,
    endedAt: performance.now(),
    ...answer,
  });
  try {
    const { $metadata } = await send();
    return ended({ outcome: 'ok', message: '', ...fromMetadata($metadata) });
  } catch (thrown) {
    const error = thrown as Error & Partial<Answered> & { code?: string };
    const metadata = fromMetadata(error.$metadata);
    const outcome =
      metadata.status === undefined ? `no answer: ${error.code ?? error.name}` : error.name;
    return ended({ outcome, message: error.message, ...metadata });
  }
}

function fromMetadata(metadata: Answered['$metadata'] | undefined): {
  status: number | undefined;
  requestId: string | undefined;
} {
  return { status: metadata?.httpStatusCode, requestId: metadata?.requestId };
}

export function count(answers: readonly Answer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { outcome } of answers) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}
