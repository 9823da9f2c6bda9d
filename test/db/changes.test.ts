import { openChangeFeed, type ChangeFeed, type FeedEvent } from '../../src/db/changes';
import { openDatabase } from '../../src/db/database';
import {
  inTransaction,
  type Announcement,
  type Change,
  type Database,
} from '../../src/db/queryable';
import { administer, cloneDatabase, type ClonedDatabase } from '../support/postgres';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy';
import { until } from '../support/until';

interface Worker {
  readonly database: Database;
  readonly feed: ChangeFeed;
  readonly changes: Change[];
  readonly events: FeedEvent[];
  readonly resets: () => number;
}

let clone: ClonedDatabase;
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  clone = await cloneDatabase();
});

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
  await until('no listener is left', async () => (await listeners()).length === 0);
});

afterAll(() => clone.drop());

/** A worker as main builds it; `listenerUrl` may lead through a proxy. */
async function startWorker(
  options: {
    readonly waitMs?: number;
    readonly listenerUrl?: string;
    readonly onChange?: (change: Change) => void | Promise<void>;
  } = {},
): Promise<Worker> {
  const database = openDatabase({
    url: clone.url,
    poolSize: 4,
    statementTimeoutMs: 5000,
    connectTimeoutMs: 2000,
  });
  const changes: Change[] = [];
  const events: FeedEvent[] = [];
  let resets = 0;
  const feed = openChangeFeed({
    url: options.listenerUrl ?? clone.url,
    database,
    waitMs: options.waitMs ?? 3000,
    connectTimeoutMs: 1000,
    onEvent: (event) => events.push(event),
  });
  feed.onChange((change) => void changes.push(change));
  if (options.onChange !== undefined) feed.onChange(options.onChange);
  feed.onReset(() => void (resets += 1));
  open.push(database, feed);
  await feed.listening();
  return { database, feed, changes, events, resets: () => resets };
}

async function announce(worker: Worker, ...changes: Change[]): Promise<readonly Announcement[]> {
  return inTransaction(worker.database, async (transaction) => {
    for (const change of changes) transaction.announce(change);
    return Promise.resolve(transaction.announcements);
  });
}

function listeners(): Promise<{ pid: number; name: string }[]> {
  return administer(
    clone.url,
    `select pid, application_name as name from pg_stat_activity
      where datname = current_database() and application_name like 'claviger-listener%'`,
  );
}

async function killListener(worker: Worker): Promise<void> {
  await administer(
    clone.url,
    'select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1',
    [`claviger-listener/${worker.database.workerId}`],
  );
}

async function proxied(): Promise<TcpProxy> {
  const proxy = await startTcpProxy(clone.url);
  open.push(proxy);
  return proxy;
}

async function timed(work: Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work;
  return performance.now() - start;
}

const change: Change = { topic: 'key', id: '1234abcd-12ab-34cd-56ef-1234567890ab' };

test('Every worker, the writer too, handles a committed change, and then it is acknowledged', async () => {
  const workers = [await startWorker(), await startWorker(), await startWorker()];
  const [writer] = workers as [Worker];
  const announcements = await announce(writer, change, { topic: 'alias', id: '1/alias/a b' });
  await writer.feed.acknowledged(announcements);
  for (const worker of workers) {
    expect(worker.changes).toEqual([change, { topic: 'alias', id: '1/alias/a b' }]);
  }
  expect(writer.events).toEqual([{ kind: 'listening' }]);
});

test('A change that was rolled back reaches nobody', async () => {
  const worker = await startWorker();
  const transaction = await worker.database.begin();
  transaction.announce({ topic: 'key', id: 'rolled back' });
  await transaction.rollback();
  await worker.feed.acknowledged(await announce(worker, change));
  expect(worker.changes).toEqual([change]);
});

