import { Counter, Histogram, type Registry } from 'prom-client';
import type { XksRequestEvent } from './request-event';

/** AWS KMS gives up after 250 ms, and asks to be told of what takes more than 200 (xks-proxy §1.14). */
const buckets = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.25, 1];

/** Stores with a name of their own among the labels; what comes after them is counted as one. */
const maxPrefixes = 100;

/** The metrics of the XKS proxy. Of paths that are no store's, none of the label values is the client's. */
export class XksMetrics {
  private readonly requests: Counter<'prefix' | 'operation' | 'outcome'>;
  private readonly seconds: Histogram<'prefix' | 'operation'>;
  private readonly overloads: Counter;
  private readonly prefixes = new Set<string>();

  constructor(registry: Registry) {
    const registers = [registry];
    this.requests = new Counter({
      name: 'claviger_xks_requests_total',
      help: 'Requests to the XKS proxy by store, operation and outcome (ok, or the error name).',
      labelNames: ['prefix', 'operation', 'outcome'],
      registers,
    });
    this.seconds = new Histogram({
      name: 'claviger_xks_request_seconds',
      help: 'Time of a request to the XKS proxy from the end of the headers to the answer.',
      labelNames: ['prefix', 'operation'],
      buckets,
      registers,
    });
    this.overloads = new Counter({
      name: 'claviger_xks_overload_total',
      help: 'Requests to the XKS proxy that were refused unread, because they could not have been answered in time.',
      registers,
    });
  }

  /** Requests were refused before they were looked at; they are among no others. */
  overload(refused: number): void {
    this.overloads.inc(refused);
  }

  request({ trail, seconds, outcome }: XksRequestEvent): void {
    const { store, path } = trail;
    const prefix = store === undefined ? 'unknown' : this.labelOf(store.prefix);
    const operation = path?.operation ?? 'unknown';
    this.requests.inc({ prefix, operation, outcome });
    this.seconds.observe({ prefix, operation }, seconds);
  }

  /** `/` is the empty prefix. No prefix is a word without a slash. */
  private labelOf(prefix: string): string {
    if (!this.prefixes.has(prefix)) {
      if (this.prefixes.size >= maxPrefixes) return 'other';
      this.prefixes.add(prefix);
    }
    return prefix === '' ? '/' : prefix;
  }
}
