/** See scripts/bench/keys. */
import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import { readCount, readCounts, readSome, run, say } from '../command-line';
import { type LoadGenerator, withLoadGenerator } from '../load/process';
import { type KeyUseName, keyUseNames, type PairSpec } from '../load/workload';
import { type Load, type Measured, measure } from '../measure';
import { processorSeconds } from '../processes';
import { describeMachine } from '../report';
import { type RawMeasured, rawUse } from './raw';
import { type KeySite, type UsedKey, withKeySite } from './site';
import { besideHead, besideLine, useHead, useLine } from './table';

interface Options {
  readonly seconds: number;
  readonly rounds: number;
  readonly connections: readonly number[];
  readonly encryptConnections: readonly number[];
  readonly pairConnections: number;
  readonly pair: PairSpec;
  readonly warmUp: number;
  readonly workers: number;
  readonly lanes: number;
  readonly only?: 'uses' | 'pairs';
  readonly uses: readonly KeyUseName[];
  readonly profile?: string;
}

interface Bench {
  readonly site: KeySite;
  readonly generator: LoadGenerator;
  /** Asks for pairs while the other measures. */
  readonly second: LoadGenerator;
}

/** V8 compiles what is hot, and caches fill: what all operations have in common first, then each. */
const corridorSeconds = 20;
const warmUpSeconds = 5;
/** Pairs are being made before the measurement begins and after it ends. */
const marginSeconds = 2;

function readPair(text: string): PairSpec {
  if (text === 'RSA_4096' || text === 'RSA_2048') return text;
  throw new InvalidArgumentError('RSA_4096 or RSA_2048');
}

function readPart(text: string): 'uses' | 'pairs' {
  if (text === 'uses' || text === 'pairs') return text;
  throw new InvalidArgumentError('one of uses, pairs');
}

function readOptions(): Options {
  return new Command('scripts/bench/keys')
    .option('--seconds <count>', 'length of a phase', readCount, 5)
    .option('--rounds <count>', 'phases of the daemon and the token in turn', readCount, 3)
    .option('--connections <list>', 'of Sign and GenerateMac, with commas', readCounts, [16])
    .option('--encrypt-connections <list>', 'beside generation, with commas', readCounts, [1, 16])
    .option('--pair-connections <count>', 'that ask for pairs', readCount, 2)
    .option('--pair <spec>', 'RSA_4096 or RSA_2048', readPair, 'RSA_4096')
    .option('--warm-up <count>', 'requests before: V8 compiles what is hot', readCount, 30_000)
    .option('--workers <count>', 'of the daemon', readCount, availableParallelism())
    .option('--lanes <count>', 'CLAVIGER_TOKEN_LANES of the daemon', readCount, 2)
    .option('--only <part>', 'uses or pairs', readPart)
    .option('--uses <list>', `some of ${keyUseNames.join(', ')}`, readSome(keyUseNames), [
      ...keyUseNames,
    ])
    .option('--profile <directory>', 'CPU profiles of the daemon go there')
    .parse()
    .opts<Options>();
}

async function main(options: Options): Promise<void> {
  await withLoadGenerator((generator) =>
    withLoadGenerator((second) =>
      withKeySite(options, (site) => compare({ site, generator, second }, options)),
    ),
  );
}

async function compare(bench: Bench, options: Options): Promise<void> {
  const { site } = bench;
  const { workers, lanes } = options;
  const machine = await describeMachine(site.databaseUrl);
  say(`${machine}, ${workers} workers of ${lanes} lanes\n`);
  const operation = 'GenerateMac HMAC_256';
  await measureOf(bench, site.keys[operation], {
    operation,
    connections: 64,
    requests: options.warmUp,
    seconds: corridorSeconds,
  });
  if (options.only !== 'pairs') await compareUses(bench, options);
  if (options.only !== 'uses') await besideGeneration(bench, options);
}

