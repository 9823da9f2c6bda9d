import { Connection } from '../load/connection';
import { closedLoop, type Looped, openLoop } from './loops';
import {
  type Answer,
  type Item,
  type OperationName,
  RequestMaker,
  type StoreAddress,
  integrityValue,
  makeItems,
} from './requests';

/** One phase of load on one store. */
export interface Phase {
  readonly store: StoreAddress;
  readonly operation: OperationName;
  /** How many keys take turns. */
  readonly keys: number;
  readonly connections: number;
  /** Sent a second, whatever is answered; without it each connection sends its next request when the last is answered. */
  readonly perSecond?: number;
  readonly seconds: number;
  /** Different requests, at the least; they are sent again and again. */
  readonly distinct: number;
}

export interface Result {
  readonly requests: number;
  readonly seconds: number;
  /** Milliseconds; of requests that are sent at a time, from that time. */
  readonly p50: number;
  readonly p99: number;
  /** Ciphertexts that were decrypted again and compared, and plaintexts that were compared. */
  readonly proved: number;
}

const preparingConnections = 16;

/** Signs the requests, sends them, and proves samples of the answers. Every answer must be a 200. */
export async function drive(phase: Phase): Promise<Result> {
  const { store, operation, keys, distinct } = phase;
  const maker = new RequestMaker(store);
  const items = makeItems(Math.max(distinct, keys), keys);
  const requests =
    operation === 'Decrypt'
      ? await decryptions(phase, maker, items)
      : await signAll(items, (item) => maker.encrypt(item, operation === 'Encrypt CDIV'));
  const connections = await openAll(store, phase.connections);
  try {
    const looped = await (phase.perSecond === undefined
      ? closedLoop(connections, requests, phase)
      : openLoop(connections, requests, { ...phase, perSecond: phase.perSecond }));
    const prover = await Connection.open(store.port, store.ca);
    connections.push(prover);
    for (const { index, body } of looped.samples) {
      await prove(prover, { operation, item: itemAt(items, index), body, maker });
    }
    return summed(looped);
  } finally {
    for (const connection of connections) connection.close();
  }
}

function summed({ latencies, seconds, samples }: Looped): Result {
  const sorted = Float64Array.from(latencies).sort();
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? 0;
  const [p50, p99] = [at(0.5), at(0.99)];
  return { requests: latencies.length, seconds, p50, p99, proved: samples.length };
}

async function signAll(
  items: readonly Item[],
  sign: (item: Item, index: number) => Promise<Buffer>,
): Promise<Buffer[]> {
  const signed: Buffer[] = [];
  for (const [index, item] of items.entries()) signed.push(await sign(item, index));
  return signed;
}

/** Needs ciphertexts of the store that it asks. */
async function decryptions(
  { store }: Phase,
  maker: RequestMaker,
  items: readonly Item[],
): Promise<Buffer[]> {
  const connections = await openAll(store, preparingConnections);
  const sealed: Answer[] = [];
  let next = 0;
  await Promise.all(
    connections.map(async (connection) => {
      while (next < items.length) {
        const index = next++;
        const request = await maker.encrypt(itemAt(items, index), false);
        sealed[index] = read(await connection.exchange(request));
      }
      connection.close();
    }),
  );
  return signAll(items, (item, index) => maker.decrypt(item, sealed[index] ?? {}));
}

interface Claimed {
  readonly operation: OperationName;
  readonly item: Item;
  readonly body: Buffer;
  readonly maker: RequestMaker;
}

/** Throws unless it is the plaintext, or decrypts to it; and unless an integrity value is that of its ciphertext. */
async function prove(
  connection: Connection,
  { operation, item, body, maker }: Claimed,
): Promise<void> {
  const answer = read(body);
  const value = answer.ciphertextDataIntegrityValue;
  const hasValue = operation === 'Encrypt CDIV';
  if (value !== (hasValue ? integrityValue(item, answer) : undefined)) {
    throw new Error(`an answer of ${operation} has another integrity value`);
  }
  const opened =
    operation === 'Decrypt'
      ? answer
      : read(await connection.exchange(await maker.decrypt(item, answer)));
  if (opened.plaintext !== item.plaintext.toString('base64')) {
    throw new Error(`an answer of ${operation} is not true`);
  }
}

function read(body: Buffer): Answer {
  return JSON.parse(body.toString('utf8')) as Answer;
}

function openAll({ port, ca }: StoreAddress, count: number): Promise<Connection[]> {
  return Promise.all(Array.from({ length: count }, () => Connection.open(port, ca)));
}

function itemAt(items: readonly Item[], index: number): Item {
  const item = items[index];
  if (item === undefined) throw new Error('no such item');
  return item;
}
