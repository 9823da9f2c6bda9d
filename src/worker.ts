import process from 'node:process';
import type { Config } from './config';
import { type Log, createLog, describeError } from './log';
import { type Daemon, openDaemon } from './main';
import type { ToPrimary, ToWorker } from './supervisor';

type MetricsText = Extract<ToWorker, { kind: 'metrics' }>;

/** A worker of the primary: serves until the primary says stop, or is gone. */
export async function serveAsWorker(config: Config): Promise<void> {
  const log = createLog(config.logLevel, { worker: process.pid });
  // A terminal sends these to every process of the group; the primary decides what they mean.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => undefined);
  const daemon = await openDaemon({
    config,
    log,
    metrics: metricsOfAll(),
    onFatal: (reason) => {
      log.error('this worker can serve no more', { reason });
      // A thread that hangs in the PKCS#11 library would hold up an ordinary exit for ever.
      process.kill(process.pid, 'SIGKILL');
    },
  });
  let closing: Promise<void> | undefined;
  const stop = (): void => {
    closing ??= leave(daemon, log);
  };
  process.on('message', (message: ToWorker) => {
    if (message.kind === 'stop') stop();
  });
  process.on('disconnect', stop);
  tell({ kind: 'ready', port: daemon.port });
}

async function leave(daemon: Daemon, log: Log): Promise<void> {
  try {
    await daemon.close();
    process.exit(0);
  } catch (error) {
    log.error('a worker could not close in order', { error: describeError(error) });
    process.exit(1);
  }
}

/** Longest time that a scrape waits for the other workers. */
const metricsTimeoutMs = 5000;

/** Asks the primary for the sum over all workers: only it can reach them. */
function metricsOfAll(): () => Promise<MetricsText> {
  const waiting = new Map<number, (text: MetricsText) => void>();
  let asked = 0;
  process.on('message', (message: ToWorker) => {
    if (message.kind === 'metrics') waiting.get(message.id)?.(message);
  });
  return async () => {
    const id = (asked += 1);
    try {
      return await new Promise<MetricsText>((resolve, reject) => {
        waiting.set(id, resolve);
        setTimeout(
          () => reject(new Error('the primary gave no metrics')),
          metricsTimeoutMs,
        ).unref();
        tell({ kind: 'metrics', id });
      });
    } finally {
      waiting.delete(id);
    }
  };
}

function tell(message: ToPrimary): void {
  process.send?.(message);
}
