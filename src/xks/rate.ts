import type { Rates } from '../rates/rates';
import type { XksStore } from './store';

/** Takes one of the requests a second that a store may make; false when there is none left. */
export function takeRequest(rates: Pick<Rates, 'take'>, { prefix, rate }: XksStore): boolean {
  return rate === undefined || rates.take(`xks ${prefix}`, rate);
}
