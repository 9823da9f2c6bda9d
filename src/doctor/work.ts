import type { Database } from '../db';
import { countOverdue, forget } from '../jobs/attempts';
import { dueKeys } from '../jobs/delete-key';
import { destroyObjects } from '../jobs/destroy-objects';
import { expiredMaterial } from '../jobs/expire-material';
import type { Schedule } from '../jobs/job';
import { dueRotations } from '../jobs/rotate-key';
import { wornKeys } from '../jobs/rotate-worn-key';
import type { Finding, Patient, PatientWithToken } from './finding';

/** Work that is due is done within minutes; what has waited for an hour waits for something. */
const overdueSeconds = 3600;

/** An attempt or two fail by themselves when a token or a database is restarted. */
const attemptsThatTell = 3;

const schedules: readonly Schedule[] = [dueKeys, dueRotations, wornKeys, expiredMaterial];

/** Timed work that is not done. */
export async function examineWork({ database }: Patient): Promise<Finding[]> {
  const overdue: Finding[] = [];
  for (const schedule of schedules) {
    const rows = await countOverdue(database, schedule, { clockOffsetSeconds: -overdueSeconds });
    if (rows === 0) continue;
    overdue.push({ kind: 'overdue-work', subject: schedule.name, details: { rows } });
  }
  return [...overdue, ...(await failingWork(database))];
}

async function failingWork(database: Database): Promise<Finding[]> {
  // What was done by another means, or is due no more, leaves its attempt behind for a while.
  const rows = await database.query<{
    job: string;
    subject: string;
    attempts: number;
    retry_at: Date;
  }>({
    text: `
      select job, subject, attempts, retry_at from job_attempt
      where attempts >= $1::int and retry_at > now() - interval '2 hours' order by attempts desc, job, subject`,
    values: [attemptsThatTell],
  });
  return rows.map(({ job, subject, attempts, retry_at }) => ({
    kind: 'failing-work',
    subject: `${job} ${subject}`,
    details: { attempts, next: retry_at.toISOString() },
  }));
}

interface DoomedRow {
  readonly token_key_id: string;
  readonly token_serial: string;
  readonly custom_key_store_id: string | null;
  readonly due_at: Date;
}

/** Objects that were to be destroyed, and that nobody destroys. */
export async function examineDoomed(patient: PatientWithToken): Promise<Finding[]> {
  const { database, token } = patient;
  const { serial } = token.status();
  const rows = await database.query<DoomedRow>({
    text: `
      select token_key_id, token_serial, custom_key_store_id, due_at from doomed_object
      where due_at < now() - make_interval(secs => $1::float8) order by due_at`,
    values: [overdueSeconds],
  });
  const job = destroyObjects(patient);
  return rows.map(({ token_key_id: subject, token_serial: holder, due_at, ...row }) => ({
    kind: 'overdue-object',
    subject,
    details: { serial: holder, due: due_at.toISOString() },
    ...((holder === serial || row.custom_key_store_id !== null) && {
      repair: async () => {
        const did = await job.run({ subject, clockOffsetSeconds: 0 });
        if (!did) return 'nothing left to do: a daemon has it';
        await forget(database, job, { subject });
        return 'destroyed, unless something names it';
      },
    }),
  }));
}
