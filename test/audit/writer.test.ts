import { openAuditWriter, type AuditWriter, type AuditWriterOptions } from '../../src/audit';
import { openDatabase, type Database, type DatabaseOptions } from '../../src/db';
import {
  administer,
  cloneDatabase,
  lockWaiters,
  startThrowawayPostgres,
  type ClonedDatabase,
} from '../support/postgres';
import { startTcpProxy } from '../support/tcp-proxy';
import { until } from '../support/until';
import { migrate } from '../../src/db';

type Timeouts = 'statementTimeoutMs' | 'connectTimeoutMs';

interface Row {
  readonly writer: string;
  readonly seq: string;
  readonly record: string;
}

let clone: ClonedDatabase;
const opened: { close(): Promise<void> }[] = [];

beforeEach(async () => {
  clone = await cloneDatabase();
});

afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
  await clone.drop();
});

function openPool(
  options: Partial<Pick<DatabaseOptions, 'url' | 'poolSize' | Timeouts>> = {},
): Database {
  const database = openDatabase({
    url: options.url ?? clone.url,
    poolSize: options.poolSize ?? 4,
    statementTimeoutMs: options.statementTimeoutMs ?? 15_000,
    connectTimeoutMs: options.connectTimeoutMs ?? 15_000,
  });
  opened.push(database);
  return database;
}

function openWriter(options: Partial<AuditWriterOptions> = {}): AuditWriter {
  const writer = openAuditWriter({
    database: openPool({ poolSize: 1 }),
    waitMs: 15_000,
    ...options,
  });
  opened.push(writer);
  return writer;
}

function records(url = clone.url): Promise<Row[]> {
  return administer(
    url,
    'select writer::text, seq::text, record from audit_record order by recorded_at, writer, audit_record.seq',
  );
}

/** Sequences of the writers, each of which must be 1, 2, 3, … */
function sequences(rows: readonly Row[]): number[][] {
  const byWriter = new Map<string, number[]>();
  for (const { writer, seq } of rows) {
    byWriter.set(writer, [...(byWriter.get(writer) ?? []), Number(seq)]);
  }
  return [...byWriter.values()].map((seqs) => seqs.sort((a, b) => a - b));
}

const upTo = (n: number): number[] => Array.from({ length: n }, (_, index) => index + 1);

test('A record is committed when its append resolves', async () => {
  await openWriter().append('{"eventName":"Encrypt"}');
  expect(await records()).toMatchObject([{ seq: '1', record: '{"eventName":"Encrypt"}' }]);
});

test('Records that come in together share commits and keep their order', async () => {
  const flushes: number[] = [];
  const writer = openWriter({ onFlush: ({ rows }) => flushes.push(rows) });
  const lines = Array.from({ length: 1200 }, (_, index) => `{"n":${index}}`);
  await Promise.all(lines.map((line) => writer.append(line)));
  const rows = await records();
  expect(rows.map(({ record }) => record)).toEqual(lines);
  expect(sequences(rows)).toEqual([upTo(1200)]);
  expect(flushes).toEqual([500, 500, 200]);
});

test('Whatever JSON text can hold comes back as it was written', async () => {
  const line = JSON.stringify({
    text: 'line\nend, tab\t, NUL\0, \u2028, \ud800, 😀, \\N, ${}, $1',
  });
  await openWriter().append(line);
  expect((await records())[0]?.record).toBe(line);
});

test.each(['', 'two\nlines', 'a NUL \0'])('%j is not one line and is refused', async (line) => {
  await expect(openWriter().append(line)).rejects.toMatchObject({
    name: 'DatabaseError',
    code: 'failed',
    message: 'An audit record is not one line',
  });
  expect(await records()).toEqual([]);
});

test('A record and the change of its transaction are committed together', async () => {
  const writer = openWriter();
  const transaction = await openPool().begin();
  await transaction.execute({ text: `insert into account (account_id) values ('111111111111')` });
  await writer.commitWith(transaction, '{"eventName":"CreateKey"}');
  expect(await records()).toMatchObject([{ seq: '1', record: '{"eventName":"CreateKey"}' }]);
  expect(await administer(clone.url, 'select from account')).toHaveLength(1);
  await expect(transaction.query({ text: 'select 1' })).rejects.toMatchObject({
    message: 'The transaction has ended',
  });
});

