import type { Costs } from '../measure';
import { processorSeconds } from '../processes';
import type { Phase, Result } from './drive';
import type { XksLoadGenerator } from './process';
import type { XksSite } from './site';

export interface XksBench {
  readonly site: XksSite;
  readonly generator: XksLoadGenerator;
}

export interface XksMeasured extends Result {
  /** Requests a second. */
  readonly rate: number;
  /** Microseconds of processor time a request. */
  readonly cost: Costs;
}

/** Drives the store, and watches what all that take part spend on it. */
export async function measure(
  { site, generator }: XksBench,
  load: Omit<Phase, 'store'>,
): Promise<XksMeasured> {
  const spent = (): Costs => ({
    workers: processorSeconds(site.workers),
    postgres: processorSeconds(site.postgresProcesses()),
    load: processorSeconds([generator.pid]),
  });
  const before = spent();
  const result = await generator.run({ ...load, store: site.store });
  const after = spent();
  const cost = (group: keyof Costs): number =>
    ((after[group] - before[group]) * 1e6) / Math.max(1, result.requests);
  return {
    ...result,
    rate: result.requests / result.seconds,
    cost: { workers: cost('workers'), postgres: cost('postgres'), load: cost('load') },
  };
}
