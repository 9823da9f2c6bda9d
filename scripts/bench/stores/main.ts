/** See scripts/bench/scale. */
import { Command } from 'commander';
import type { MaterialStorage } from '../../../src/keys/material';
import { cleanly } from '../cleanly';
import { readCount, readCounts, readSome, run, say } from '../command-line';
import { type Cleanup, openGround } from '../ground';
import { describeMachine } from '../report';
import { fill } from './fill';
import { ratioLine, tableHead, tableRow } from './table';
import { type Trial, measureTrial } from './trial';

interface Options {
  readonly store: readonly MaterialStorage[];
  readonly keys?: readonly number[];
  readonly seconds: number;
  readonly connections: number;
  readonly workers: number;
  readonly create: number;
  readonly cachedObjects?: number;
}

const stores: readonly MaterialStorage[] = ['wrapped', 'resident'];
const sizes = {
  wrapped: [10, 1000, 10_000, 100_000],
  resident: [10, 1000, 10_000],
} as const satisfies Record<MaterialStorage, readonly number[]>;

function readOptions(): Options {
  return new Command('scripts/bench/scale')
    .option('--store <list>', 'with commas', readSome(stores), stores)
    .option(
      '--keys <list>',
      'sizes, with commas; by default up to 100,000 wrapped and 10,000 resident',
      (list) => readCounts(list).toSorted((a, b) => a - b),
    )
    .option('--seconds <count>', 'length of a warm phase', readCount, 5)
    .option('--connections <count>', 'of the load', readCount, 16)
    .option('--workers <count>', 'of the daemon', readCount, 1)
    .option('--create <count>', 'keys that are made through the API', readCount, 100)
    .option('--cached-objects <count>', 'CLAVIGER_TOKEN_CACHED_KEYS of the daemon', readCount)
    .parse()
    .opts<Options>();
}

async function main(options: Options): Promise<void> {
  for (const storage of options.store) {
    await cleanly((onClose) => measureStore(storage, options, onClose));
  }
}

async function measureStore(
  storage: MaterialStorage,
  options: Options,
  onClose: (step: Cleanup) => void,
): Promise<void> {
  const environment = {
    CLAVIGER_WORKERS: String(options.workers),
    CLAVIGER_KEY_MATERIAL: storage,
    CLAVIGER_MAX_KEYS_PER_ACCOUNT: '10000000',
    ...(options.cachedObjects && { CLAVIGER_TOKEN_CACHED_KEYS: String(options.cachedObjects) }),
  };
  const ground = await openGround(environment, onClose);
  say(`${storage}, ${await describeMachine(ground.databaseUrl)}, ${options.workers} workers\n`);
  say(tableHead());
  const trials: Trial[] = [];
  let there = 0;
  for (const keys of options.keys ?? sizes[storage]) {
    await fill(ground, { storage, keys: Math.max(0, keys - there) });
    const trial = await measureTrial(ground, { ...options, storage });
    there = keys + options.create;
    trials.push(trial);
    say(tableRow(keys, trial));
  }
  say(`\n${ratioLine(trials)}\n`);
}

run(() => main(readOptions()));
