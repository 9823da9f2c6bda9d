/** See scripts/bench/batches. */
import { availableParallelism } from 'node:os';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { Command } from 'commander';
import { cleanly } from '../cleanly';
import { readCount, readCounts, run, say } from '../command-line';
import { type Ground, type ServedDaemon, openGround } from '../ground';
import type { Generator } from '../load/generator';
import { median } from '../measure';
import { processorSeconds } from '../processes';
import { describeMachine } from '../report';
import { type Phase, type Result, startBatchGenerator } from './drive';

interface Options {
  readonly seconds: number;
  readonly rounds: number;
  readonly connections: readonly number[];
  readonly entries: number;
  readonly workers: number;
}

interface Bench {
  readonly ground: Ground;
  readonly daemon: ServedDaemon;
  readonly generator: Generator<Phase, Result>;
  /** Sends batches while the other measures. */
  readonly second: Generator<Phase, Result>;
  readonly keyId: string;
}

/** V8 compiles what is hot. */
const warmUpSeconds = 8;
/** Batches are under way before the measurement begins and after it ends. */
const marginSeconds = 1;

function readOptions(): Options {
  return new Command('scripts/bench/batches')
    .option('--seconds <count>', 'length of a phase', readCount, 3)
    .option('--rounds <count>', 'phases of either kind in turn', readCount, 3)
    .option('--connections <list>', 'with commas', readCounts, [1, 4, 16])
    .option('--entries <count>', 'of a batch', readCount, 100)
    .option('--workers <count>', 'of the daemon', readCount, availableParallelism())
    .parse()
    .opts<Options>();
}

function main(options: Options): Promise<void> {
  return cleanly(async (onClose) => {
    const ground = await openGround({ CLAVIGER_WORKERS: String(options.workers) }, onClose);
    const [generator, second] = [startBatchGenerator(), startBatchGenerator()];
    onClose(() => Promise.all([generator.stop(), second.stop()]));
    const daemon = await ground.serve();
    const bench = { ground, daemon, generator, second, keyId: await createKey(ground, daemon) };
    say(`${await describeMachine(ground.databaseUrl)}, ${options.workers} workers\n`);
    for (const entries of [1, options.entries]) {
      await measure(bench, { entries, connections: 16, seconds: warmUpSeconds });
    }
    await compare(bench, options);
    await beside(bench, options);
  });
}

async function createKey({ identity }: Ground, { port }: ServedDaemon): Promise<string> {
  const { region } = identity;
  const endpoint = `http://127.0.0.1:${port}`;
  const kms = new KMSClient({ endpoint, region, credentials: identity });
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({ Description: 'bench' }));
  kms.destroy();
  return KeyMetadata?.KeyId ?? '';
}

interface Measured {
  /** Encryptions a second. */
  readonly rate: number;
  /** Milliseconds a request. */
  readonly p50: number;
  readonly p99: number;
  /** Microseconds of the workers' processor time an encryption. */
  readonly cost: number;
}

async function measure(
  bench: Bench,
  load: Pick<Phase, 'entries' | 'connections' | 'seconds'>,
): Promise<Measured> {
  const { daemon, generator } = bench;
  const before = processorSeconds(daemon.workers);
  const { requests, seconds, p50, p99 } = await generator.run(phaseOf(bench, load));
  const spent = processorSeconds(daemon.workers) - before;
  const done = requests * load.entries;
  return { rate: done / seconds, p50, p99, cost: (spent * 1e6) / Math.max(1, done) };
}

function phaseOf(
  { ground, daemon, keyId }: Bench,
  load: Pick<Phase, 'entries' | 'connections' | 'seconds'>,
): Phase {
  return { port: daemon.port, keyId, identity: ground.identity, ...load };
}

/** In turn, so that whatever else the machine does meets both. */
async function compare(bench: Bench, options: Options): Promise<void> {
  const { seconds, entries } = options;
  say(
    '| connections | one by one/s | in batches/s | ratio | CPU µs one by one | in batches | p50 of a batch, ms | p99 |',
  );
  say('|---:|---:|---:|---:|---:|---:|---:|---:|');
  for (const connections of options.connections) {
    const [ones, batches]: [Measured[], Measured[]] = [[], []];
    for (let round = 0; round < options.rounds; round += 1) {
      ones.push(await measure(bench, { entries: 1, connections, seconds }));
      batches.push(await measure(bench, { entries, connections, seconds }));
    }
    const ratio = median(batches.map(({ rate }, at) => rate / (ones[at]?.rate ?? Number.NaN)));
    const of = (rounds: readonly Measured[], member: keyof Measured): number =>
      median(rounds.map((round) => round[member]));
    const cells = [
      ...[connections, of(ones, 'rate').toFixed(0), of(batches, 'rate').toFixed(0)],
      ...[ratio.toFixed(2), of(ones, 'cost').toFixed(0), of(batches, 'cost').toFixed(0)],
      ...[of(batches, 'p50').toFixed(1), of(batches, 'p99').toFixed(1)],
    ];
    say(`| ${cells.join(' | ')} |`);
  }
}

/** What a client that sends one by one sees of another that sends batches without end. */
async function beside(bench: Bench, { seconds, entries, rounds }: Options): Promise<void> {
  const one = { entries: 1, connections: 1, seconds };
  const [alone, besides]: [Measured[], Measured[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    alone.push(await measure(bench, one));
    const batches = bench.second.run(
      phaseOf(bench, { entries, connections: 2, seconds: seconds + marginSeconds }),
    );
    const [measured] = await Promise.all([measure(bench, one), batches]);
    besides.push(measured);
  }
  const of = (measured: readonly Measured[]): string => {
    const at = (member: 'p50' | 'p99'): string =>
      median(measured.map((round) => round[member])).toFixed(1);
    return `p50 ${at('p50')} ms, p99 ${at('p99')} ms`;
  };
  say(
    `\n- One by one on one connection: ${of(alone)}; while two others send batches: ${of(besides)}.`,
  );
}

run(() => main(readOptions()));
