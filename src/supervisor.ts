import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { AggregatorRegistry } from 'prom-client';
import { type Log, describeError } from './log';

/** What a worker tells its primary. */
export type ToPrimary =
  | { readonly kind: 'ready'; readonly port: number }
  | { readonly kind: 'metrics'; readonly id: number };

/** What the primary tells a worker. */
export type ToWorker =
  | { readonly kind: 'stop' }
  | {
      readonly kind: 'metrics';
      readonly id: number;
      readonly body: string;
      readonly contentType: string;
    };

export interface SupervisorOptions {
  readonly workers: number;
  readonly shutdownGraceMs: number;
  readonly log: Log;
}

/** A worker that lives shorter than this is restarted with a growing delay. */
const healthyMs = 2000;
const maxRestartDelayMs = 5000;
/** How much longer than its own grace a worker gets before it is killed. */
const killMarginMs = 2000;

/**
 * The primary: keeps the given number of workers alive. A worker that dies, by a fault in a vendor's library too, is
 * replaced while the others serve on.
 */
export class Supervisor {
  private readonly workers = new Set<Worker>();
  private readonly retiring = new WeakSet<Worker>();
  private readonly aggregator = new AggregatorRegistry();
  private restartDelayMs = 0;
  private stopping = false;
  private reloading: Promise<void> | undefined;

  constructor(private readonly options: SupervisorOptions) {}

  /** Resolves with the port when every worker serves; rejects when one cannot start. */
  async start(): Promise<number> {
    const forks = Array.from({ length: this.options.workers }, () => this.fork());
    try {
      const [port] = await Promise.all(forks.map((worker) => started(worker)));
      forks.forEach((worker) => this.keepAlive(worker));
      return port ?? 0;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Replaces every worker, one after the other: the new one serves before the old one stops. */
  async reload(): Promise<void> {
    this.reloading ??= this.replaceAll().finally(() => (this.reloading = undefined));
    await this.reloading;
  }

  /** Lets every worker finish its requests and waits for its end. */
  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all([...this.workers].map((worker) => this.retire(worker)));
  }

  private fork(): Worker {
    const worker = cluster.fork();
    this.workers.add(worker);
    worker.once('exit', () => this.workers.delete(worker));
    worker.on('message', (message: ToPrimary) => {
      if (message.kind === 'metrics') void this.answerMetrics(worker, message.id);
    });
    return worker;
  }

  private keepAlive(worker: Worker): void {
    const since = Date.now();
    worker.once('exit', (code: number | null, signal: string | null) => {
      if (this.stopping || this.retiring.has(worker)) return;
      this.options.log.error('a worker died and is replaced', {
        pid: worker.process.pid,
        code: code ?? undefined,
        signal: signal ?? undefined,
      });
      const lived = Date.now() - since;
      this.restartDelayMs =
        lived >= healthyMs
          ? 0
          : Math.min(Math.max(100, this.restartDelayMs * 2), maxRestartDelayMs);
      setTimeout(() => this.replaceDead(), this.restartDelayMs);
    });
  }

  private replaceDead(): void {
    if (this.stopping) return;
    const worker = this.fork();
    this.keepAlive(worker);
    started(worker).then(
      () => this.options.log.info('a new worker serves', { pid: worker.process.pid }),
      () => undefined, // Its exit is logged, and answered with another worker, by keepAlive.
    );
  }

  private async replaceAll(): Promise<void> {
    for (const old of [...this.workers]) {
      if (this.stopping) return;
      const fresh = this.fork();
      try {
        await started(fresh);
      } catch {
        this.options.log.error('a new worker cannot start; the old ones serve on');
        return;
      }
      this.keepAlive(fresh);
      await this.retire(old);
    }
    this.options.log.info('every worker was replaced');
  }

  private async retire(worker: Worker): Promise<void> {
    if (worker.isDead()) return;
    const exited = once(worker, 'exit');
    this.retiring.add(worker);
    if (worker.isConnected()) send(worker, { kind: 'stop' });
    const killer = setTimeout(
      () => worker.process.kill('SIGKILL'),
      this.options.shutdownGraceMs + killMarginMs,
    );
    await exited;
    clearTimeout(killer);
  }

  private async answerMetrics(worker: Worker, id: number): Promise<void> {
    try {
      const body = await this.aggregator.clusterMetrics();
      if (!worker.isConnected()) return;
      send(worker, { kind: 'metrics', id, body, contentType: this.aggregator.contentType });
    } catch (error) {
      // A worker that died or hangs while it was asked: the scrape fails, and the next one asks again.
      this.options.log.warn('metrics could not be gathered', { error: describeError(error) });
    }
  }
}

function send(worker: Worker, message: ToWorker): void {
  worker.send(message);
}

/** Resolves with its port when the worker serves; rejects when it ends first. */
function started(worker: Worker): Promise<number> {
  return new Promise((resolve, reject) => {
    worker.on('message', (message: ToPrimary) => {
      if (message.kind === 'ready') resolve(message.port);
    });
    worker.once('exit', (code: number | null, signal: string | null) => {
      reject(
        new Error(`a worker ended before it served (${signal ?? `exit code ${code ?? '?'}`})`),
      );
    });
  });
}
