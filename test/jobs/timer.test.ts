import { type Database, openDatabase } from '../../src/db';
import type { Job, Task } from '../../src/jobs/job';
import { type JobEvent, JobTimer } from '../../src/jobs/timer';
import { type ClonedDatabase, administer, cloneDatabase } from '../support/postgres';
import { until } from '../support/until';

let cloned: ClonedDatabase;
let db: Database;
let events: JobEvent[];
beforeAll(async () => {
  cloned = await cloneDatabase();
  const limits = { poolSize: 4, statementTimeoutMs: 5000, connectTimeoutMs: 5000 };
  db = openDatabase({ url: cloned.url, ...limits });
  await administer(cloned.url, 'create table chore (name text primary key, due_at timestamptz(3))');
});
afterAll(async () => {
  await db.close();
  await cloned.drop();
});
beforeEach(async () => {
  events = [];
  await administer(cloned.url, 'truncate chore, job_attempt');
});

const add = (...names: string[]): Promise<unknown> =>
  administer(
    cloned.url,
    `insert into chore select unnest($1::text[]), now() - interval '1 second'`,
    [names],
  );
const remove = async (subject: string): Promise<boolean> =>
  (await administer(cloned.url, 'delete from chore where name = $1 returning 1', [subject]))
    .length === 1;
const chores = (run: (task: Task) => Promise<boolean>, from = 'chore c'): Job => ({
  name: 'sweep',
  due: { from, where: 'true', subject: 'c.name', at: 'c.due_at' },
  run,
});
const timer = (jobs: readonly Job[], different: { intervalMs?: number } = {}): JobTimer =>
  new JobTimer({ db, jobs, intervalMs: 60_000, onEvent: (e) => events.push(e), ...different });
const told = (): string[] =>
  events.map((event) => {
    if (event.kind === 'overdue') return `overdue ${event.count}`;
    if (event.kind === 'not-looked') return 'not looked';
    return `${event.kind} ${event.subject}`;
  });

test('a look does all that is due, tells of it, and forgets its attempts', async () => {
  await add('a', 'b');
  await timer([chores(({ subject }) => remove(subject))]).look();
  expect(told().sort()).toEqual(['done a', 'done b', 'overdue 0']);
  expect(await administer(cloned.url, 'select from job_attempt')).toEqual([]);
});

test('what fails is told with its attempt, holds up nothing, and stays overdue', async () => {
  await add('a', 'b');
  const error = new Error('the token is away');
  const run = ({ subject }: Task): Promise<boolean> =>
    subject === 'a' ? Promise.reject(error) : remove(subject);
  const one = timer([chores(run)]);
  await one.look();
  expect(events).toContainEqual({ kind: 'failed', job: 'sweep', subject: 'a', attempts: 1, error });
  expect(told().sort()).toEqual(['done b', 'failed a', 'overdue 1']);
  events = [];
  await one.look();
  expect(told()).toEqual(['overdue 1']);
});

test('what turned out to be nothing is not told as done', async () => {
  await add('a');
  await timer([
    chores(async ({ subject }) => {
      await remove(subject);
      return false;
    }),
  ]).look();
  expect(told()).toEqual(['overdue 0']);
});

test('a job that the database cannot look for leaves the others alone', async () => {
  await add('a');
  const broken = { ...chores(() => Promise.resolve(true), 'no_such_table c'), name: 'broken' };
  await timer([broken, chores(({ subject }) => remove(subject))]).look();
  expect(told()).toEqual(['not looked', 'done a', 'overdue 0']);
});

test('it looks by itself when it was started, and no more when it was closed', async () => {
  const own = timer([chores(({ subject }) => remove(subject))], { intervalMs: 10 });
  own.start();
  await until('it has looked more than once', () => events.length > 2);
  await add('a');
  await until('it found what became due', () => told().includes('done a'));
  await own.close();
  events = [];
  await add('b');
  await own.look();
  expect(told()).toEqual(['overdue 1']);
});

test('closing waits for what is under way, and begins nothing else', async () => {
  await add('a', 'b');
  let release = (): void => undefined;
  const waiting = new Promise<void>((resolve) => (release = resolve));
  let began = 0;
  const own = timer([
    chores(async ({ subject }) => {
      began += 1;
      await waiting;
      return remove(subject);
    }),
  ]);
  const looking = own.look();
  await until('it is under way', () => began === 1);
  let closed = false;
  const closing = own.close().then(() => (closed = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(closed).toBe(false);
  release();
  await Promise.all([closing, looking]);
  expect(began).toBe(1);
  expect(told().filter((line) => line.startsWith('done'))).toHaveLength(1);
});