test('Several records of a transaction are committed in their order, and in one sequence with the others', async () => {
  const writer = openWriter();
  const transaction = await openPool().begin();
  await writer.append('{"n":1}');
  await writer.commitWith(transaction, '{"n":2}', '{"n":3}');
  await writer.append('{"n":4}');
  const rows = await records();
  expect(sequences(rows)).toEqual([upTo(4)]);
  const inOrder = [...rows].sort((a, b) => Number(a.seq) - Number(b.seq));
  expect(inOrder.map(({ record }) => record)).toEqual(upTo(4).map((n) => `{"n":${n}}`));
});

test('One of them that is not one line is refused with all', async () => {
  const transaction = await openPool().begin();
  const committing = openWriter().commitWith(transaction, '{"n":1}', 'two\nlines');
  await expect(committing).rejects.toMatchObject({
    ...{ name: 'DatabaseError', code: 'failed', message: 'An audit record is not one line' },
  });
  expect(await records()).toEqual([]);
});

test('Appends and transactions that are mixed make one sequence without gaps, in the order of their commits', async () => {
  const writer = openWriter();
  const database = openPool({ poolSize: 8 });
  const commits: string[] = [];
  await Promise.all(
    upTo(200).map(async (n) => {
      const line = `{"n":${n}}`;
      if (n % 5 !== 0) return writer.append(line).then(() => commits.push(line));
      const transaction = await database.begin();
      return writer.commitWith(transaction, line).then(() => commits.push(line));
    }),
  );
  const rows = await records();
  expect(sequences(rows)).toEqual([upTo(200)]);
  const inOrder = [...rows].sort((a, b) => Number(a.seq) - Number(b.seq));
  expect(inOrder.map(({ record }) => record)).toEqual(commits);
});

test('A transaction that cannot commit leaves no record, is rolled back, and ends the sequence of its writer', async () => {
  const writer = openWriter();
  await writer.append('{"n":1}');
  const transaction = await openPool().begin();
  await transaction
    .query({
      text: `insert into kms_key (key_id, account_id, key_spec, key_usage, state, policy)
           values ('x', '1', 'A', 'B', 'C', '')`,
    })
    .catch(() => undefined);
  await expect(writer.commitWith(transaction, '{"n":2}')).rejects.toMatchObject({
    code: 'failed',
    sqlState: '25P02',
    outcomeUnknown: false,
  });
  await writer.append('{"n":3}');
  const rows = await records();
  expect(rows.map(({ record, seq }) => [record, seq])).toEqual([
    ['{"n":1}', '1'],
    ['{"n":3}', '1'],
  ]);
  expect(new Set(rows.map((row) => row.writer)).size).toBe(2);
});

test('A deferred constraint that fails at the commit takes the record with it', async () => {
  const writer = openWriter();
  const database = openPool();
  await database.execute({ text: `insert into account (account_id) values ('111111111111')` });
  const transaction = await database.begin();
  await transaction.execute({
    text: `insert into kms_key (key_id, account_id, key_spec, key_usage, state, policy, current_material_id)
           values ('1234abcd-12ab-34cd-56ef-1234567890ab', '111111111111', 'SYMMETRIC_DEFAULT',
                   'ENCRYPT_DECRYPT', 'Enabled', '{}', repeat('0', 64))`,
  });
  await expect(writer.commitWith(transaction, '{"n":1}')).rejects.toMatchObject({
    code: 'failed',
    sqlState: '23503',
    constraint: 'kms_key_current_material_fkey',
  });
  expect(await records()).toEqual([]);
});

test('A commit whose outcome is unknown never shares a number with a later record', async () => {
  const proxy = await startTcpProxy(clone.url);
  const writer = openWriter();
  const transaction = await openPool({ url: proxy.url, statementTimeoutMs: 300 }).begin();
  await writer.append('{"n":1}');
  const committing = writer.commitWith(transaction, '{"n":2}');
  // The answers are held back and not the statements: the server may well commit.
  proxy.freeze('answers');
  await expect(committing).rejects.toMatchObject({ name: 'DatabaseError' });
  await writer.append('{"n":3}');
  const rows = await records();
  const third = rows.find(({ record }) => record === '{"n":3}');
  expect(third?.seq).toBe('1');
  expect(third?.writer).not.toBe(rows.find(({ record }) => record === '{"n":1}')?.writer);
  await proxy.close();
});

