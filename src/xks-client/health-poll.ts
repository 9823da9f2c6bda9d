import type { HealthStatus } from '../xks/health';
import { requireHealthy } from './answers';
import { XksFault, type XksFaultKind } from './client';

/** `unknown`: it could not even be asked, for a reason of ours. */
export type ProxyCondition = 'healthy' | XksFaultKind | 'unknown';

export interface Polling {
  readonly intervalMs: number;
  /** Each time that it is not what it was. */
  readonly onChange: (condition: ProxyCondition, why: unknown) => void;
  /** Nobody asks any more. */
  readonly onEnd: () => void;
}

/** Asks a proxy for its health now and then, as AWS KMS does, so that an operator hears of it before its callers do. */
export class HealthPoll {
  private condition: ProxyCondition = 'healthy';
  private readonly timer: NodeJS.Timeout;
  private asking = false;
  private ended = false;

  constructor(private readonly options: Polling & { readonly look: () => Promise<HealthStatus> }) {
    this.timer = setInterval(() => void this.look(), options.intervalMs);
    this.timer.unref();
  }

  stop(): void {
    if (this.ended) return;
    this.ended = true;
    clearInterval(this.timer);
    this.options.onEnd();
  }

  private async look(): Promise<void> {
    if (this.asking) return;
    this.asking = true;
    try {
      requireHealthy(await this.options.look());
      this.become('healthy', undefined);
    } catch (error) {
      this.become(error instanceof XksFault ? error.kind : 'unknown', error);
    } finally {
      this.asking = false;
    }
  }

  private become(condition: ProxyCondition, why: unknown): void {
    if (this.ended || condition === this.condition) return;
    this.condition = condition;
    this.options.onChange(condition, why);
  }
}
