import { openDatabase, type DatabaseOptions } from '../../src/db/database';
import { DatabaseError } from '../../src/db/errors';
import { inTransaction, type Database, type QueryReport } from '../../src/db/queryable';
import {
  administer,
  cloneDatabase,
  startThrowawayPostgres,
  type ClonedDatabase,
} from '../support/postgres';
import { startTcpProxy } from '../support/tcp-proxy';
import { until } from '../support/until';

let clone: ClonedDatabase;
const opened: Database[] = [];

beforeAll(async () => {
  clone = await cloneDatabase();
});

afterEach(async () => {
  for (const database of opened.splice(0)) await database.close();
});

afterAll(() => clone.drop());

function open(options: Partial<DatabaseOptions> = {}): Database {
  const database = openDatabase({
    url: clone.url,
    poolSize: 4,
    statementTimeoutMs: 2000,
    connectTimeoutMs: 1000,
    ...options,
  });
  opened.push(database);
  return database;
}

const addAccount = (id: string) => ({
  name: 'test-add-account',
  text: 'insert into account (account_id) values ($1::text)',
  values: [id],
});

function accounts(): Promise<{ account_id: string }[]> {
  return administer(clone.url, 'select account_id from account order by account_id');
}

test('A query gives rows, an execution gives the number of rows', async () => {
  const database = open();
  expect(await database.query({ text: 'select $1::integer + 1 as sum', values: [41] })).toEqual([
    { sum: 42 },
  ]);
  expect(
    await database.execute({
      text: `insert into account (account_id) values ('000000000001'), ('000000000002')`,
    }),
  ).toBe(2);
  expect(await database.execute({ text: 'delete from account' })).toBe(2);
});

test('A transaction that commits is kept, and one that throws is not', async () => {
  const database = open();
  await inTransaction(database, (transaction) => transaction.execute(addAccount('111111111111')));
  await expect(
    inTransaction(database, async (transaction) => {
      await transaction.execute(addAccount('222222222222'));
      throw new Error('changed my mind');
    }),
  ).rejects.toThrow('changed my mind');
  expect(await accounts()).toEqual([{ account_id: '111111111111' }]);
});

test('A transaction cannot be used after it has ended, and rolling it back again does nothing', async () => {
  const transaction = await open().begin();
  await transaction.commit();
  await transaction.rollback();
  const ended = { name: 'DatabaseError', code: 'failed', message: 'The transaction has ended' };
  await expect(transaction.query({ text: 'select 1' })).rejects.toMatchObject(ended);
  await expect(transaction.commit()).rejects.toMatchObject(ended);
  expect(() => transaction.announce({ topic: 'key', id: 'a' })).toThrow(
    'The transaction has ended',
  );
});

test('The commit of a failed transaction is an error and not a silent rollback', async () => {
  const transaction = await open().begin();
  await transaction.execute(addAccount('333333333333'));
  await expect(transaction.query({ text: 'select 1 / 0' })).rejects.toMatchObject({
    code: 'failed',
    message: 'The database refused (SQLSTATE 22012)',
  });
  await expect(transaction.commit()).rejects.toMatchObject({
    code: 'failed',
    message: 'A failed transaction was committed',
  });
});

test('The id of a change has at most 512 bytes, so that its notification always fits', async () => {
  const transaction = await open().begin();
  transaction.announce({ topic: 'alias', id: 'é'.repeat(256) });
  expect(() => transaction.announce({ topic: 'alias', id: 'é'.repeat(257) })).toThrow(
    'The id of a change is longer than 512 bytes',
  );
  await transaction.commit();
});

