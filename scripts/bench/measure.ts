import type { DoorName } from './load/doors';
import type { LoadGenerator } from './load/process';
import type { WorkloadName } from './load/workload';
import { processorSeconds } from './processes';
import type { Contender, Site } from './site';

/** One phase of load on one server. */
export interface Measured {
  /** Requests a second. */
  readonly rate: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly requests: number;
  readonly proved: number;
  /** Microseconds of processor time a request. */
  readonly cost: Costs;
}

export interface Costs {
  readonly workers: number;
  readonly postgres: number;
  readonly load: number;
}

export interface Load {
  readonly operation: WorkloadName;
  readonly connections: number;
  readonly seconds: number;
  readonly requests?: number;
  /** As of Phase. */
  readonly door?: DoorName;
  readonly token?: string;
}

/** Drives one server, and watches what the others that take part spend on it. */
export async function measure(
  {
    site,
    generator,
  }: {
    readonly site: Pick<Site, 'identity' | 'postgresProcesses'>;
    readonly generator: LoadGenerator;
  },
  contender: Contender,
  load: Load,
): Promise<Measured> {
  const { port, keyId, workers } = contender;
  const spent = (): Costs => ({
    workers: processorSeconds(workers),
    postgres: processorSeconds(site.postgresProcesses()),
    load: processorSeconds([generator.pid]),
  });
  const before = spent();
  const { requests, seconds, p50, p99, proved } = await generator.run({
    ...{ port, keyId, identity: site.identity, requests: Number.MAX_SAFE_INTEGER },
    ...load,
  });
  const after = spent();
  const cost = (group: keyof Costs): number =>
    ((after[group] - before[group]) * 1e6) / Math.max(1, requests);
  return {
    ...{ requests, p50, p99, proved, rate: requests / seconds },
    cost: { workers: cost('workers'), postgres: cost('postgres'), load: cost('load') },
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low, high] = [sorted[sorted.length - 1 - middle], sorted[middle]];
  return ((low ?? Number.NaN) + (high ?? Number.NaN)) / 2;
}
