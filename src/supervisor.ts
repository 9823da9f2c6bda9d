import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { gatherMetrics, tell } from './gather-metrics';
import { type Log, describeError } from './log';
import { type Ports, portsEnvironment, samePorts } from './ports';
import { RatePool } from './rates/rate-pool';
import { RestartDelay } from './restart-delay';
import { type ToPrimary, pinRefused } from './worker-messages';

export interface SupervisorOptions {
  readonly workers: number;
  readonly shutdownGraceMs: number;
  readonly log: Log;
  /** Starts a worker; for tests of what real ones do too rarely. */
  readonly fork?: (environment: NodeJS.ProcessEnv) => Worker;
}

interface Death {
  readonly code: number | null;
  readonly signal: string | null;
  /** Since it served; 0 when it never did. */
  readonly servedMs: number;
}

/** How much longer than its own grace a worker gets before it is killed. */
const killMarginMs = 2000;

/**
 * How long a worker that stops keeps idle connections, at the most: whoever sends a request on one is answered, and told
 * to open another. Long for a replacement, which nobody shall notice; short for the end of everything.
 */
const lingerMs = { reload: 5000, stop: 250 } as const;

/**
 * The primary: keeps the given number of workers alive. A worker that dies, by a fault in a vendor's library too, is
 * replaced while the others serve on.
 */
export class Supervisor {
  /** Every process. */
  private readonly workers = new Set<Worker>();
  /** Those whose death is answered with another worker. */
  private readonly kept = new Set<Worker>();
  private readonly delay = new RestartDelay();
  private readonly rates: RatePool<Worker>;
  /** Deaths whose replacement is not started yet. */
  private readonly waiting = new Set<NodeJS.Timeout>();
  private ports: Ports | undefined;
  private environment: NodeJS.ProcessEnv = {};
  private stopping = false;
  private starting: Promise<Ports> | undefined;
  private reloading: Promise<void> | undefined;
  private reloadAgain = false;

  constructor(private readonly options: SupervisorOptions) {
    this.rates = new RatePool({ workers: options.workers, send: tell });
  }

  /** Resolves with the ports when every worker serves; rejects when one cannot start. */
  start(): Promise<Ports> {
    this.starting ??= this.startAll();
    return this.starting;
  }

  /**
   * Replaces every worker, one after the other: the new one serves before the old one stops. Asked for again while it
   * runs, it starts over at the end: the first workers may have read what changed since.
   */
  async reload(): Promise<void> {
    this.reloadAgain = true;
    this.reloading ??= this.replaceAll().finally(() => (this.reloading = undefined));
    await this.reloading;
  }

  /** Lets every worker finish its requests and waits for its end. */
  async stop(): Promise<void> {
    this.stopping = true;
    for (const timer of this.waiting) clearTimeout(timer);
    await Promise.all([...this.workers].map((worker) => this.retire(worker, lingerMs.stop)));
  }

