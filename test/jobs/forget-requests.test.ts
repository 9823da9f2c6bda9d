import { randomUUID } from 'node:crypto';
import { type Database, inTransaction, openDatabase } from '../../src/db';
import { claimName, findKept, keepRequest } from '../../src/idempotency/requests';
import { forgetNamedRequests } from '../../src/jobs/forget-requests';
import { type JobEvent, JobTimer } from '../../src/jobs/timer';
import { type ClonedDatabase, administer, cloneDatabase } from '../support/postgres';

const hour = 3600;

let cloned: ClonedDatabase;
let database: Database;
beforeAll(async () => {
  cloned = await cloneDatabase();
  const limits = { poolSize: 4, statementTimeoutMs: 5000, connectTimeoutMs: 5000 };
  database = openDatabase({ url: cloned.url, ...limits });
});
afterAll(async () => {
  await database.close();
  await cloned.drop();
});
afterEach(() =>
  administer(cloned.url, 'with a as (delete from job_attempt) delete from idempotent_request'),
);

const named = (idempotencyKey: string) => ({
  ...{ callerId: '111122223333', operation: 'CreateKey', idempotencyKey },
  inputHash: Buffer.alloc(32, 1),
});

async function keep(idempotencyKey: string, requestId: string = randomUUID()): Promise<void> {
  await inTransaction(database, async (transaction) => {
    await claimName(transaction, named(idempotencyKey), requestId);
    await keepRequest(transaction, named(idempotencyKey), '{}');
  });
}

const kept = async (): Promise<string[]> =>
  (
    await administer<{ key: string }>(
      cloned.url,
      'select idempotency_key as key from idempotent_request order by 1',
    )
  ).map(({ key }) => key);

/** What one look of a worker told, whose view of the database's clock is so many seconds ahead. */
async function look(clockOffsetSeconds: number): Promise<JobEvent[]> {
  const events: JobEvent[] = [];
  const onEvent = (event: JobEvent): void => void events.push(event);
  const jobs = [forgetNamedRequests({ database })];
  await new JobTimer({
    ...{ db: database, jobs, intervalMs: 60_000, clockOffsetSeconds, onEvent },
  }).look();
  return events;
}

const overdue = (count: number): JobEvent => ({ kind: 'overdue', job: 'forget-requests', count });
const done = (subject: string): JobEvent => ({ kind: 'done', job: 'forget-requests', subject });

test('what was kept is removed after 24 hours, and not before', async () => {
  const requestId = randomUUID();
  await keep('one', requestId);
  expect(await look(24 * hour - 30)).toEqual([overdue(0)]);
  expect(await kept()).toEqual(['one']);
  expect(await look(24 * hour)).toEqual([done(requestId), overdue(0)]);
  expect(await kept()).toEqual([]);
});

test('all that is due is removed in one turn, and what is not due stays', async () => {
  for (const key of ['one', 'two', 'three']) await keep(key);
  await administer(
    cloned.url,
    `update idempotent_request set expires_at = now() - interval '1 s' where idempotency_key <> 'two'`,
  );
  expect(await look(0)).toHaveLength(2);
  expect(await kept()).toEqual(['two']);
  expect(await look(0)).toEqual([overdue(0)]);
});

test('two workers at once remove each what the other does not, and a repeat at work is left alone', async () => {
  for (const key of ['one', 'two']) await keep(key);
  await administer(cloned.url, `update idempotent_request set expires_at = now()`);
  const transaction = await database.begin();
  // Its time is over, so it is done anew.
  expect(await claimName(transaction, named('one'), randomUUID())).toBeUndefined();
  await Promise.all([look(0), look(0)]);
  expect(await kept()).toEqual(['one']);
  await keepRequest(transaction, named('one'), '{"n":2}');
  await transaction.commit();
  await look(0);
  expect(await findKept(database, named('one'))).toMatchObject({ answer: '{"n":2}' });
});
