import type { XksTrail } from './trail';

/** Told of every XKS request once it has been answered. */
export interface XksRequestEvent {
  readonly trail: XksTrail;
  readonly seconds: number;
  /** `ok`, or the error's name. */
  readonly outcome: string;
  /** What lies behind an error that the client is not told of. */
  readonly cause: unknown;
}
