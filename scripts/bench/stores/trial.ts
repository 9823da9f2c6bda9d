import { randomBytes } from 'node:crypto';
import { openDatabase } from '../../../src/db';
import type { MaterialStorage } from '../../../src/keys/material';
import type { Ground } from '../ground';
import { median } from '../measure';
import { residentOf } from '../processes';
import { type Passed, type Request, type Target, pass } from './load';
import { initialiseMs } from './start-up';

export interface TrialOptions {
  /** Length of a warm phase. */
  readonly seconds: number;
  readonly connections: number;
  /** Keys that are made through the API. */
  readonly create: number;
  readonly storage: MaterialStorage;
}

/** A key store of one size, measured. */
export interface Trial {
  /** Milliseconds: until it serves, and what of that is C_Initialize of one process. */
  readonly startUp: number;
  readonly initialise: number;
  /** `few`: warm, at ten of the keys, in turn with `warm`. */
  readonly encrypt: { readonly cold: Passed; readonly warm: Passed; readonly few: Passed };
  readonly decrypt: { readonly cold: Passed; readonly warm: Passed };
  /** A page of a thousand keys: the first, and one from the middle. */
  readonly list: { readonly first: Passed; readonly deep: Passed };
  readonly create: Passed;
  /** Key materials a second that `claviger wrapping-key rotate` puts under another key, beside a daemon; of a wrapped store. */
  readonly rewrap: number | undefined;
  /** MiB of one worker: when it starts, and when it has used every key. */
  readonly memory: { readonly start: number; readonly used: number };
}

const plaintextBytes = 32;
const listPages = 20;
const createConnections = 4;
/** As scripts/bench/run does it: V8 compiles what is hot. */
const warmth = { requests: 30_000, seconds: 20 };
const rounds = 5;
const fewKeys = 10;

/** Measures a daemon on the keys that are there. `encrypt` and `decrypt` use all of them, `cold` each once. */
export async function measureTrial(ground: Ground, options: TrialOptions): Promise<Trial> {
  const keyIds = shuffled(await listKeyIds(ground.databaseUrl));
  const initialise = await initialiseMs(ground);
  const first = await started(ground);
  const start = memoryOf(first.target);
  const { encrypt, sealed } = await measureEncrypt(first.target, keyIds, options);
  const used = memoryOf(first.target);
  const list = await measureList(first.target, keyIds);
  await first.stop();
  // Another process, so that nothing is warm.
  const second = await started(ground);
  const decrypt = await measureDecrypt(second.target, sealed, options);
  const create = await pass(
    second.target,
    Array.from({ length: options.create }, () => ({ operation: 'CreateKey', input: {} })),
    { connections: createConnections },
  );
  const rewrap = options.storage === 'wrapped' ? await rewrapRate(ground) : undefined;
  await second.stop();
  const startUp = Math.min(first.milliseconds, second.milliseconds);
  return { startUp, initialise, encrypt, decrypt, list, create, rewrap, memory: { start, used } };
}

async function rewrapRate(ground: Ground): Promise<number> {
  const since = performance.now();
  const rotated = JSON.parse(await ground.run('wrapping-key', 'rotate', '--json')) as {
    readonly KeyMaterials: number;
  };
  return (rotated.KeyMaterials * 1000) / (performance.now() - since);
}

interface Started {
  readonly target: Target;
  readonly milliseconds: number;
  stop(): Promise<void>;
}

async function started(ground: Ground): Promise<Started> {
  const since = performance.now();
  const daemon = await ground.serve();
  const milliseconds = performance.now() - since;
  const { port, workers } = daemon;
  const { identity } = ground;
  return { target: { port, workers, identity }, milliseconds, stop: () => daemon.stop() };
}

interface Sealed {
  readonly keyId: string;
  readonly plaintext: string;
  readonly ciphertext: string;
}