test('The epoch grows with every change, before it is acknowledged', async () => {
  const worker = await startWorker();
  const before = worker.feed.epoch;
  await worker.feed.acknowledged(await announce(worker, change, change, change));
  expect(worker.feed.epoch).toBe(before + 3);
});

test('Acknowledging waits until slow handlers have finished', async () => {
  let finish: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => (finish = resolve));
  const writer = await startWorker();
  const slow = await startWorker({ onChange: () => finished });
  let done = false;
  const waiting = writer.feed
    .acknowledged(await announce(writer, change))
    .then(() => (done = true));
  await until('the slow worker has the change', () => slow.changes.length === 1);
  await writer.feed.acknowledged([]);
  expect(done).toBe(false);
  finish();
  await waiting;
  expect(writer.events).toEqual([{ kind: 'listening' }]);
});

test('A worker that dies is not waited for', async () => {
  const [writer, healthy, dying] = [
    await startWorker(),
    await startWorker(),
    await startWorker({ onChange: () => new Promise(() => undefined) }),
  ];
  const waiting = writer.feed.acknowledged(await announce(writer, change));
  await until('the dying worker has the change', () => dying.changes.length === 1);
  await dying.feed.close();
  await waiting;
  expect(healthy.changes).toEqual([change]);
  expect(writer.events).toEqual([{ kind: 'listening' }]);
});

test('A worker that was cut off has stopped trusting its caches when the bounded wait is over', async () => {
  const proxy = await proxied();
  const writer = await startWorker({ waitMs: 900 });
  const cutOff = await startWorker({ waitMs: 900, listenerUrl: proxy.url });
  proxy.freeze();
  const trusted: boolean[] = [];
  const announcements = await announce(writer, change);
  const milliseconds = await timed(
    writer.feed.acknowledged(announcements).then(() => trusted.push(cutOff.feed.trusted)),
  );
  // Beside the wait, what a machine takes that has much to do.
  expect(milliseconds).toBeLessThan(900 + 15_000);
  expect(trusted).toEqual([false]);
  expect(cutOff.changes).toEqual([]);
  expect(writer.events.at(-1)).toEqual({
    kind: 'unacknowledged',
    workers: [cutOff.database.workerId],
  });
});

test('A worker whose listener the server has ended without its knowledge is waited for while it trusts its caches', async () => {
  const proxy = await proxied();
  const writer = await startWorker({ waitMs: 900 });
  const unaware = await startWorker({ waitMs: 900, listenerUrl: proxy.url });
  proxy.freeze();
  await killListener(unaware);
  const trusted: boolean[] = [];
  const announcements = await announce(writer, change);
  await writer.feed.acknowledged(announcements).then(() => trusted.push(unaware.feed.trusted));
  expect(trusted).toEqual([false]);
  expect(unaware.changes).toEqual([]);
  expect(writer.events.at(-1)).toEqual({
    kind: 'unacknowledged',
    workers: [unaware.database.workerId],
  });
});

test('A half-open listener is found out and replaced, and everything is dropped before it is trusted again', async () => {
  const proxy = await proxied();
  const worker = await startWorker({ waitMs: 900, listenerUrl: proxy.url });
  const epoch = worker.feed.epoch;
  proxy.freeze();
  await until('the feed is not trusted', () => !worker.feed.trusted);
  await until('the loss is reported', () => worker.events.length === 2);
  expect(worker.events[1]).toMatchObject({ kind: 'lost', error: { code: 'timeout' } });
  const resets = worker.resets();
  proxy.thaw();
  await worker.feed.listening();
  expect(worker.resets()).toBe(resets + 1);
  expect(worker.feed.epoch).toBeGreaterThan(epoch);
});

