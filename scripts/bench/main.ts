/** See scripts/bench/run. */
import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { readCount, readCounts, readSome, run, say } from './command-line';
import { withLoadGenerator, type LoadGenerator } from './load/process';
import { type OperationName, operationNames } from './load/workload';
import { type Measured, measure, median } from './measure';
import { residentOf } from './processes';
import { rawTokenRate } from './raw-token';
import { describeMachine, rateOf, tableHead, tableRow } from './report';
import { type Contender, type Site, withSite } from './site';

interface Options {
  readonly seconds: number;
  readonly rounds: number;
  readonly connections: readonly number[];
  readonly operations: readonly OperationName[];
  readonly workers: number;
  readonly warmUp: number;
  readonly profile?: string;
  readonly soak?: number;
}

interface Bench {
  readonly site: Site;
  readonly generator: LoadGenerator;
}

/** A server that takes longer than this to warm up is warm. */
const warmUpSeconds = 20;
const soakStep = 100_000;
const soakConnections = 64;
/** A step of the soak that takes longer than this is cut short, so that a hang ends. */
const soakStepSeconds = 240;

function readOptions(): Options {
  return new Command('scripts/bench/run')
    .option('--seconds <count>', 'length of a phase', readCount, 3)
    .option('--rounds <count>', 'phases of each server in turn', readCount, 3)
    .option('--connections <list>', 'with commas', readCounts, [1, 16, 64])
    .option('--operations <list>', 'with commas', readSome(operationNames), [...operationNames])
    .option('--workers <count>', 'of either server', readCount, availableParallelism())
    .option('--warm-up <count>', 'requests before: V8 compiles what is hot', readCount, 30_000)
    .option('--profile <directory>', 'CPU profiles of the daemon go there')
    .option('--soak <count>', 'so many requests, and the memory on the way', readCount)
    .parse()
    .opts<Options>();
}

async function main(options: Options): Promise<void> {
  await withLoadGenerator((generator) =>
    withSite({ workers: options.workers, profile: options.profile }, async (site) => {
      say(`${await describeMachine(site.databaseUrl)}, ${options.workers} workers\n`);
      await (options.soak === undefined
        ? compare({ site, generator }, options)
        : soak({ site, generator }, options.soak));
    }),
  );
}

async function compare(bench: Bench, options: Options): Promise<void> {
  const { site } = bench;
  const before = memory(site.daemon);
  for (const contender of [site.daemon, site.yardstick]) {
    await measure(bench, contender, {
      ...{ operation: 'Encrypt', connections: 64 },
      ...{ requests: options.warmUp, seconds: warmUpSeconds },
    });
  }
  const raw: number[] = [];
  const best: number[] = [];
  let requests = 0;
  let proved = 0;
  say(tableHead());
  for (const operation of options.operations) {
    raw.push(await rawRate(site));
    for (const connections of options.connections) {
      const row = await compareAt(bench, { ...options, operation, connections });
      say(tableRow({ operation, connections, ...row }));
      if (operation === 'Encrypt') best.push(rateOf(row.daemon));
      for (const round of [...row.daemon, ...row.yardstick]) {
        requests += round.requests;
        proved += round.proved;
      }
    }
  }
  say(
    `\n- ${requests} requests, every answer a 200; ${proved} ciphertexts decrypted and compared.`,
  );
  say(`- Memory of the workers, before and after: ${before} and ${memory(site.daemon)} MiB.`);
  const rate = median(raw);
  const share =
    best.length === 0 ? '' : `; the best Encrypt is ${(Math.max(...best) / rate).toFixed(2)} of it`;
  say(
    `- The token alone, in one process through pkcs11js: ${rate.toFixed(0)} encryptions/s${share}.`,
  );
}

function rawRate({ token, tokenKeyId }: Site): Promise<number> {
  const { module, conf, pinFile, label } = token;
  return rawTokenRate({ module, conf, pinFile, label, tokenKeyId, seconds: 2 });
}

/** The two servers in turn, so that whatever else the machine does meets both. */
async function compareAt(
  bench: Bench,
  load: { operation: OperationName; connections: number; seconds: number; rounds: number },
): Promise<{ daemon: Measured[]; yardstick: Measured[] }> {
  const { operation, connections, seconds } = load;
  const [daemon, yardstick]: Measured[][] = [[], []];
  for (let round = 0; round < load.rounds; round += 1) {
    daemon?.push(await measure(bench, bench.site.daemon, { operation, connections, seconds }));
    yardstick?.push(
      await measure(bench, bench.site.yardstick, { operation, connections, seconds }),
    );
  }
  return { daemon: daemon ?? [], yardstick: yardstick ?? [] };
}

async function soak(bench: Bench, total: number): Promise<void> {
  const { daemon } = bench.site;
  say('| requests | operation | requests/s | p99 ms | memory of each worker, MiB |');
  say('|---:|---|---:|---:|---|');
  say(`| 0 | | | | ${memory(daemon)} |`);
  for (let done = 0, step = 0; done < total; step += 1) {
    const operation = operationNames[step % operationNames.length] ?? 'Encrypt';
    const requests = Math.min(soakStep, total - done);
    const load = { operation, connections: soakConnections, seconds: soakStepSeconds, requests };
    const { rate, p99, ...measured } = await measure(bench, daemon, load);
    done += measured.requests;
    say(`| ${done} | ${operation} | ${rate.toFixed(0)} | ${p99.toFixed(1)} | ${memory(daemon)} |`);
  }
}

function memory({ workers }: Contender): string {
  return workers.map((pid) => residentOf(pid).toFixed(0)).join(', ');
}

run(() => main(readOptions()));
