import { Client } from 'pg';
import { type Database, openDatabase } from '../../src/db';
import { claim, countOverdue, forget } from '../../src/jobs/attempts';
import type { Job } from '../../src/jobs/job';
import { type ClonedDatabase, administer, cloneDatabase } from '../support/postgres';

const job: Job = {
  name: 'sweep',
  due: { from: 'chore c', where: 'not c.done', subject: 'c.name', at: 'c.due_at' },
  run: () => Promise.resolve(true),
};
const backoff = { firstSeconds: 60, longestSeconds: 3600 };
const hour = 3600;

let cloned: ClonedDatabase;
let db: Database;
beforeAll(async () => {
  cloned = await cloneDatabase();
  const limits = { poolSize: 10, statementTimeoutMs: 5000, connectTimeoutMs: 5000 };
  db = openDatabase({ url: cloned.url, ...limits });
  await sql('create table chore (name text primary key, due_at timestamptz(3), done bool)');
});
afterAll(async () => {
  await db.close();
  await cloned.drop();
});
beforeEach(() => sql('truncate chore, job_attempt'));

const sql = <R extends object>(text: string, values: readonly unknown[] = []): Promise<R[]> =>
  administer<R>(cloned.url, text, values);
/** Due so many seconds from now; negative: since so many. */
const add = (name: string, inSeconds: number): Promise<unknown> =>
  sql(`insert into chore values ($1, now() + make_interval(secs => $2), false)`, [name, inSeconds]);
/** What a worker claims whose clock is so many seconds ahead. */
const claimed = async (clockOffsetSeconds = 0): Promise<string | undefined> => {
  const found = await claim(db, job, { clockOffsetSeconds, backoff });
  return found && `${found.subject} ${found.attempts}`;
};
/** Seconds from now until it may be tried again. */
const pause = async (): Promise<number> => {
  const [row] = await sql<{ seconds: number }>(
    'select extract(epoch from retry_at - now())::float8 as seconds from job_attempt',
  );
  return row?.seconds ?? NaN;
};

test('what is due longest is claimed first, each once, and what is not due or done is left', async () => {
  await add('second', -10);
  await add('first', -20);
  await add('later', 10);
  await add('done', -30);
  await sql(`update chore set done = true where name = 'done'`);
  expect([await claimed(), await claimed(), await claimed()]).toEqual([
    'first 1',
    'second 1',
    undefined,
  ]);
});

test('the clock of the database decides, moved by the offset alone', async () => {
  await add('tomorrow', 24 * hour);
  expect(await claimed(24 * hour - 5)).toBeUndefined();
  expect(await countOverdue(db, job, { clockOffsetSeconds: 24 * hour - 5 })).toBe(0);
  expect(await countOverdue(db, job, { clockOffsetSeconds: 24 * hour + 5 })).toBe(1);
  expect(await claimed(24 * hour + 5)).toBe('tomorrow 1');
});

test('the pause after an attempt doubles, up to the longest, with jitter', async () => {
  await add('hopeless', 0);
  let offset = 1;
  for (const [attempts, seconds] of [
    [1, 60],
    [2, 120],
    [3, 240],
    [4, 480],
    [5, 960],
    [6, 1920],
    [7, 3600],
    [8, 3600],
  ] as const) {
    expect(await claimed(offset)).toBe(`hopeless ${attempts}`);
    const paused = (await pause()) - offset;
    expect(paused).toBeGreaterThan(seconds - 5);
    expect(paused).toBeLessThan(seconds * 1.25 + 1);
    expect(await claimed(offset + seconds - 5)).toBeUndefined();
    offset += seconds * 1.25 + 5;
  }
  await sql('update job_attempt set attempts = 100000');
  expect(await claimed(offset)).toBe('hopeless 100001');
  expect((await pause()) - offset).toBeLessThan(3600 * 1.25 + 1);
});

test('what is due anew is tried at once, and counted from one', async () => {
  await add('again', -5);
  expect(await claimed()).toBe('again 1');
  await sql(`update chore set due_at = now() - interval '1 second'`);
  expect(await claimed()).toBe('again 1');
  expect(await claimed()).toBeUndefined();
});

test('of workers that claim at once one gets it, and a row that somebody holds is skipped', async () => {
  await add('wanted', -5);
  const all = await Promise.all(Array.from({ length: 10 }, () => claimed()));
  expect(all.filter((one) => one !== undefined)).toEqual(['wanted 1']);

  await add('held', -5);
  await add('free', -4);
  const holder = new Client({ connectionString: cloned.url });
  await holder.connect();
  try {
    await holder.query('begin');
    await holder.query(`select from chore where name = 'held' for update`);
    expect([await claimed(), await claimed()]).toEqual(['free 1', undefined]);
    await holder.query('rollback');
    expect(await claimed()).toBe('held 1');
  } finally {
    await holder.end();
  }
});

test('what is done with is forgotten, and so is what nobody has tried for a week', async () => {
  await add('one', -5);
  await add('other', -4);
  expect([await claimed(), await claimed()]).toEqual(['one 1', 'other 1']);
  await sql(
    `insert into job_attempt values ('sweep', 'cancelled', now(), 3, now() - interval '8 days')`,
  );
  await forget(db, job, { subject: 'one' });
  expect(await sql('select job, subject from job_attempt')).toEqual([
    { job: 'sweep', subject: 'other' },
  ]);
  expect(await countOverdue(db, job, { clockOffsetSeconds: 0 })).toBe(2);
});
