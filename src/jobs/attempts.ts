import type { Queryable } from '../db';
import type { DueRows, Schedule, Task } from './job';

export interface Backoff {
  readonly firstSeconds: number;
  readonly longestSeconds: number;
}

/** Attempts after which the pause grows no more. */
const doublings = 20;

/** Garbage: what waits for another attempt is tried more often than this. */
const forgottenAfter = '7 days';

/**
 * Claims the row that is due longest, and notes that it is tried now, before anything is done: work that kills its worker
 * is held back too. Nobody else claims the row until the pause is over, which doubles with every attempt; undefined when
 * there is nothing to claim.
 */
export async function claim(
  db: Queryable,
  { name, due }: Schedule,
  { clockOffsetSeconds, backoff }: { clockOffsetSeconds: number; backoff: Backoff },
): Promise<{ readonly subject: string; readonly attempts: number } | undefined> {
  const clock = 'now() + make_interval(secs => $2::float8)';
  // Whoever lost the row to another worker in the same moment finds its attempt, and goes without.
  const [claimed] = await db.query<{ subject: string; attempts: number }>({
    name: `job-claim-${name}`,
    text: `
      with due as (
        select ${due.subject} as subject, ${due.at} as due_at from ${due.from}
        where ${due.where} and ${due.at} <= ${clock}${only(due, 5)} and ${due.claimable ?? 'true'}
          and not exists (
            select from job_attempt a
            where a.job = $1::text and a.subject = ${due.subject} and a.due_at = ${due.at} and a.retry_at > ${clock}
          )
        order by ${due.at} limit 1
        for update skip locked
      )
      insert into job_attempt as tried (job, subject, due_at, attempts, retry_at)
      select $1::text, subject, due_at, 1, ${clock} + make_interval(secs => $3::float8) * (1 + random() / 4) from due
      on conflict (job, subject) do update set
        due_at = excluded.due_at,
        attempts = case when tried.due_at = excluded.due_at then tried.attempts + 1 else 1 end,
        retry_at = case
          when tried.due_at = excluded.due_at then ${clock} + make_interval(
            secs => least($4::float8, $3::float8 * power(2, least(tried.attempts, ${doublings})))) * (1 + random() / 4)
          else excluded.retry_at
        end
      where tried.due_at <> excluded.due_at or tried.retry_at <= ${clock}
      returning subject, attempts`,
    values: [
      ...[name, clockOffsetSeconds, backoff.firstSeconds, backoff.longestSeconds],
      ...(due.only ? [due.only.value] : []),
    ],
  });
  return claimed;
}

/** The subject is done with, or there was nothing to do. */
export async function forget(
  db: Queryable,
  { name }: Schedule,
  { subject }: Pick<Task, 'subject'>,
): Promise<void> {
  await db.execute({
    name: 'job-forget',
    text: `
      delete from job_attempt
      where job = $1::text and (subject = $2::text or retry_at < now() - interval '${forgottenAfter}')`,
    values: [name, subject],
  });
}

/** How many rows are due, those that wait for another attempt too. */
export async function countOverdue(
  db: Queryable,
  { name, due }: Schedule,
  { clockOffsetSeconds }: Pick<Task, 'clockOffsetSeconds'>,
): Promise<number> {
  const [row] = await db.query<{ overdue: number }>({
    name: `job-overdue-${name}`,
    text: `
      select count(*)::int as overdue from ${due.from}
      where ${due.where} and ${due.at} <= now() + make_interval(secs => $1::float8)${only(due, 2)}`,
    values: [clockOffsetSeconds, ...(due.only ? [due.only.value] : [])],
  });
  return row?.overdue ?? 0;
}

function only(due: DueRows, parameter: number): string {
  return due.only === undefined ? '' : ` and ${due.only.where(`$${parameter}`)}`;
}
