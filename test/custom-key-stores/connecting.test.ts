import { StoreConnecting } from '../../src/custom-key-stores/connecting';
import { ConnectionFault } from '../../src/custom-key-stores/connections';
import type { CustomKeyStore } from '../../src/custom-key-stores/store';
import { findStore, setConnection } from '../../src/custom-key-stores/stores';
import { type ChangeFeed, type Database, DatabaseError } from '../../src/db';
import { connectKeyStore } from '../../src/jobs/connect-key-store';
import { type JobEvent, JobTimer } from '../../src/jobs/timer';
import { type Vault, openVault } from '../support/access-keys';
import { accountId } from '../support/sample-keys';
import {
  type StandInConnectors,
  makeStore,
  standInConnectors,
  storeSecrets,
} from '../support/store-connections';
import { until } from '../support/until';

let vault: Vault;
beforeAll(async () => {
  vault = await openVault();
  await vault.issue(accountId, false);
});
afterAll(() => vault.remove());

/** A worker's, which keeps its connections in `kept`. */
function worker({ database = vault.database, longestMs = 60_000 } = {}) {
  const connectors = standInConnectors();
  const kept = new Set<unknown>();
  const failures: unknown[] = [];
  const changes: Pick<ChangeFeed, 'acknowledged'> = { acknowledged: () => Promise.resolve() };
  const connecting = new StoreConnecting({
    ...{ database, changes, connectors, secrets: storeSecrets(vault), longestMs, closeMs: 60_000 },
    connections: {
      keep: (connection) => void kept.add(connection),
      drop: (connection) => Promise.resolve(kept.delete(connection)),
    },
    onFailed: (_, error) => void failures.push(error),
  });
  return { connecting, connectors, kept, failures };
}

const now = async ({ id }: CustomKeyStore) => {
  const store = await findStore(vault.database, id);
  return [store?.connectionState, store?.connectionErrorCode];
};

/** Stops whatever is opened until it is told to go on. */
function gate(connectors: StandInConnectors): { begun: Promise<void>; open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  const begun = new Promise<void>((resolve) => {
    connectors.before = () => {
      resolve();
      return opened;
    };
  });
  return { begun, open };
}

describe('A store that is CONNECTING', () => {
  test('becomes CONNECTED, and its connection is kept', async () => {
    const store = await makeStore(vault, { state: 'CONNECTING' });
    const { connecting, connectors, kept } = worker();
    expect(await connecting.run(store.id)).toBe(true);
    expect(await now(store)).toEqual(['CONNECTED', undefined]);
    expect(kept.size).toBe(1);
    expect(connectors.opened).toMatchObject([{ closed: false }]);
    expect(await connecting.run(store.id)).toBe(false);
    expect(connectors.opened).toHaveLength(1);
  });

  test.each([
    ['NETWORK_ERRORS', new ConnectionFault('NETWORK_ERRORS', 'a test')],
    ['INTERNAL_ERROR', new Error('a test')],
  ])('becomes FAILED with %s', async (code, error) => {
    const store = await makeStore(vault, { state: 'CONNECTING' });
    const { connecting, connectors, kept, failures } = worker();
    connectors.before = () => Promise.reject(error);
    expect(await connecting.run(store.id)).toBe(true);
    expect(await now(store)).toEqual(['FAILED', code]);
    expect([kept.size, failures]).toEqual([0, [error]]);
  });

  test('becomes FAILED when there is no answer in time, and what comes late is closed', async () => {
    const store = await makeStore(vault, { state: 'CONNECTING' });
    const { connecting, connectors, kept } = worker({ longestMs: 1 });
    const { open } = gate(connectors);
    expect(await connecting.run(store.id)).toBe(true);
    expect(await now(store)).toEqual(['FAILED', 'NETWORK_ERRORS']);
    open();
    await until('what came late is closed', () => connectors.opened[0]?.closed === true);
    expect(kept.size).toBe(0);
  });

  test('stays so while our own token or database is away, and is tried again', async () => {
    const store = await makeStore(vault, { state: 'CONNECTING' });
    const { connecting, connectors } = worker();
    connectors.before = () => Promise.reject(new DatabaseError('unavailable', 'a test'));
    await expect(connecting.run(store.id)).rejects.toMatchObject({ code: 'unavailable' });
    expect(await now(store)).toEqual(['CONNECTING', undefined]);
    connectors.before = () => undefined;
    expect(await connecting.run(store.id)).toBe(true);
    expect(await now(store)).toEqual(['CONNECTED', undefined]);
  });

  test('and is disconnected meanwhile stays DISCONNECTED', async () => {
    const store = await makeStore(vault, { state: 'CONNECTING' });
    const { connecting, connectors, kept } = worker();
    const { begun, open } = gate(connectors);
    const running = connecting.run(store.id);
    await begun;
    await setConnection(vault.database, store.id, { state: 'DISCONNECTED' });
    open();
    await running;
    expect(await now(store)).toEqual(['DISCONNECTED', undefined]);
    expect(kept.size).toBe(0);
    await until('it is closed', () => connectors.opened[0]?.closed === true);
  });

  test('is connected by one of two workers that are at it', async () => {
    const store = await makeStore(vault, { state: 'CONNECTING' });
    const workers = [worker(), worker()];
    const gates = workers.map(({ connectors }) => gate(connectors));
    const running = workers.map(({ connecting }) => connecting.run(store.id));
    await Promise.all(gates.map(({ begun }) => begun));
    for (const { open } of gates) open();
    await Promise.all(running);
    expect(await now(store)).toEqual(['CONNECTED', undefined]);
    expect(workers.map(({ kept }) => kept.size).sort()).toEqual([0, 1]);
    const opened = workers.flatMap(({ connectors }) => connectors.opened);
    await until('one is closed', () => opened.filter(({ closed }) => closed).length === 1);
  });

  test('keeps no connection when the commit fails', async () => {
    const store = await makeStore(vault, { state: 'CONNECTING' });
    const { connecting, connectors, kept } = worker({ database: refusingCommits(vault.database) });
    await expect(connecting.run(store.id)).rejects.toMatchObject({ code: 'failed' });
    expect(kept.size).toBe(0);
    expect(connectors.opened).toHaveLength(1);
    expect(await now(store)).toEqual(['CONNECTING', undefined]);
  });

  test('is taken up by the timed work of another worker', async () => {
    const store = await makeStore(vault, { state: 'CONNECTING' });
    const { connecting } = worker();
    const events: JobEvent[] = [];
    const timer = new JobTimer({
      db: vault.database,
      jobs: [connectKeyStore(connecting)],
      intervalMs: 60_000,
      clockOffsetSeconds: 60,
      onEvent: (event) => void events.push(event),
    });
    await timer.look();
    await timer.close();
    expect(await now(store)).toEqual(['CONNECTED', undefined]);
    expect(events).toContainEqual({ kind: 'done', job: 'connect-key-store', subject: store.id });
  });
});

function refusingCommits(database: Database): Database {
  return {
    ...bound(database),
    begin: async () => {
      const transaction = await database.begin();
      transaction.commit = () => Promise.reject(new DatabaseError('failed', 'a test'));
      return transaction;
    },
  };
}

/** Its methods, which are its prototype's. */
function bound(database: Database): Database {
  return {
    workerId: database.workerId,
    apart: database.apart,
    begin: () => database.begin(),
    query: (statement) => database.query(statement),
    execute: (statement) => database.execute(statement),
    check: () => database.check(),
    close: () => database.close(),
  };
}