  /** One first, then the rest: a PIN that the token refuses is tried once, and not once a worker. */
  private async startAll(): Promise<Ports> {
    try {
      const ports = await this.started(this.fork());
      const others = Array.from({ length: this.options.workers - 1 }, () => this.fork());
      await Promise.all(others.map((worker) => this.started(worker)));
      return ports;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  private fork(): Worker {
    const { fork = (environment) => cluster.fork(environment) } = this.options;
    const worker = fork(this.environment);
    let servingSince: number | undefined;
    this.workers.add(worker);
    worker.once('exit', (code: number | null, signal: string | null) => {
      this.workers.delete(worker);
      this.rates.leave(worker);
      if (!this.kept.delete(worker) || this.stopping) return;
      const servedMs = servingSince === undefined ? 0 : performance.now() - servingSince;
      this.mourn(worker, { code, signal, servedMs });
    });
    // A message to a worker that is about to end fails in its own time; unheard, that error would end the primary.
    worker.on('error', (error) => {
      this.options.log.debug('a worker could not be told', { error: describeError(error) });
    });
    worker.on('message', (message: ToPrimary) => {
      if (message.kind === 'metrics-wanted') void this.answerMetrics(worker, message.id);
      if (message.kind === 'rates-held') this.rates.report(worker, message);
      if (message.kind !== 'ready' || !this.holdsPorts(worker, message.ports)) return;
      servingSince = performance.now();
      this.kept.add(worker);
    });
    return worker;
  }

  /**
   * The listening sockets end with the last worker. Where any free port was asked for, the next one has another: that
   * worker goes, and from then on all are told the ports that clients know.
   */
  private holdsPorts(worker: Worker, ports: Ports): boolean {
    this.ports ??= ports;
    if (this.isOurs(ports)) return true;
    this.environment = portsEnvironment(this.ports);
    worker.process.kill('SIGKILL');
    return false;
  }

  private isOurs(ports: Ports): boolean {
    return this.ports !== undefined && samePorts(ports, this.ports);
  }

  /** Resolves with its ports when the worker serves; rejects when it ends first. */
  private started(worker: Worker): Promise<Ports> {
    return new Promise((resolve, reject) => {
      worker.on('message', (message: ToPrimary) => {
        if (message.kind === 'ready' && this.isOurs(message.ports)) resolve(message.ports);
      });
      worker.once('exit', (code: number | null, signal: string | null) => {
        const how = signal ?? `exit code ${code ?? '?'}`;
        reject(new Error(`a worker ended before it served (${how})`));
      });
    });
  }

  private mourn(worker: Worker, { code, signal, servedMs }: Death): void {
    const fields = {
      pid: worker.process.pid,
      code: code ?? undefined,
      signal: signal ?? undefined,
    };
    if (code === pinRefused) {
      this.options.log.error(
        'the token refuses the PIN: no worker is started until SIGHUP',
        fields,
      );
      return;
    }
    const delayMs = this.delay.next(servedMs);
    this.options.log.error('a worker died and is replaced', { ...fields, delayMs });
    const timer = setTimeout(() => {
      this.waiting.delete(timer);
      this.replaceDead();
    }, delayMs);
    this.waiting.add(timer);
  }

  private replaceDead(): void {
    if (this.stopping) return;
    const worker = this.fork();
    this.kept.add(worker);
    this.started(worker).then(
      () => this.options.log.info('a new worker serves', { pid: worker.process.pid }),
      () => undefined, // Its exit is logged, and answered with another worker, by mourn.
    );
  }

  private async replaceAll(): Promise<void> {
    await this.starting;
    while (this.reloadAgain) {
      this.reloadAgain = false;
      for (const old of [...this.kept]) {
        if (this.isStopping()) return;
        if (this.kept.has(old) && !(await this.replace(old))) return;
      }
      const missing = this.options.workers - this.kept.size - this.waiting.size;
      for (let started = 0; started < missing; started += 1) this.replaceDead();
      this.options.log.info('every worker was replaced');
    }
  }

  /** A method, because it changes while a worker starts. */
  private isStopping(): boolean {
    return this.stopping;
  }

  private async replace(old: Worker): Promise<boolean> {
    // Should the old one die meanwhile, the new one is its replacement.
    this.kept.delete(old);
    const fresh = this.fork();
    try {
      await this.started(fresh);
    } catch (error) {
      if (this.isStopping()) return false;
      this.options.log.error('a new worker cannot start; the old ones serve on', {
        error: describeError(error),
      });
      if (old.isDead()) this.replaceDead();
      else this.kept.add(old);
      return false;
    }
    await this.retire(old, lingerMs.reload);
    return true;
  }

  private async retire(worker: Worker, idleMs: number): Promise<void> {
    this.kept.delete(worker);
    if (worker.isDead()) return;
    const exited = once(worker, 'exit');
    tell(worker, { kind: 'stop', lingerMs: idleMs });
    const killer = setTimeout(() => {
      this.options.log.warn('a worker did not end in time and is killed', {
        pid: worker.process.pid,
      });
      worker.process.kill('SIGKILL');
    }, this.options.shutdownGraceMs + killMarginMs);
    await exited;
    clearTimeout(killer);
  }

  private async answerMetrics(worker: Worker, id: number): Promise<void> {
    const metrics = await gatherMetrics([...this.kept]);
    tell(worker, { kind: 'metrics-of-all', id, ...metrics });
  }
}