async function compareUses(bench: Bench, options: Options): Promise<void> {
  say(useHead());
  const requests = options.warmUp;
  const proved: string[] = [];
  for (const use of options.uses) {
    const key = bench.site.keys[use];
    await measureOf(bench, key, {
      operation: use,
      connections: 16,
      requests,
      seconds: warmUpSeconds,
    });
    for (const connections of options.connections) {
      const rounds = [];
      for (let round = 0; round < options.rounds; round += 1) {
        rounds.push(await compareOnce(bench, { ...options, use, connections }));
      }
      const row = {
        ...{ use, connections, daemon: rounds.map(({ measured }) => measured) },
        ...{ raw: rounds.map(({ raw }) => raw), busy: rounds.map(({ busy }) => busy) },
      };
      say(useLine(row));
      proved.push(`${use} ${row.daemon.reduce((sum, { proved }) => sum + proved, 0)}`);
    }
  }
  say(`\n- Every answer was a 200. Of them verified by the daemon again: ${proved.join(', ')}.\n`);
}

/** What runs inline in a worker has one session; the lanes have one each. */
function threadsOf(use: KeyUseName, lanes: number): number {
  return use.startsWith('Sign RSA_') ? lanes : 1;
}

async function compareOnce(
  bench: Bench,
  wanted: Pick<Options, 'seconds' | 'workers' | 'lanes'> & {
    readonly use: KeyUseName;
    readonly connections: number;
  },
): Promise<{ raw: RawMeasured; measured: Measured; busy: readonly number[] }> {
  const { use, seconds, connections, workers: processes, lanes } = wanted;
  const { site } = bench;
  const { module, conf, pinFile, label } = site.token;
  const key = site.keys[use];
  const raw = await rawUse({
    ...{ module, conf, pinFile, label, tokenKeyId: key.tokenKeyId },
    ...{ use, seconds, processes, threads: threadsOf(use, lanes) },
  });
  const spent = (): number[] => site.daemon.workers.map((pid) => processorSeconds([pid]));
  const [before, started] = [spent(), performance.now()];
  const measured = await measureOf(bench, key, { operation: use, connections, seconds });
  const elapsed = (performance.now() - started) / 1000;
  const busy = spent().map((after, worker) => (after - (before[worker] ?? 0)) / elapsed);
  return { raw, measured, busy };
}

async function besideGeneration(bench: Bench, options: Options): Promise<void> {
  const { seconds, pairConnections, warmUp: requests, pair } = options;
  const key = bench.site.symmetric;
  await measureOf(bench, key, {
    operation: 'Encrypt',
    connections: 16,
    requests,
    seconds: warmUpSeconds,
  });
  say(`Encrypt while ${pairConnections} connections ask for ${pair} data key pairs:\n`);
  say(besideHead());
  for (const connections of options.encryptConnections) {
    const load: Load = { operation: 'Encrypt', connections, seconds };
    const [idle, beside, pairs]: [Measured[], Measured[], number[]] = [[], [], []];
    for (let round = 0; round < options.rounds; round += 1) {
      idle.push(await measureOf(bench, key, load));
      const generating = bench.second.run({
        ...{ port: bench.site.daemon.port, keyId: key.keyId, identity: bench.site.identity },
        ...{ operation: `GenerateDataKeyPair ${pair}`, connections: pairConnections },
        ...{ seconds: seconds + marginSeconds, requests: 1000 },
      });
      const [measured, made] = await Promise.all([measureOf(bench, key, load), generating]);
      beside.push(measured);
      pairs.push(made.requests / made.seconds);
    }
    say(besideLine({ connections, idle, beside, pairs }));
  }
}

function measureOf({ site, generator }: Bench, { keyId }: UsedKey, load: Load): Promise<Measured> {
  const { port, workers } = site.daemon;
  return measure({ site, generator }, { name: 'Claviger', port, keyId, workers }, load);
}

run(() => main(readOptions()));
