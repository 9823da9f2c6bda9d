/** GetHealthStatus (xks-proxy §1.9). */
export interface HealthStatus {
  readonly xksProxyFleetSize: number;
  readonly xksProxyVendor: string;
  /** Name and version. */
  readonly xksProxyModel: string;
  readonly ekmVendor: string;
  /** 1 to 10. */
  readonly ekmFleetDetails: readonly {
    readonly id: string;
    readonly model: string;
    readonly healthStatus: ManagerHealth;
  }[];
}

export type ManagerHealth = 'ACTIVE' | 'DEGRADED' | 'UNAVAILABLE';

/** Looks in the background, so that to ask costs nothing; what it says is never older than a minute. */
export interface Health {
  status(): HealthStatus;
  close(): void;
}

/** A key manager behind the proxy: a token. */
export interface KeyManager {
  readonly id: string;
  readonly vendor: string;
  readonly model: string;
  /** Really encrypts and decrypts, with no customer's key. Rejects when that fails. */
  exercise(): Promise<void>;
}

/** What changed, once a change. */
export interface HealthEvent {
  readonly manager: KeyManager;
  readonly health: ManagerHealth;
  /** Of its last try. */
  readonly milliseconds: number;
  readonly error: unknown;
}

export interface HealthOptions {
  /** The first is the one whose vendor is told. */
  readonly managers: readonly [KeyManager, ...KeyManager[]];
  /** How many processes serve the proxy now. */
  readonly fleetSize: () => Promise<number>;
  readonly version: string;
  /** What takes longer leaves no time for the rest of a request. */
  readonly slowMs: number;
  readonly onChange: (event: HealthEvent) => void;
  readonly onUncounted: (error: unknown) => void;
  /** Pause between two looks; default 5 seconds. */
  readonly intervalMs?: number;
  /** A clock that never goes back, in milliseconds. */
  readonly now?: () => number;
}

interface Seen {
  readonly health: ManagerHealth;
  /** When the look began. */
  readonly at: number;
}

/** A fraction of what the API allows, so that looks may take long, and what works again is soon told. */
const defaultIntervalMs = 5000;

/** The longest that a look may be kept (xks-proxy §1.9). */
const keptMs = 60_000;

/** More managers than these must not be told. */
const maxManagers = 10;

const tries = 2;

export class HealthWatch implements Health {
  private readonly seen = new Map<KeyManager, Seen>();
  private readonly busy = new Set<KeyManager>();
  private fleetSize = 1;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;
  private readonly now: () => number;

  constructor(private readonly options: HealthOptions) {
    this.now = options.now ?? (() => performance.now());
  }

  /** Looks for the first time, and goes on. Resolves when there is something to say; does not reject. */
  async start(): Promise<void> {
    const { intervalMs = defaultIntervalMs } = this.options;
    this.timer = setInterval(() => void this.look(), intervalMs);
    this.timer.unref();
    await this.look();
  }

  close(): void {
    this.closed = true;
    clearInterval(this.timer);
  }

  status(): HealthStatus {
    const { managers, version } = this.options;
    return {
      xksProxyFleetSize: this.fleetSize,
      xksProxyVendor: 'Claviger',
      xksProxyModel: `Claviger ${version}`,
      ekmVendor: managers[0].vendor,
      ekmFleetDetails: managers.slice(0, maxManagers).map((manager) => ({
        id: manager.id,
        model: manager.model,
        healthStatus: this.healthOf(manager),
      })),
    };
  }

  private healthOf(manager: KeyManager): ManagerHealth {
    const seen = this.seen.get(manager);
    if (seen === undefined || this.now() - seen.at > keptMs) return 'UNAVAILABLE';
    return seen.health;
  }

  private async look(): Promise<void> {
    const { managers } = this.options;
    await Promise.all([...managers.map((manager) => this.lookAt(manager)), this.count()]);
  }

  private async count(): Promise<void> {
    try {
      this.fleetSize = Math.max(1, await this.options.fleetSize());
    } catch (error) {
      this.options.onUncounted(error);
    }
  }

  /** One that hangs is not asked again before it has answered; meanwhile what was seen of it grows old. */
  private async lookAt(manager: KeyManager): Promise<void> {
    if (this.busy.has(manager)) return;
    this.busy.add(manager);
    const at = this.now();
    const { health, ...last } = await this.judge(manager);
    this.busy.delete(manager);
    const before = this.seen.get(manager)?.health ?? 'ACTIVE';
    this.seen.set(manager, { health, at });
    if (before !== health && !this.closed) this.options.onChange({ manager, health, ...last });
  }

  /** Good at once: active. Good the second time, or never fast: degraded. */
  private async judge(manager: KeyManager): Promise<Omit<HealthEvent, 'manager'>> {
    let health: ManagerHealth = 'UNAVAILABLE';
    let [milliseconds, error]: [number, unknown] = [0, undefined];
    for (let tried = 1; tried <= tries; tried += 1) {
      const began = this.now();
      const failure = await failureOf(manager);
      milliseconds = this.now() - began;
      error = failure ?? error;
      const fast = failure === undefined && milliseconds <= this.options.slowMs;
      if (fast) return { health: error === undefined ? 'ACTIVE' : 'DEGRADED', milliseconds, error };
      if (failure === undefined) health = 'DEGRADED';
    }
    return { health, milliseconds, error };
  }
}

async function failureOf(manager: KeyManager): Promise<unknown> {
  try {
    await manager.exercise();
    return undefined;
  } catch (error) {
    return error ?? new Error('it failed without saying why');
  }
}
