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

/** Sends requests, each connection its next when the last is answered. Rejects for an answer that is no success. */
export async function pass(
  target: Target,
  requests: readonly Request[],
  { connections: count, random, onAnswer }: Pass,
): Promise<Passed> {
  const signer = new Signer(target.identity, `127.0.0.1:${target.port}`);
  const signed = requests.map(({ operation, input }) => signer.request(operation, input));
  const connections = await Promise.all(
    Array.from({ length: count }, () => Connection.open(target.port)),
  );
  const latencies: number[] = [];
  const before = processorSeconds(target.workers);
  const started = performance.now();
  const end = started + (random?.seconds ?? Infinity) * 1000;
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
      onAnswer?.(index, body);
    }
  };
  try {
    await Promise.all(connections.map(loop));
  } finally {
    for (const connection of connections) connection.close();
  }
  const took = (performance.now() - started) / 1000;
  const spent = processorSeconds(target.workers) - before;
  latencies.sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? NaN;
  return {
    requests: latencies.length,
    ...{ rate: latencies.length / took, p50: at(0.5), p99: at(0.99) },
    cost: (spent * 1e6) / Math.max(1, latencies.length),
  };
}
