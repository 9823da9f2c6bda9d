import type { Connection } from '../load/connection';

export interface Looped {
  /** Milliseconds of each request. */
  readonly latencies: readonly number[];
  readonly seconds: number;
  readonly samples: readonly Sample[];
}

export interface Sample {
  /** Of the request. */
  readonly index: number;
  readonly body: Buffer;
}

/** One answer in so many is kept, up to a limit. */
const sampleEvery = 997;
const maxSamples = 16;

/** What comes of the requests of a loop. */
class Tally {
  readonly started = performance.now();
  private readonly latencies: number[] = [];
  private readonly samples: Sample[] = [];

  get count(): number {
    return this.latencies.length;
  }

  add(index: number, milliseconds: number, body: Buffer): void {
    this.latencies.push(milliseconds);
    if (this.latencies.length % sampleEvery !== 1 || this.samples.length >= maxSamples) return;
    this.samples.push({ index, body });
  }

  end(): Looped {
    const { latencies, samples, started } = this;
    return { latencies, samples, seconds: (performance.now() - started) / 1000 };
  }
}

/** Each connection sends its next request when the last one is answered. */
export async function closedLoop(
  connections: readonly Connection[],
  requests: readonly Buffer[],
  { seconds }: { readonly seconds: number },
): Promise<Looped> {
  const tally = new Tally();
  const { started } = tally;
  const end = started + seconds * 1000;
  let sent = 0;
  const loop = async (connection: Connection): Promise<void> => {
    for (let now = started; now < end;) {
      const index = sent++ % requests.length;
      const since = performance.now();
      const body = await connection.exchange(requestAt(requests, index));
      now = performance.now();
      tally.add(index, now - since, body);
    }
  };
  await Promise.all(connections.map(loop));
  return tally.end();
}

/**
 * Sends at even times, whatever is answered. A request waits for a connection when all are busy, and counts from the time at
 * which it should have been sent: who is slow cannot hide it by being asked less.
 */
export function openLoop(
  connections: readonly Connection[],
  requests: readonly Buffer[],
  { seconds, perSecond }: { readonly seconds: number; readonly perSecond: number },
): Promise<Looped> {
  const tally = new Tally();
  const idle = [...connections];
  const count = Math.max(1, Math.round(seconds * perSecond));
  const { started } = tally;
  let sent = 0;
  return new Promise((resolve, reject) => {
    const send = (connection: Connection): void => {
      const number = sent++;
      const index = number % requests.length;
      const due = started + (number * 1000) / perSecond;
      connection.exchange(requestAt(requests, index)).then((body) => {
        tally.add(index, performance.now() - due, body);
        idle.push(connection);
        if (tally.count === count) resolve(tally.end());
        else sendDue();
      }, reject);
    };
    const sendDue = (): void => {
      const due = Math.min(count, 1 + ((performance.now() - started) * perSecond) / 1000);
      while (sent < Math.floor(due)) {
        const connection = idle.shift();
        if (connection === undefined) return;
        send(connection);
      }
    };
    const tick = (): void => {
      sendDue();
      if (sent < count) setTimeout(tick, 1);
    };
    tick();
  });
}

function requestAt(requests: readonly Buffer[], index: number): Buffer {
  const request = requests[index];
  if (request === undefined) throw new Error('a phase has one request at least');
  return request;
}
