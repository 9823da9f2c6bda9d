/** See scripts/bench/xks. */
import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { cleanly } from '../cleanly';
import { readCount, readCounts, readSome, run, say } from '../command-line';
import { residentOf } from '../processes';
import { describeMachine } from '../report';
import { type XksBench, type XksMeasured, measure } from './measure';
import { startXksLoadGenerator } from './process';
import { type OperationName, operationNames } from './requests';
import { openXksSite } from './site';
import { type Row, tableOf } from './table';

interface Options {
  readonly seconds: number;
  readonly rounds: number;
  readonly connections: number;
  readonly perSecond: number;
  readonly keys: readonly number[];
  readonly operations: readonly OperationName[];
  readonly workers: number;
  readonly warmUp: number;
  readonly profile?: string;
  readonly distinct: number;
  readonly quick?: boolean;
}

/** A look at whether it works, which says nothing about rates. */
const quick: Partial<Options> = {
  ...{ seconds: 1, rounds: 1, warmUp: 1, workers: 1 },
  ...{ keys: [1, 20], connections: 4, perSecond: 20, distinct: 40 },
};

/** What is sent at even times waits for none of the others. */
const openConnections = 64;

function readOptions(): Options {
  const options = new Command('scripts/bench/xks')
    .option('--seconds <count>', 'length of a phase', readCount, 3)
    .option('--rounds <count>', 'phases of each load in turn', readCount, 3)
    .option('--connections <count>', 'of the closed loop', readCount, 16)
    .option('--per-second <count>', 'requests of the open loop', readCount, 1800)
    .option('--keys <list>', 'with commas', readCounts, [1, 100, 1000])
    .option('--operations <list>', 'with commas', readSome(operationNames), [...operationNames])
    .option('--workers <count>', 'of the daemon', readCount, availableParallelism())
    .option('--warm-up <count>', 'seconds before: V8 compiles what is hot', readCount, 8)
    .option('--distinct <count>', 'requests of a phase, sent again and again', readCount, 2000)
    .option('--profile <directory>', 'CPU profiles of the daemon go there')
    .option('--quick', 'see whether it works, in a few seconds')
    .parse()
    .opts<Options>();
  return options.quick === true ? { ...options, ...quick } : options;
}

type Load = { readonly connections: number; readonly perSecond?: number };

async function compare(bench: XksBench, options: Options): Promise<void> {
  const { site } = bench;
  const { keys, operations, connections, seconds, distinct } = options;
  const before = memory(site.workers);
  await warmUp(bench, options);
  const loads: Readonly<Record<string, Load>> = {
    [`${connections} connections`]: { connections },
    [`${options.perSecond}/s`]: { connections: openConnections, perSecond: options.perSecond },
  };
  const rows = Object.entries(loads).flatMap(([name, load]) =>
    operations.flatMap((operation) =>
      keys.map((count) => ({ operation, keys: count, name, load, rounds: [] as XksMeasured[] })),
    ),
  );
  for (let round = 0; round < options.rounds; round += 1) {
    for (const { operation, keys: count, load, rounds } of rows) {
      rounds.push(await measure(bench, { ...load, operation, keys: count, seconds, distinct }));
    }
  }
  say(tableOf(rows.map(({ name, ...row }): Row => ({ ...row, load: name }))));
  const all = rows.flatMap(({ rounds }) => rounds);
  const sum = (value: (one: XksMeasured) => number): number =>
    all.reduce((total, one) => total + value(one), 0);
  say(
    `\n- ${sum(({ requests }) => requests)} requests, every answer a 200; ${sum(({ proved }) => proved)} answers proved.`,
  );
  say(`- Memory of the workers, before and after: ${before} and ${memory(site.workers)} MiB.`);
}

/** Until each worker must have used each key: its first use waits for the database. */
async function warmUp(bench: XksBench, options: Options): Promise<void> {
  const { connections, warmUp: seconds, distinct, workers } = options;
  const keys = Math.max(...options.keys);
  const load = { operation: 'Encrypt', keys, connections, seconds, distinct } as const;
  for (let sent = 0; sent < 10 * keys * workers;) sent += (await measure(bench, load)).requests;
}

function memory(workers: readonly number[]): string {
  return workers.map((pid) => residentOf(pid).toFixed(0)).join(', ');
}

async function main(options: Options): Promise<void> {
  await cleanly(async (onClose) => {
    const generator = startXksLoadGenerator();
    onClose(() => generator.stop());
    const { workers, profile } = options;
    const keys = Math.max(...options.keys);
    const site = await openXksSite({ workers, keys, profile }, onClose);
    say(`${await describeMachine(site.databaseUrl)}, ${workers} workers\n`);
    await compare({ site, generator }, options);
  });
}

run(() => main(readOptions()));
