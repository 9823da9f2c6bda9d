import type { Worker } from 'node:cluster';
import { AggregatorRegistry } from 'prom-client';
import type { ToPrimary, ToWorker } from './worker-messages';

/** Longest time that a scrape waits for a worker; one that is stopped or hangs is left out of the sum. */
const reportMs = 1000;

let asked = 0;

/**
 * The sum of the workers' metrics. prom-client's own clusterMetrics() asks workers that still boot or already die, fails
 * the scrape for one of them, and throws in the primary for an answer that comes late.
 */
export async function gatherMetrics(
  workers: readonly Worker[],
): Promise<{ body: string; contentType: string }> {
  const reports = await Promise.all(workers.map((worker) => report(worker)));
  const registry = AggregatorRegistry.aggregate(reports.filter((one) => one !== undefined));
  return { body: await registry.metrics(), contentType: registry.contentType };
}

/** Undefined when the worker ends first, or does not answer in time. */
function report(worker: Worker): Promise<readonly object[] | undefined> {
  const id = (asked += 1);
  return new Promise((resolve) => {
    const done = (metrics: readonly object[] | undefined): void => {
      clearTimeout(timer);
      worker.off('message', take);
      worker.off('exit', leave);
      resolve(metrics);
    };
    const take = (message: ToPrimary): void => {
      if (message.kind === 'metrics-of-one' && message.id === id) done(message.metrics);
    };
    const leave = (): void => done(undefined);
    const timer = setTimeout(leave, reportMs);
    worker.on('message', take);
    worker.once('exit', leave);
    tell(worker, { kind: 'report-metrics', id });
  });
}

/** A worker may end at any moment: what cannot be told to it is answered by its exit. */
export function tell(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message, () => undefined);
}