test('Beyond the capacity a record is refused at once, and those that wait are written', async () => {
  const writer = openWriter({ capacity: 10 });
  const results = await Promise.allSettled(upTo(15).map((n) => writer.append(`{"n":${n}}`)));
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(10);
  expect(results[10]).toMatchObject({
    status: 'rejected',
    reason: {
      name: 'DatabaseError',
      code: 'unavailable',
      message: 'Too many audit records wait to be written',
    },
  });
  expect(await records()).toHaveLength(10);
});

test('A record that waited too long for its turn is refused and not written', async () => {
  const waitMs = 1000;
  const writer = openWriter({ waitMs });
  const holder = await openPool().begin();
  await holder.execute({ text: 'lock table audit_record' });
  const first = writer.append('{"n":1}');
  await until('the first write waits for the lock', async () => {
    return (await lockWaiters(clone.url)) > 0;
  });
  const second = writer.append('{"n":2}');
  const late = performance.now() + waitMs + 50;
  await until('the wait is over', () => performance.now() > late);
  await holder.rollback();
  await first;
  await expect(second).rejects.toMatchObject({
    code: 'timeout',
    message: 'An audit record waited too long for its turn',
  });
  expect(await records()).toHaveLength(1);
});

test('A closed writer writes what waits and refuses the rest', async () => {
  const writer = openWriter();
  const waiting = writer.append('{"n":1}');
  await writer.close();
  await waiting;
  await expect(writer.append('{"n":2}')).rejects.toMatchObject({
    code: 'unavailable',
    message: 'The audit writer is closed',
  });
  expect(await records()).toHaveLength(1);
});

test('A database that hangs rejects every record within the timeout, and is used again when it answers', async () => {
  const proxy = await startTcpProxy(clone.url);
  const writer = openWriter({
    database: openPool({
      url: proxy.url,
      poolSize: 1,
      statementTimeoutMs: 200,
      connectTimeoutMs: 500,
    }),
    waitMs: 500,
  });
  await writer.append('{"n":0}');
  proxy.freeze();
  const start = performance.now();
  const results = await Promise.allSettled(upTo(2000).map((n) => writer.append(`{"n":${n}}`)));
  expect(performance.now() - start).toBeLessThan(30_000);
  expect(results.every(({ status }) => status === 'rejected')).toBe(true);
  proxy.thaw();
  await until('records are written again', () =>
    writer.append('{"n":-1}').then(
      () => true,
      () => false,
    ),
  );
  await proxy.close();
});

test.each(['fast', 'immediate'] as const)(
  'When Postgres restarts under load (%s), every append settles, none that resolved is missing, and it recovers',
  async (mode) => {
    const postgres = await startThrowawayPostgres();
    await migrate(postgres.url);
    const writer = openWriter({ database: openPool({ url: postgres.url, poolSize: 1 }) });
    const [confirmed, failures] = [new Set<string>(), new Set<string>()];
    let [stopping, restarted, afterwards, count] = [false, false, 0, 0];
    const load = Array.from({ length: 32 }, async () => {
      while (!stopping) {
        const line = `{"n":${(count += 1)}}`;
        try {
          await writer.append(line);
          confirmed.add(line);
          if (restarted) afterwards += 1;
        } catch (error) {
          failures.add((error as { code?: string }).code ?? 'foreign');
        }
      }
    });
    try {
      await until('the load runs', () => confirmed.size > 500);
      await postgres.restart(mode);
      restarted = true;
      await until('it has recovered', () => afterwards > 500);
    } finally {
      stopping = true;
      await Promise.all(load);
    }
    const rows = await records(postgres.url);
    const written = new Set(rows.map(({ record }) => record));
    expect([...confirmed].filter((line) => !written.has(line))).toEqual([]);
    for (const seqs of sequences(rows)) expect(seqs).toEqual(upTo(seqs.length));
    expect([...failures]).toEqual(['unavailable']);
    for (const each of opened.splice(0).reverse()) await each.close();
    await postgres.remove();
  },
);