async function measureEncrypt(
  target: Target,
  keyIds: readonly string[],
  { seconds, connections }: TrialOptions,
): Promise<{ encrypt: Trial['encrypt']; sealed: Sealed[] }> {
  const sealed: Sealed[] = [];
  const plaintexts = keyIds.map(() => randomBytes(plaintextBytes).toString('base64'));
  const requests = keyIds.map((KeyId, index): Request => ({
    operation: 'Encrypt',
    input: { KeyId, Plaintext: plaintexts[index] },
  }));
  const cold = await pass(target, requests, {
    connections,
    onAnswer: (index, body) => {
      const { CiphertextBlob } = JSON.parse(body.toString()) as { CiphertextBlob: string };
      sealed.push({
        ...{ keyId: keyIds[index] ?? '', plaintext: plaintexts[index] ?? '' },
        ciphertext: CiphertextBlob,
      });
    },
  });
  await warmUp(target, requests, connections);
  const [warm, few]: Passed[][] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    const random = { seconds: seconds / rounds };
    warm?.push(await pass(target, requests, { connections, random }));
    few?.push(await pass(target, requests.slice(0, fewKeys), { connections, random }));
  }
  return { encrypt: { cold, warm: medianOf(warm ?? []), few: medianOf(few ?? []) }, sealed };
}

async function measureDecrypt(
  target: Target,
  sealed: readonly Sealed[],
  { seconds, connections }: TrialOptions,
): Promise<Trial['decrypt']> {
  const requests = sealed.map(({ keyId, ciphertext }): Request => ({
    operation: 'Decrypt',
    input: { KeyId: keyId, CiphertextBlob: ciphertext },
  }));
  const onAnswer = (index: number, body: Buffer): void => {
    const { Plaintext } = JSON.parse(body.toString()) as { Plaintext: string };
    if (Plaintext !== sealed[index]?.plaintext) throw new Error('another plaintext was decrypted');
  };
  const cold = await pass(target, requests, { connections, onAnswer });
  await warmUp(target, requests, connections);
  const warm = await pass(target, requests, { connections, random: { seconds } });
  return { cold, warm };
}

/** Of several workers each gets its share of the requests: after some rounds each has seen almost every key. */
async function warmUp(
  target: Target,
  requests: readonly Request[],
  connections: number,
): Promise<void> {
  const rounds = target.workers.length === 1 ? 0 : 4;
  for (let round = 0; round < rounds; round += 1) await pass(target, requests, { connections });
  await pass(target, requests, { connections, random: warmth });
}

function medianOf(passes: readonly Passed[]): Passed {
  const of = (value: (passed: Passed) => number): number => median(passes.map(value));
  return {
    requests: passes.reduce((sum, { requests }) => sum + requests, 0),
    ...{ rate: of(({ rate }) => rate), cost: of(({ cost }) => cost) },
    ...{ p50: of(({ p50 }) => p50), p99: of(({ p99 }) => p99) },
  };
}

async function measureList(target: Target, keyIds: readonly string[]): Promise<Trial['list']> {
  const pages = (input: object): Request[] =>
    Array.from({ length: listPages }, () => ({
      operation: 'ListKeys',
      input: { Limit: 1000, ...input },
    }));
  const [page] = pages({});
  let marker: string | undefined;
  const seen = new Set<string>();
  const middle = Math.floor(keyIds.length / 2000);
  // Markers are ours to read only by asking for the pages before.
  for (let at = 0; at < middle && page !== undefined; at += 1) {
    const input = marker === undefined ? page.input : { ...page.input, Marker: marker };
    await pass(target, [{ operation: 'ListKeys', input }], {
      connections: 1,
      onAnswer: (_, body) => {
        const answer = JSON.parse(body.toString()) as ListKeysAnswer;
        for (const { KeyId } of answer.Keys) seen.add(KeyId);
        marker = answer.NextMarker;
      },
    });
  }
  if (seen.size !== middle * 1000) throw new Error('a page of keys is not whole');
  return {
    first: await pass(target, pages({}), { connections: 1 }),
    deep: await pass(target, pages(marker === undefined ? {} : { Marker: marker }), {
      connections: 1,
    }),
  };
}

interface ListKeysAnswer {
  readonly Keys: readonly { readonly KeyId: string }[];
  readonly NextMarker?: string;
}

async function listKeyIds(url: string): Promise<string[]> {
  const limits = { statementTimeoutMs: 60_000, connectTimeoutMs: 5000 };
  const database = openDatabase({ url, poolSize: 1, ...limits });
  const rows = await database.query<{ key_id: string }>({ text: 'select key_id from kms_key' });
  await database.close();
  return rows.map((row) => row.key_id);
}

function shuffled<T>(values: readonly T[]): T[] {
  return values
    .map((value) => ({ value, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ value }) => value);
}

function memoryOf({ workers }: Target): number {
  return Math.max(...workers.map(residentOf));
}
