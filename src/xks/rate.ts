/** How many requests each store may still make, over all workers of a daemon. */
export interface Rates {
  /** Takes one of a store's `perSecond`; false when there is none left. At once, as every request asks. */
  take(prefix: string, perSecond: number): boolean;
}
