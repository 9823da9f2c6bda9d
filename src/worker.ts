import process from 'node:process';
import { HsmError } from '../hsm';
import type { Config } from './config';
import { type Log, createLog, describeError } from './log';
import { type Daemon, type DaemonOptions, openDaemon } from './main';
import { LeasedRates } from './rates/leased-rates';
import { type ToPrimary, type ToWorker, pinRefused } from './worker-messages';

type MetricsText = Extract<ToWorker, { kind: 'metrics-of-all' }>;

/** A worker of the primary: serves until the primary says stop, or is gone. */
export async function serveAsWorker(config: Config): Promise<void> {
  const log = createLog(config.logLevel, { worker: process.pid });
  // A terminal sends these to every process of the group; the primary decides what they mean.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => undefined);
  const rates = new LeasedRates({ workers: config.workers, send: tell });
  let serving: Daemon | undefined = undefined;
  let leaving: Promise<void> | undefined;
  const stop = (lingerMs: number): void => {
    // Nobody was told of a worker that does not serve yet.
    if (serving === undefined) process.exit(0);
    leaving ??= leave(serving, { lingerMs, log });
  };
  process.on('message', (message: ToWorker) => {
    if (message.kind === 'stop') stop(message.lingerMs);
    if (message.kind === 'rates-granted') rates.granted(message);
    if (message.kind === 'report-metrics' && serving !== undefined)
      void report(serving, message.id);
  });
  // Only a primary that was killed is gone without a word; its listening socket went with it.
  process.on('disconnect', () => stop(0));
  serving = await openOrExit({
    config,
    log,
    metrics: metricsOfAll(),
    rates,
    onFatal: (reason) => {
      log.error('this worker can serve no more', { reason });
      // A thread that hangs in the PKCS#11 library would hold up an ordinary exit for ever.
      process.kill(process.pid, 'SIGKILL');
    },
  });
  tell({ kind: 'ready', ports: serving.ports });
}

/** The channel to the primary would keep a worker that could not start alive for ever. */
async function openOrExit(options: DaemonOptions): Promise<Daemon> {
  try {
    return await openDaemon(options);
  } catch (error) {
    process.stderr.write(`claviger: ${describeError(error)}\n`);
    const refused = error instanceof HsmError && error.code === 'pin-incorrect';
    return process.exit(refused ? pinRefused : 1);
  }
}

async function leave(
  daemon: Daemon,
  { lingerMs, log }: { lingerMs: number; log: Log },
): Promise<void> {
  try {
    await daemon.close(lingerMs);
    process.exit(0);
  } catch (error) {
    log.error('a worker could not close in order', { error: describeError(error) });
    process.exit(1);
  }
}

async function report(daemon: Daemon, id: number): Promise<void> {
  tell({ kind: 'metrics-of-one', id, metrics: await daemon.metrics() });
}

/** Longest time that a scrape waits for the primary, which itself waits a second for the other workers. */
const metricsTimeoutMs = 5000;

/** Asks the primary for the sum over all workers: only it can reach them. */
function metricsOfAll(): () => Promise<MetricsText> {
  const waiting = new Map<number, (text: MetricsText) => void>();
  let asked = 0;
  process.on('message', (message: ToWorker) => {
    if (message.kind === 'metrics-of-all') waiting.get(message.id)?.(message);
  });
  return async () => {
    const id = (asked += 1);
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<MetricsText>((resolve, reject) => {
        waiting.set(id, resolve);
        timer = setTimeout(
          () => reject(new Error('the primary gave no metrics')),
          metricsTimeoutMs,
        );
        tell({ kind: 'metrics-wanted', id });
      });
    } finally {
      clearTimeout(timer);
      waiting.delete(id);
    }
  };
}

/** A primary that is gone hears nothing; `disconnect` says so. */
function tell(message: ToPrimary): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}