describe('Errors', () => {
  test('A unique violation names its constraint and no value', async () => {
    const database = open();
    await database.execute(addAccount('444444444444'));
    const error = await database.execute(addAccount('444444444444')).catch((e: unknown) => e);
    expect(error).toMatchObject({
      name: 'DatabaseError',
      code: 'unique-violation',
      constraint: 'account_pkey',
      message: 'The database refused (SQLSTATE 23505, constraint account_pkey)',
    });
    expect((error as DatabaseError).cause).toBeUndefined();
  });

  test('A value that the database quotes in its message does not reach ours', async () => {
    await expect(
      open().query({ text: 'select $1::text::integer', values: ['secret'] }),
    ).rejects.toMatchObject({ code: 'failed', message: 'The database refused (SQLSTATE 22P02)' });
  });

  test('A fault in our SQL is quoted', async () => {
    await expect(open().query({ text: 'select nothing' })).rejects.toMatchObject({
      code: 'failed',
      message: 'The database refused (SQLSTATE 42703): column "nothing" does not exist',
    });
  });

  test('A statement that takes too long is a timeout, and the connection is used again', async () => {
    const database = open({ poolSize: 1, statementTimeoutMs: 100 });
    const pid = () => database.query({ text: 'select pg_backend_pid() as pid' });
    const before = await pid();
    await expect(database.query({ text: 'select pg_sleep(5)' })).rejects.toMatchObject({
      code: 'timeout',
      sqlState: '57014',
    });
    expect(await pid()).toEqual(before);
  });

  test('A lock that somebody else keeps is a timeout', async () => {
    const [holder, waiter] = [open(), open({ statementTimeoutMs: 100 })];
    const transaction = await holder.begin();
    await transaction.execute({ text: 'lock table account' });
    await expect(waiter.execute({ text: 'delete from account' })).rejects.toMatchObject({
      code: 'timeout',
    });
    await transaction.rollback();
  });

  test('A deadlock is a serialization failure for one of the two', async () => {
    const database = open();
    const [one, two] = [await database.begin(), await database.begin()];
    const lock = (id: number) => ({ text: 'select pg_advisory_xact_lock($1)', values: [id] });
    await one.query(lock(1));
    await two.query(lock(2));
    const results = await Promise.allSettled([
      one.query(lock(2)).finally(() => one.rollback()),
      two.query(lock(1)).finally(() => two.rollback()),
    ]);
    const rejected = results.filter((result) => result.status === 'rejected');
    expect(rejected).toHaveLength(1);
    expect(rejected[0]?.reason).toMatchObject({ code: 'serialization', sqlState: '40P01' });
  });

  test('A transaction that idles too long is ended by the server', async () => {
    const transaction = await open({ statementTimeoutMs: 50 }).begin();
    await until('the server has ended it', async () => {
      const rows = await administer(
        clone.url,
        `select from pg_stat_activity
          where datname = current_database() and state = 'idle in transaction'`,
      );
      return rows.length === 0;
    });
    await expect(transaction.commit()).rejects.toMatchObject({ name: 'DatabaseError' });
    await transaction.rollback();
  });

  test('When every connection is in use the wait for one is bounded', async () => {
    const database = open({ poolSize: 1, connectTimeoutMs: 100 });
    const transaction = await database.begin();
    await expect(database.query({ text: 'select 1' })).rejects.toMatchObject({
      code: 'unavailable',
      message: 'The database cannot be reached: timeout exceeded when trying to connect',
    });
    await transaction.rollback();
    await database.check();
  });

  test('A commit whose connection breaks is unavailable and says that its outcome is unknown', async () => {
    const proxy = await startTcpProxy(clone.url);
    const database = open({ url: proxy.url, statementTimeoutMs: 200 });
    const transaction = await database.begin();
    await transaction.execute({ text: 'select 1' });
    proxy.freeze();
    await expect(transaction.commit()).rejects.toMatchObject({
      code: 'unavailable',
      message: 'The outcome of a commit is unknown: the connection broke',
    });
    await proxy.close();
  });

  test('A server that does not answer any more is a timeout, and the next caller gets a new connection', async () => {
    const proxy = await startTcpProxy(clone.url);
    const database = open({ url: proxy.url, poolSize: 1, statementTimeoutMs: 100 });
    await database.check();
    proxy.freeze();
    await expect(database.query({ text: 'select 1' })).rejects.toMatchObject({
      code: 'timeout',
      message: 'The database did not answer in time',
    });
    proxy.thaw();
    await database.check();
    await proxy.close();
  });
});

