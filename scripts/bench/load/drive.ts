import { Connection } from './connection';
import { type DoorName, type RequestMaker, requestMaker } from './doors';
import type { Identity } from './signer';
import {
  type Item,
  makeItems,
  readAnswer,
  requestOf,
  type WorkloadName,
  workloads,
} from './workload';

/** One phase of load on one server. */
export interface Phase {
  readonly port: number;
  readonly keyId: string;
  readonly identity: Identity;
  /** The AWS door, where nothing else is said. */
  readonly door?: DoorName | undefined;
  /** A bearer token, for the door that takes one. */
  readonly token?: string | undefined;
  readonly operation: WorkloadName;
  readonly connections: number;
  /** It ends at whichever comes first. */
  readonly seconds: number;
  readonly requests: number;
}

export interface Result {
  readonly requests: number;
  readonly seconds: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Answers that were proved: a ciphertext decrypted again and compared, a signature or MAC verified. */
  readonly proved: number;
}

/** Distinct requests of a phase; they are sent again and again. */
const distinct = 4000;
const preparingConnections = 16;
/** One answer in so many is kept, up to a limit, and proved after the phase. */
const sampleEvery = 997;
const maxSamples = 32;

/** Signs the requests, sends them over so many connections, each when the one before is answered, and proves samples. */
export async function drive(phase: Phase): Promise<Result> {
  const { keyId, door = 'aws-json' } = phase;
  const request = requestMaker(door, phase, `127.0.0.1:${phase.port}`);
  const sign = (operation: WorkloadName, item: Item): Buffer =>
    requestOf(operation, { item, keyId }, request);
  const items = makeItems(Math.min(distinct, phase.requests));
  if (phase.operation === 'Decrypt') await encryptAll(items, phase.port, sign);
  const requests = items.map((item) => sign(phase.operation, item));
  const connections = await openAll(phase.port, phase.connections);
  try {
    const { latencies, seconds, samples } = await closedLoop(connections, requests, phase);
    const [first] = connections;
    if (first === undefined) throw new Error('a phase has one connection at least');
    for (const { index, body } of samples) {
      await prove(first, { item: itemAt(items, index), body, phase, request });
    }
    latencies.sort();
    const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? 0;
    return {
      requests: latencies.length,
      seconds,
      p50: at(0.5),
      p99: at(0.99),
      proved: samples.length,
    };
  } finally {
    for (const connection of connections) connection.close();
  }
}

type Sign = (operation: WorkloadName, item: Item) => Buffer;

interface Sample {
  readonly index: number;
  readonly body: Buffer;
}

async function closedLoop(
  connections: readonly Connection[],
  requests: readonly Buffer[],
  limit: { readonly seconds: number; readonly requests: number },
): Promise<{ latencies: Float64Array; seconds: number; samples: Sample[] }> {
  const latencies: number[] = [];
  const samples: Sample[] = [];
  let sent = 0;
  const started = performance.now();
  const end = started + limit.seconds * 1000;
  const loop = async (connection: Connection): Promise<void> => {
    for (let now = started; now < end && sent < limit.requests;) {
      const index = sent++ % requests.length;
      const request = requests[index];
      if (request === undefined) throw new Error('a phase has one request at least');
      const since = performance.now();
      const body = await connection.exchange(request);
      now = performance.now();
      latencies.push(now - since);
      if (latencies.length % sampleEvery === 1 && samples.length < maxSamples) {
        samples.push({ index, body });
      }
    }
  };
  await Promise.all(connections.map(loop));
  const seconds = (performance.now() - started) / 1000;
  return { latencies: Float64Array.from(latencies), seconds, samples };
}

/** Decrypt needs ciphertexts of the server that it asks. */
async function encryptAll(items: Item[], port: number, sign: Sign): Promise<void> {
  const connections = await openAll(port, preparingConnections);
  let next = 0;
  await Promise.all(
    connections.map(async (connection) => {
      while (next < items.length) {
        const index = next++;
        const item = itemAt(items, index);
        const answer = readAnswer(await connection.exchange(sign('Encrypt', item)));
        items[index] = { ...item, ciphertext: answer.CiphertextBlob ?? '' };
      }
      connection.close();
    }),
  );
}

interface Claimed {
  readonly item: Item;
  readonly body: Buffer;
  readonly phase: Phase;
  readonly request: RequestMaker;
}

/** Throws unless the server itself decrypts the ciphertext to its plaintext, or verifies the signature or MAC. */
async function prove(
  connection: Connection,
  { item, body, phase: { operation, keyId }, request }: Claimed,
): Promise<void> {
  const proof = workloads[operation].proof({ item, keyId }, readAnswer(body));
  if (proof === undefined) {
    throw new Error(`${operation} answered something else: ${body.toString('utf8')}`);
  }
  const answer = await connection.exchange(request(proof.operation, proof.input));
  if (!proof.proves(readAnswer(answer))) throw new Error(`an answer of ${operation} is not true`);
}

function openAll(port: number, count: number): Promise<Connection[]> {
  return Promise.all(Array.from({ length: count }, () => Connection.open(port)));
}

function itemAt(items: readonly Item[], index: number): Item {
  const item = items[index];
  if (item === undefined) throw new Error('no such item');
  return item;
}
