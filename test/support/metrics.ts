import type { TestDaemon } from './daemon';
import { until } from './until';

/** What `/metrics` says, by metric with its labels as they stand there. */
export type Samples = ReadonlyMap<string, number>;

/**
 * The sum over every worker. One that does not answer within a second is left out of what `/metrics` says, on a machine
 * that has much to do any of them: asks until all are in it.
 */
export async function metricsOf(daemon: TestDaemon): Promise<Samples> {
  let samples: Samples = new Map();
  await until('every worker tells its metrics', async () => {
    samples = await scrape(daemon);
    return samples.get('claviger_workers') === Number(daemon.environment['CLAVIGER_WORKERS']);
  });
  return samples;
}

/** Of the workers that answered in time, asked on a connection of its own; empty when `/metrics` failed. */
export async function scrape({ endpoint }: Pick<TestDaemon, 'endpoint'>): Promise<Samples> {
  const response = await fetch(`${endpoint}/metrics`, { headers: { connection: 'close' } });
  const text = await response.text();
  if (response.status !== 200) return new Map();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}
