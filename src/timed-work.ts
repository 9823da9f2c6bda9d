import type { Config } from './config';
import type { Corridor } from './corridor';
import { connectKeyStore } from './jobs/connect-key-store';
import { deleteExpiredApiToken } from './jobs/delete-api-token';
import { deleteKey } from './jobs/delete-key';
import { destroyObjects } from './jobs/destroy-objects';
import { expireMaterial } from './jobs/expire-material';
import { forgetNamedRequests } from './jobs/forget-requests';
import type { Job } from './jobs/job';
import { rotateKey } from './jobs/rotate-key';
import { rotateWornKey } from './jobs/rotate-worn-key';
import { type JobEvent, JobTimer } from './jobs/timer';
import { type Log, describeError } from './log';
import type { Metrics } from './metrics';

export interface TimedWorkParts {
  readonly config: Config;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly corridor: Corridor;
}

/** A worker's timed work, ready to start. */
export function buildJobs({ config, log, metrics, corridor }: TimedWorkParts): JobTimer {
  const { services, database } = corridor;
  const parts = { ...corridor, ...services, database };
  const jobs: readonly Job[] = [
    connectKeyStore(services.customKeyStores.connecting),
    deleteKey(parts),
    rotateKey(parts),
    rotateWornKey(parts),
    expireMaterial(parts),
    destroyObjects(parts),
    forgetNamedRequests(parts),
    deleteExpiredApiToken(database),
  ];
  for (const { name } of jobs) metrics.jobKnown(name);
  return new JobTimer({
    db: database,
    jobs,
    intervalMs: config.jobIntervalMs,
    onEvent: (event) => report(event, { log, metrics }),
  });
}

function report(event: JobEvent, { log, metrics }: Pick<TimedWorkParts, 'log' | 'metrics'>): void {
  const { job } = event;
  if (event.kind === 'overdue') {
    metrics.jobsOverdue(job, event.count);
  } else if (event.kind === 'done') {
    metrics.jobEnded(job, 'done');
    log.info('timed work was done', { job, subject: event.subject });
  } else if (event.kind === 'failed') {
    metrics.jobEnded(job, 'failed');
    const { subject, attempts } = event;
    const error = describeError(event.error);
    log.warn('timed work failed and will be tried again', { job, subject, attempts, error });
  } else {
    log.warn('timed work could not be looked for', { job, error: describeError(event.error) });
  }
}
