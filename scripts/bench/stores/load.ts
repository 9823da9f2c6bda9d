import { Connection } from '../load/connection';
import { type Identity, Signer } from '../load/signer';
import { processorSeconds } from '../processes';

export interface Target {
  readonly port: number;
  readonly identity: Identity;
  readonly workers: readonly number[];
}

/** One request, and what its answer is asked for. */
export interface Request {
  readonly operation: string;
  readonly input: object;
}

export interface Pass {
  readonly connections: number;
  /** Requests at random, until either is reached; without it each request once, in their order. */
  readonly random?: { readonly seconds: number; readonly requests?: number };
  /** Given each answer of a pass that sends each once. */
  readonly onAnswer?: (index: number, body: Buffer) => void;
}

export interface Passed {
  readonly requests: number;
  /** A second. */
  readonly rate: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Microseconds of the workers' processor time a request. */
  readonly cost: number;
}

/** Signed at once: a signature is good for five minutes, which must be enough to send them. */
const signedAtOnce = 10_000;

/** Sends requests, each connection its next when the last is answered. Rejects for an answer that is no success. */
export async function pass(
  target: Target,
  requests: readonly Request[],
  { connections: count, random, onAnswer }: Pass,
): Promise<Passed> {
  const connections = await Promise.all(
    Array.from({ length: count }, () => Connection.open(target.port)),
  );
  const latencies: number[] = [];
  let [milliseconds, spent] = [0, 0];
  const size = random === undefined ? signedAtOnce : requests.length;
  try {
    for (let from = 0; from < requests.length; from += size) {
      const signed = sign(target, requests.slice(from, from + size));
      const before = processorSeconds(target.workers);
      const started = performance.now();
      await send(connections, {
        ...{ signed, random, latencies },
        onAnswer: (index, body) => onAnswer?.(from + index, body),
      });
      milliseconds += performance.now() - started;
      spent += processorSeconds(target.workers) - before;
    }
  } finally {
    for (const connection of connections) connection.close();
  }
  latencies.sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? NaN;
  return {
    requests: latencies.length,
    ...{ rate: (latencies.length * 1000) / milliseconds, p50: at(0.5), p99: at(0.99) },
    cost: (spent * 1e6) / Math.max(1, latencies.length),
  };
}

function sign({ identity, port }: Target, requests: readonly Request[]): Buffer[] {
  const signer = new Signer(identity, `127.0.0.1:${port}`);
  return requests.map(({ operation, input }) => signer.request(operation, input));
}

interface Sending extends Required<Pick<Pass, 'onAnswer'>> {
  readonly signed: readonly Buffer[];
  readonly random: Pass['random'];
  /** Milliseconds of each are added. */
  readonly latencies: number[];
}

async function send(
  connections: readonly Connection[],
  { signed, random, latencies, onAnswer }: Sending,
): Promise<void> {
  const end = performance.now() + (random?.seconds ?? Infinity) * 1000;
  const most = random === undefined ? signed.length : (random.requests ?? Infinity);
  let sent = 0;
  const loop = async (connection: Connection): Promise<void> => {
    while (sent < most && performance.now() < end) {
      const index = random === undefined ? sent : Math.floor(Math.random() * signed.length);
      sent += 1;
      const request = signed[index];
      if (request === undefined) throw new Error('a pass has one request at least');
      const since = performance.now();
      const body = await connection.exchange(request);
      latencies.push(performance.now() - since);
      onAnswer(index, body);
    }
  };
  await Promise.all(connections.map(loop));
}