test('An idle connection that breaks is reported, and replaced when one is needed', async () => {
  const lost: DatabaseError[] = [];
  const database = open({ poolSize: 1, onConnectionLost: (error) => lost.push(error) });
  const [row] = await database.query<{ pid: number }>({ text: 'select pg_backend_pid() as pid' });
  await administer(clone.url, 'select pg_terminate_backend($1)', [row?.pid]);
  await until('the loss is reported', () => lost.length > 0);
  expect(lost[0]).toMatchObject({ name: 'DatabaseError', code: 'unavailable', sqlState: '57P01' });
  await database.check();
});

test('A borrowed connection that breaks between two statements fails its transaction only', async () => {
  const database = open({ poolSize: 1 });
  const transaction = await database.begin();
  const [row] = await transaction.query<{ pid: number }>({
    text: 'select pg_backend_pid() as pid',
  });
  await administer(clone.url, 'select pg_terminate_backend($1)', [row?.pid]);
  await expect(transaction.query({ text: 'select 1' })).rejects.toMatchObject({
    code: 'unavailable',
  });
  await transaction.rollback();
  await database.check();
});

test('Every statement is reported with its name, its time and its outcome', async () => {
  const reports: QueryReport[] = [];
  const database = open({ onQuery: (report) => reports.push(report) });
  await inTransaction(database, (transaction) => transaction.execute(addAccount('555555555555')));
  await database.query({ text: 'select 1 / 0' }).catch(() => undefined);
  expect(reports.map(({ name, outcome }) => [name, outcome])).toEqual([
    ['begin', 'ok'],
    ['test-add-account', 'ok'],
    ['commit', 'ok'],
    [undefined, 'failed'],
  ]);
  expect(reports.every(({ milliseconds }) => milliseconds > 0 && milliseconds < 1000)).toBe(true);
});

describe('A Postgres that ends', () => {
  test.each(['fast', 'immediate'] as const)(
    'under load (%s): every statement settles, and the pool recovers within five seconds',
    async (mode) => {
      const postgres = await startThrowawayPostgres();
      const database = open({ url: postgres.url });
      let stopping = false;
      const outcomes = { ok: 0, afterwards: 0, codes: new Set<string>() };
      let restarted = false;
      const load = Array.from({ length: 16 }, async () => {
        while (!stopping) {
          try {
            await database.query({ name: 'load', text: 'select pg_sleep(0.001)' });
            outcomes.ok += 1;
            if (restarted) outcomes.afterwards += 1;
          } catch (error) {
            outcomes.codes.add(error instanceof DatabaseError ? error.code : 'foreign');
          }
        }
      });
      try {
        await until('the load runs', () => outcomes.ok > 100);
        await postgres.restart(mode);
        restarted = true;
        await until('the pool has recovered', () => outcomes.afterwards > 100, 5000);
      } finally {
        stopping = true;
        await Promise.all(load);
      }
      expect([...outcomes.codes]).toEqual(['unavailable']);
      await database.close();
      opened.pop();
      await postgres.remove();
    },
  );
});

test('A database that cannot be reached is unavailable', async () => {
  const url = new URL(clone.url);
  url.port = '1';
  await expect(open({ url: url.href }).check()).rejects.toMatchObject({
    code: 'unavailable',
    message: 'The database cannot be reached: connect ECONNREFUSED 127.0.0.1:1',
  });
});

test('A wrong password is unavailable, and no message has it', async () => {
  const url = new URL(clone.url);
  url.password = 'wrong-password';
  const error = await open({ url: url.href })
    .check()
    .catch((e: unknown) => e);
  expect(error).toMatchObject({ code: 'unavailable', sqlState: '28P01' });
  expect(JSON.stringify(error) + String(error)).not.toContain('wrong-password');
});
