import { randomBytes } from 'node:crypto';
import { generate, startGenerator, type Generator } from '../load/generator';
import { Connection } from '../load/connection';
import { type Identity, Signer } from '../load/signer';

/** Load by REST: one Encrypt a request, or so many. */
export interface Phase {
  readonly port: number;
  readonly keyId: string;
  readonly identity: Identity;
  /** Entries of a batch; 1: no batch. */
  readonly entries: number;
  readonly connections: number;
  readonly seconds: number;
}

export interface Result {
  readonly requests: number;
  readonly seconds: number;
  /** Milliseconds a request. */
  readonly p50: number;
  readonly p99: number;
}

/** Different requests; they are sent again and again. */
const distinct = 50;
const plaintextBytes = 32;

export function startBatchGenerator(): Generator<Phase, Result> {
  return startGenerator(__filename);
}

async function drive(phase: Phase): Promise<Result> {
  const requests = makeRequests(phase);
  const connections = await Promise.all(
    Array.from({ length: phase.connections }, () => Connection.open(phase.port)),
  );
  try {
    return await closedLoop(connections, requests, phase);
  } finally {
    for (const connection of connections) connection.close();
  }
}

function makeRequests({ port, keyId, identity, entries }: Phase): Buffer[] {
  const signer = new Signer(identity, `127.0.0.1:${port}`);
  const EncryptionContext = { tenant: 'bench' };
  const input = () => ({
    ...{ Plaintext: randomBytes(plaintextBytes).toString('base64'), EncryptionContext },
  });
  const entry = () => ({ Operation: 'Encrypt', Input: { KeyId: keyId, ...input() } });
  return Array.from({ length: distinct }, () =>
    entries === 1
      ? signer.post(`/v1/keys/${keyId}/encrypt`, input())
      : signer.post('/v1/batch', { Entries: Array.from({ length: entries }, entry) }),
  );
}

/** Each connection sends its next request when the last one is answered. An entry that fails ends it all. */
async function closedLoop(
  connections: readonly Connection[],
  requests: readonly Buffer[],
  { seconds, entries }: Phase,
): Promise<Result> {
  const latencies: number[] = [];
  let sent = 0;
  const started = performance.now();
  const end = started + seconds * 1000;
  const loop = async (connection: Connection): Promise<void> => {
    for (let now = started; now < end;) {
      const request = requests[sent++ % requests.length] ?? Buffer.alloc(0);
      const since = performance.now();
      const body = await connection.exchange(request);
      now = performance.now();
      latencies.push(now - since);
      if (entries > 1 && !body.subarray(-12).toString().endsWith('"Failed":0}')) {
        const [problem] = /"Problem":[^}]*/.exec(body.toString()) ?? [];
        throw new Error(`an entry of a batch failed: ${problem ?? 'nobody said why'}`);
      }
    }
  };
  await Promise.all(connections.map(loop));
  const took = (performance.now() - started) / 1000;
  latencies.sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? 0;
  return { requests: latencies.length, seconds: took, p50: at(0.5), p99: at(0.99) };
}

if (require.main === module) generate((phase) => drive(phase as Phase));
