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

/** What there is besides the first key manager. */
export interface Fleet {
  /** How many processes serve the proxy now. */
  readonly size: number;
  readonly managers: readonly KeyManager[];
}

export interface HealthOptions {
  readonly first: KeyManager;
  /** Who made that. */
  readonly vendor: string;
  readonly fleet: () => Promise<Fleet>;
  readonly version: string;
  /** What takes longer leaves no time for the rest of a request. */
  readonly slowMs: number;
  readonly onChange: (event: HealthEvent) => void;
  /** The fleet could not be read, and is taken for what it was. */
  readonly onUnknown: (error: unknown) => void;
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
  /** By the id of the manager. */
  private readonly seen = new Map<string, Seen>();
  private readonly busy = new Set<string>();
  private fleet: Fleet = { size: 1, managers: [] };
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
    const { first, vendor, version } = this.options;
    const managers = [first, ...this.fleet.managers];
    return {
      xksProxyFleetSize: this.fleet.size,
      xksProxyVendor: 'Claviger',
      xksProxyModel: `Claviger ${version}`,
      ekmVendor: vendor,
      ekmFleetDetails: managers.slice(0, maxManagers).map(({ id, model }) => ({
        ...{ id, model, healthStatus: this.healthOf(id) },
      })),
    };
  }

  private healthOf(id: string): ManagerHealth {
    const seen = this.seen.get(id);
    if (seen === undefined || this.now() - seen.at > keptMs) return 'UNAVAILABLE';
    return seen.health;
  }

  private async look(): Promise<void> {
    await Promise.all([this.lookAt(this.options.first), this.lookAround()]);
  }

  /** The others are not waited for: to reach one may take long. */
  private async lookAround(): Promise<void> {
    try {
      const { size, managers } = await this.options.fleet();
      this.fleet = { size: Math.max(1, size), managers };
    } catch (error) {
      this.options.onUnknown(error);
    }
    for (const manager of this.fleet.managers) void this.lookAt(manager);
  }

  /** One that hangs is not asked again before it has answered; meanwhile what was seen of it grows old. */
  private async lookAt(manager: KeyManager): Promise<void> {
    const { id } = manager;
    if (this.busy.has(id) || this.closed) return;
    this.busy.add(id);
    const at = this.now();
    const { health, ...last } = await this.judge(manager);
    this.busy.delete(id);
    const before = this.seen.get(id)?.health ?? 'ACTIVE';
    this.seen.set(id, { health, at });
    if (before !== health && !this.isClosed()) this.options.onChange({ manager, health, ...last });
  }

  /** A method, because it changes while a manager is looked at. */
  private isClosed(): boolean {
    return this.closed;
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
