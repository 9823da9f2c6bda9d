/** See scripts/bench/rest. */
import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { readCount, readCounts, readSome, run, say } from '../command-line';
import { Connection } from '../load/connection';
import { type DoorName, doorNames, requestMaker } from '../load/doors';
import { type LoadGenerator, withLoadGenerator } from '../load/process';
import { type OperationName, operationNames } from '../load/workload';
import { type Measured, measure } from '../measure';
import { describeMachine } from '../report';
import { type Site, withSite } from '../site';
import { doorsHead, doorsLine } from './table';

interface Options {
  readonly seconds: number;
  readonly rounds: number;
  readonly connections: readonly number[];
  readonly operations: readonly OperationName[];
  readonly workers: number;
  readonly warmUp: number;
  readonly profile?: string;
  readonly only?: DoorName;
}

function readOptions(): Options {
  return new Command('scripts/bench/rest')
    .option('--seconds <count>', 'length of a phase', readCount, 3)
    .option('--rounds <count>', 'phases of each door in turn', readCount, 3)
    .option('--connections <list>', 'with commas', readCounts, [1, 16, 64])
    .option('--operations <list>', 'with commas', readSome(operationNames), ['Encrypt'])
    .option('--workers <count>', 'of the daemon', readCount, availableParallelism())
    .option('--warm-up <count>', 'requests of each door before', readCount, 20_000)
    .option('--profile <directory>', 'CPU profiles of the daemon go there')
    .option('--only <door>', `one of ${doorNames.join(', ')}, for a profile`)
    .parse()
    .opts<Options>();
}

interface Bench {
  readonly site: Site;
  readonly generator: LoadGenerator;
  readonly token: string;
}

async function main(options: Options): Promise<void> {
  await withLoadGenerator((generator) =>
    withSite({ workers: options.workers, profile: options.profile }, async (site) => {
      say(`${await describeMachine(site.databaseUrl)}, ${options.workers} workers\n`);
      await compare({ site, generator, token: await makeToken(site) }, options);
    }),
  );
}

/** Shown once, as for every client. */
async function makeToken({ daemon, identity }: Site): Promise<string> {
  const request = requestMaker('rest', { identity }, `127.0.0.1:${daemon.port}`);
  const connection = await Connection.open(daemon.port);
  const answer = await connection.exchange(request('CreateApiToken', { Name: 'bench' }));
  connection.close();
  return (JSON.parse(answer.toString('utf8')) as { readonly Token: string }).Token;
}

async function compare(bench: Bench, options: Options): Promise<void> {
  const doors = options.only === undefined ? doorNames : [options.only];
  const at = (door: DoorName, load: Omit<Parameters<typeof measure>[2], 'door'>) =>
    measure(bench, bench.site.daemon, { ...load, door, token: bench.token });
  for (const door of doors) {
    const warm = { connections: 64, requests: options.warmUp, seconds: 20 };
    await at(door, { operation: 'Encrypt', ...warm });
  }
  say(doorsHead());
  for (const operation of options.operations) {
    for (const connections of options.connections) {
      const rounds: Record<DoorName, Measured[]> = { 'aws-json': [], rest: [], 'rest-token': [] };
      for (let round = 0; round < options.rounds; round += 1) {
        for (const door of doors) {
          const { seconds } = options;
          rounds[door].push(await at(door, { operation, connections, seconds }));
        }
      }
      say(doorsLine({ operation, connections, rounds }));
    }
  }
}

run(() => main(readOptions()));
