/**
 * How often something may be done, such as a request of one store, or of one principal and group of operations. What it is
 * names its `key`; keys of different kinds begin differently.
 */
export interface Rates {
  /**
   * Takes one of the `perSecond` of a key; false when there is none left. At once, as every request asks.
   * After a pause there is a second's worth to take at once.
   */
  take(key: string, perSecond: number): boolean;
  /** Of a key that has just been refused: seconds after which there is one again, unless others take it. */
  secondsUntil(key: string, perSecond: number): number;
}

/** Milliseconds of a clock that never goes back. */
export type Now = () => number;
