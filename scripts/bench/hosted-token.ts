/**
 * What a token costs that a process of its own serves (openHostedToken) over one in the process itself, in rate, processor
 * time and latency of Token.encryptAesGcm, by how many calls are under way at a time.
 *
 *   SOFTHSM2_CONF=… CLAVIGER_PKCS11_MODULE=… CLAVIGER_TOKEN_LABEL=… CLAVIGER_TOKEN_PIN_FILE=… node dist/scripts/bench/hosted-token.js
 *
 * Makes a key, and destroys it. Each line is the best of three rounds of a second, taken in turns.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { run } from './command-line';
import {
  aesKind,
  openHostedToken,
  openToken,
  residentKey,
  type Token,
  type TokenOptions,
} from '../../hsm/index';

const roundMs = 1000;
const rounds = 3;
const plaintext = randomBytes(32);
const aad = randomBytes(64);
/** Of a clock tick of proc(5). */
const tickUs = 10_000;

interface Measured {
  readonly perSecond: number;
  /** Microseconds of an operation. */
  readonly own: number;
  readonly others: number;
  readonly median: number;
  readonly p99: number;
}

interface Contender {
  readonly name: string;
  readonly token: Token;
  readonly calls: number;
  best: Measured | undefined;
}

function setting(name: string, fallback?: string): string {
  const value = process.env[name] ?? fallback;
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

/** Processor time of a process in microseconds: utime and stime of proc(5), of which the name is the second field. */
function processorTime(pid: number): number {
  const stat = readFileSync(`/proc/${String(pid)}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(') ') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * tickUs;
}

async function measure({ token, calls }: Contender, id: string, pid: number): Promise<Measured> {
  const key = residentKey(id);
  const latencies: number[] = [];
  const [own, others] = [process.cpuUsage(), processorTime(pid)];
  const end = performance.now() + roundMs;
  const line = async (): Promise<void> => {
    for (let before = performance.now(); before < end; before = performance.now()) {
      await token.encryptAesGcm(key, aad, plaintext);
      latencies.push((performance.now() - before) * 1000);
    }
  };
  await Promise.all(Array.from({ length: calls }, line));
  const { user, system } = process.cpuUsage(own);
  const done = latencies.length;
  latencies.sort((one, other) => one - other);
  return {
    perSecond: (done * 1000) / roundMs,
    own: (user + system) / done,
    others: (processorTime(pid) - others) / done,
    median: latencies[Math.floor(done / 2)] ?? NaN,
    p99: latencies[Math.floor(done * 0.99)] ?? NaN,
  };
}

function report(contenders: readonly Contender[]): void {
  process.stdout.write('token       calls       /s  own us  its us  median us    p99 us\n');
  for (const { name, calls, best } of contenders) {
    if (best === undefined) continue;
    const figures = [best.own, best.others].map((us) => us.toFixed(1).padStart(7));
    const latencies = [best.median, best.p99].map((us) => us.toFixed(0).padStart(9));
    process.stdout.write(
      `${name.padEnd(10)} ${String(calls).padStart(6)} ${best.perSecond.toFixed(0).padStart(8)} ${figures.join(' ')}  ${latencies.join(' ')}\n`,
    );
  }
}

async function main(): Promise<void> {
  const pinFile = setting('CLAVIGER_TOKEN_PIN_FILE');
  let pid = 0;
  const options: TokenOptions = {
    module: setting('CLAVIGER_PKCS11_MODULE', '/usr/lib/softhsm/libsofthsm2.so'),
    label: setting('CLAVIGER_TOKEN_LABEL'),
    readPin: () => readFileSync(pinFile, 'utf8').trim(),
    ...{ local: true, lanes: 1, deadlineMs: 5000, ivSource: 'random', maxCachedKeys: 10 },
    onEvent: ({ fields }) => {
      if (typeof fields?.['pid'] === 'number') pid = fields['pid'];
    },
  };
  const direct = await openToken(options);
  const hosted = await openHostedToken(options, { SOFTHSM2_CONF: setting('SOFTHSM2_CONF', '') });
  const id = randomBytes(32).toString('hex');
  try {
    await direct.generateKey(aesKind, { id, label: 'claviger/bench' });
    const contenders = [1, 16, 64].flatMap((calls): Contender[] => [
      { name: 'direct', token: direct, calls, best: undefined },
      { name: 'hosted', token: hosted, calls, best: undefined },
    ]);
    for (let round = 0; round < rounds; round += 1) {
      for (const one of contenders) {
        const measured = await measure(one, id, pid);
        if (measured.perSecond > (one.best?.perSecond ?? 0)) one.best = measured;
      }
    }
    report(contenders);
  } finally {
    await direct.destroyKey(id);
    await hosted.close();
    await direct.close();
  }
}

run(main);