test('A listener that the server ends is not trusted until it listens again and has dropped everything', async () => {
  const worker = await startWorker();
  const seen: boolean[] = [];
  worker.feed.onReset(() => void seen.push(worker.feed.trusted));
  const epoch = worker.feed.epoch;
  await killListener(worker);
  await until('the loss is reported', () => worker.events.some(({ kind }) => kind === 'lost'));
  expect(worker.feed.trusted).toBe(false);
  await worker.feed.listening();
  expect(seen).toEqual([false]);
  expect(worker.resets()).toBe(2);
  expect(worker.feed.epoch).toBe(epoch + 1);
  expect(worker.events.map(({ kind }) => kind)).toEqual(['listening', 'lost', 'listening']);
  await worker.feed.acknowledged(await announce(worker, change));
  expect(worker.changes).toEqual([change]);
});

test('A worker that starts while others wait for acknowledgements does not hold them up', async () => {
  let finish: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => (finish = resolve));
  const writer = await startWorker({ onChange: () => finished });
  const waiting = writer.feed.acknowledged(await announce(writer, change));
  await startWorker();
  finish();
  await waiting;
  expect(writer.events).toEqual([{ kind: 'listening' }]);
});

test('A worker that lost its listener and listens again counts as having acknowledged', async () => {
  const writer = await startWorker();
  const worker = await startWorker({ onChange: () => new Promise(() => undefined) });
  const waiting = writer.feed.acknowledged(await announce(writer, change));
  await until('the change is there', () => worker.changes.length === 1);
  await killListener(worker);
  await waiting;
  expect(writer.events).toEqual([{ kind: 'listening' }]);
});

test('A handler that throws is not acknowledged: the worker drops everything instead', async () => {
  const writer = await startWorker();
  let failing = true;
  const worker = await startWorker({
    onChange: () => {
      if (failing) throw new Error('no token');
    },
  });
  await writer.feed.acknowledged(await announce(writer, change));
  failing = false;
  await until('the worker starts again', () => worker.resets() === 2);
  await worker.feed.listening();
  expect(worker.events.map(({ kind }) => kind)).toEqual([
    'listening',
    'handler-failed',
    'lost',
    'listening',
  ]);
});

test('A worker whose handler hangs stops trusting its caches before the bounded wait is over', async () => {
  const writer = await startWorker({ waitMs: 900 });
  const hanging = await startWorker({ waitMs: 900, onChange: () => new Promise(() => undefined) });
  await writer.feed.acknowledged(await announce(writer, change));
  expect(hanging.feed.trusted).toBe(false);
  expect(writer.events.at(-1)).toEqual({
    kind: 'unacknowledged',
    workers: [hanging.database.workerId],
  });
});

test('A notification that is no announcement makes a worker drop everything', async () => {
  const worker = await startWorker();
  await administer(clone.url, `select pg_notify('claviger_change', 'nonsense')`);
  await until('everything was dropped', () => worker.resets() === 2);
  expect(worker.events[1]).toMatchObject({
    kind: 'handler-failed',
    error: { message: 'An announcement could not be read' },
  });
});

test('A hundred changes at once from each of three workers are all acknowledged', async () => {
  const workers = [await startWorker(), await startWorker(), await startWorker()];
  const many = Array.from({ length: 100 }, (_, index): Change => ({
    topic: 'key',
    id: `${index}`,
  }));
  await Promise.all(
    workers.map(async (worker) => worker.feed.acknowledged(await announce(worker, ...many))),
  );
  for (const worker of workers) {
    expect(worker.changes).toHaveLength(300);
    expect(worker.events).toEqual([{ kind: 'listening' }]);
  }
});

test('A feed that is closed while it connects to a server that gives no answer ends', async () => {
  const proxy = await startTcpProxy(clone.url);
  proxy.freeze();
  const timeouts = { poolSize: 1, statementTimeoutMs: 5000, connectTimeoutMs: 2000 };
  const database = openDatabase({ url: clone.url, ...timeouts });
  const feed = openChangeFeed({
    ...{ url: proxy.url, database, waitMs: 3000, connectTimeoutMs: 60_000 },
  });
  await feed.close();
  expect(feed.trusted).toBe(false);
  await database.close();
  await proxy.close();
});
