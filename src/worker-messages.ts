import type { Ports } from './ports';

import type { RatesGranted, RatesHeld } from './rates/messages';

/** What a worker tells its primary. */
export type ToPrimary =
  | { readonly kind: 'ready'; readonly ports: Ports }
  /** A scrape came to this worker. */
  | { readonly kind: 'metrics-wanted'; readonly id: number }
  /** Its own metrics, as prom-client gives them to be summed up. */
  | { readonly kind: 'metrics-of-one'; readonly id: number; readonly metrics: readonly object[] }
  | RatesHeld;

/** What the primary tells a worker. */
export type ToWorker =
  /** Finish. Idle connections are kept for `lingerMs`, so that a request already on its way is answered. */
  | { readonly kind: 'stop'; readonly lingerMs: number }
  | { readonly kind: 'report-metrics'; readonly id: number }
  | {
      readonly kind: 'metrics-of-all';
      readonly id: number;
      readonly body: string;
      readonly contentType: string;
    }
  | RatesGranted;

/** Exit code of a worker whose PIN the token refused: real tokens lock after a few such attempts (sysexits.h, EX_NOPERM). */
export const pinRefused = 77;
