import type { ConnectionErrorCodeType } from '../shapes/kms.generated';
import type { ConnectionFault } from './connections';
import { type CustomKeyStore, connectsAlike } from './store';

export interface BackoffOptions {
  /** After a first failure; it doubles with every further one. */
  readonly firstMs: number;
  readonly longestMs: number;
  /** Milliseconds on a steady clock. */
  readonly now: () => number;
}

interface Failure {
  readonly store: CustomKeyStore;
  readonly fault: ConnectionFault;
  readonly times: number;
  readonly until: number;
}

/** Tokens lock who tries a wrong password a few times: it is tried again when the store was changed, and not before. */
const final: ReadonlySet<ConnectionErrorCodeType> = new Set([
  'INVALID_CREDENTIALS',
  'USER_LOCKED_OUT',
]);

/** Which stores could not be connected a moment ago: asked for again at once, they are refused for the same reason. */
export class Backoff {
  private readonly failures = new Map<string, Failure>();

  constructor(private readonly options: BackoffOptions) {}

  /** Why the store is not tried now; undefined when it is. */
  waiting(store: CustomKeyStore): ConnectionFault | undefined {
    const failure = this.failures.get(store.id);
    if (failure === undefined || !connectsAlike(failure.store, store)) return undefined;
    return this.options.now() < failure.until ? failure.fault : undefined;
  }

  failed(store: CustomKeyStore, fault: ConnectionFault): void {
    const { firstMs, longestMs, now } = this.options;
    const before = this.failures.get(store.id);
    const times = before !== undefined && connectsAlike(before.store, store) ? before.times + 1 : 1;
    const pause = isFinal(store, fault)
      ? Infinity
      : Math.min(longestMs, firstMs * 2 ** (times - 1));
    this.failures.set(store.id, { store, fault, times, until: now() + pause });
  }

  /** The store was connected, or changed. */
  forget(storeId: string): void {
    this.failures.delete(storeId);
  }

  forgetAll(): void {
    this.failures.clear();
  }
}

function isFinal({ of }: CustomKeyStore, { code }: ConnectionFault): boolean {
  return of.type === 'AWS_CLOUDHSM' && final.has(code);
}
