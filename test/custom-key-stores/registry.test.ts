import { Secret } from '../../src/auth/secret';
import { Backoff } from '../../src/custom-key-stores/backoff';
import { ConnectionFault } from '../../src/custom-key-stores/connections';
import { OpenConnections } from '../../src/custom-key-stores/registry';
import type { CustomKeyStore } from '../../src/custom-key-stores/store';
import { saveStore, setConnection } from '../../src/custom-key-stores/stores';
import { type Vault, openVault } from '../support/access-keys';
import { refusalOf } from '../support/refusal';
import { accountId } from '../support/sample-keys';
import {
  type StandInConnectors,
  type StandInFeed,
  makeStore,
  standInConnectors,
  standInFeed,
  storePassword,
  storeSecrets,
} from '../support/store-connections';
import { until } from '../support/until';

let vault: Vault;
beforeAll(async () => {
  vault = await openVault();
  await vault.issue(accountId, false);
});
afterAll(() => vault.remove());

let feed: StandInFeed;
let connectors: StandInConnectors;
let connections: OpenConnections;
let store: CustomKeyStore;
let clock: number;
beforeEach(async () => {
  store = await makeStore(vault);
  clock = 0;
  open({});
});
afterEach(() => connections.close());

function open(different: { drainMs?: number; waitMs?: number; capacity?: number }): void {
  feed = standInFeed();
  connectors = standInConnectors();
  connections = new OpenConnections({
    ...{ db: vault.database, feed, connectors, secrets: storeSecrets(vault) },
    backoff: new Backoff({ firstMs: 100, longestMs: 1000, now: () => clock }),
    ...{ drainMs: 60_000, waitMs: 60_000, capacity: 10, onFailed: () => undefined, ...different },
  });
}

const token = async (id = store.id): Promise<unknown> => connections.token(id);
const setState = (state: CustomKeyStore['connectionState'], id = store.id) =>
  setConnection(vault.database, id, { state });
const unreachable = {
  code: 'KMSInvalidStateException',
  message: 'KMS cannot communicate with your CloudHSM cluster',
};
const fail =
  (code: ConstructorParameters<typeof ConnectionFault>[0]): (() => never) =>
  () => {
    throw new ConnectionFault(code, 'a test');
  };

describe('A connection to a custom key store', () => {
  test('is opened by who first asks for it, with the password, and given to all who come', async () => {
    const [one, other] = await Promise.all([token(), token()]);
    expect(one).toBe(other);
    // At once, once it is open.
    expect(connections.token(store.id)).toBe(one);
    expect(connectors.opened).toMatchObject([{ password: storePassword, closed: false }]);
    expect(connections.openTokens()).toEqual([one]);
  });

  test.each(['DISCONNECTED', 'CONNECTING', 'DISCONNECTING'] as const)(
    'is not opened while the store is %s',
    async (state) => {
      await setState(state);
      expect(await refusalOf(() => token())).toEqual(unreachable);
      expect(connectors.opened).toEqual([]);
    },
  );

  test('is closed by the change that disconnects the store, after the calls in flight', async () => {
    await token();
    let end = (): void => undefined;
    const [opened] = connectors.opened;
    if (opened === undefined) throw new Error('nothing was opened');
    opened.inFlight = new Promise((resolve) => (end = resolve));
    await setState('DISCONNECTED');
    let acknowledged = false;
    const changing = feed.change(store.id).then(() => (acknowledged = true));
    expect(await refusalOf(() => token())).toEqual(unreachable);
    expect({ acknowledged, closed: opened.closed }).toEqual({ acknowledged: false, closed: false });
    end();
    await changing;
    expect(opened.closed).toBe(true);
    expect(connections.openTokens()).toEqual([]);
  });

  test('does not hold the change up for longer than it may', async () => {
    await connections.close();
    open({ drainMs: 1 });
    await token();
    const [opened] = connectors.opened;
    if (opened === undefined) throw new Error('nothing was opened');
    let end = (): void => undefined;
    opened.inFlight = new Promise((resolve) => (end = resolve));
    await setState('DISCONNECTED');
    await feed.change(store.id);
    expect(opened.closed).toBe(false);
    expect(await refusalOf(() => token())).toEqual(unreachable);
    end();
    await connections.close();
    expect(opened.closed).toBe(true);
  });

  test('stays when the store has another name, and is replaced when it is connected otherwise', async () => {
    const before = await token();
    await saveStore(vault.database, { ...store, name: 'another' });
    await feed.change(store.id);
    expect(connections.token(store.id)).toBe(before);
    const sealedSecret = await storeSecrets(vault).seal(new Secret('another PIN'), store.id);
    await saveStore(vault.database, { ...store, sealedSecret });
    await feed.change(store.id);
    expect(await token()).not.toBe(before);
    expect(connectors.opened).toMatchObject([
      { closed: true },
      { password: 'another PIN', closed: false },
    ]);
  });

  test('is given to nobody when the store is disconnected while it is opened', async () => {
    let go = (): void => undefined;
    const waiting = new Promise<void>((resolve) => (go = resolve));
    const begun = new Promise<void>((resolve) => {
      connectors.before = () => {
        resolve();
        return waiting;
      };
    });
    const asking = refusalOf(() => token());
    await begun;
    await setState('DISCONNECTED');
    await feed.change(store.id);
    go();
    expect(await asking).toEqual(unreachable);
    await connections.close();
    expect(connectors.opened).toMatchObject([{ closed: true }]);
  });

  test('is asked about while the feed is not trusted, and looked at anew when it is', async () => {
    const before = await token();
    feed.trusted = false;
    expect(await token()).toBe(before);
    await setState('DISCONNECTED');
    expect(await refusalOf(() => token())).toEqual(unreachable);
    await feed.reset();
    expect(connectors.opened).toMatchObject([{ closed: true }]);
    feed.trusted = true;
    expect(await refusalOf(() => token())).toEqual(unreachable);
  });

  test('is opened anew when its token is over', async () => {
    const before = await token();
    const [opened] = connectors.opened;
    if (opened !== undefined) opened.state = 'recovering';
    expect(connections.token(store.id)).toBe(before);
    if (opened !== undefined) opened.state = 'failed';
    expect(await token()).not.toBe(before);
    expect(connectors.opened).toMatchObject([{ closed: true }, { closed: false }]);
  });

  test('that takes long to open is waited for no longer than a caller may, and is there for others', async () => {
    await connections.close();
    open({ waitMs: 1 });
    let go = (): void => undefined;
    const waiting = new Promise<void>((resolve) => (go = resolve));
    connectors.before = () => waiting;
    expect(await refusalOf(() => token())).toEqual(unreachable);
    go();
    await until('it is open', () => connections.openTokens().length === 1);
    expect(connectors.opened).toHaveLength(1);
    await token();
  });

  test('that was opened first goes when there are too many', async () => {
    await connections.close();
    open({ capacity: 1 });
    await token();
    await token((await makeStore(vault)).id);
    expect(connectors.opened).toMatchObject([{ closed: true }, { closed: false }]);
  });
});

describe('A custom key store that cannot be reached', () => {
  test('is tried again after a pause, which grows', async () => {
    let tries = 0;
    connectors.before = () => {
      tries += 1;
      fail('NETWORK_ERRORS')();
    };
    const seen: number[] = [];
    for (const at of [0, 99, 100, 299, 300]) {
      clock = at;
      expect(await refusalOf(() => token())).toEqual(unreachable);
      seen.push(tries);
    }
    expect(seen).toEqual([1, 1, 2, 2, 3]);
    connectors.before = () => undefined;
    clock = 699;
    expect(await refusalOf(() => token())).toEqual(unreachable);
    clock = 700;
    await token();
    expect(connectors.opened).toHaveLength(1);
  });

  test('because its password is wrong is not tried again before it is changed', async () => {
    connectors.before = fail('INVALID_CREDENTIALS');
    expect(await refusalOf(() => token())).toEqual(unreachable);
    connectors.before = () => undefined;
    clock = 1e9;
    expect(await refusalOf(() => token())).toEqual(unreachable);
    expect(connectors.opened).toEqual([]);
    await feed.change(store.id);
    await token();
    expect(connectors.opened).toHaveLength(1);
  });

  test('and has a proxy is told of as such', async () => {
    const external = await makeStore(vault, {
      of: {
        type: 'EXTERNAL_KEY_STORE',
        connectivity: 'PUBLIC_ENDPOINT',
        uriEndpoint: 'https://proxy.example',
        uriPath: '/kms/xks/v1',
        accessKeyId: 'ABCDEFGHIJKLMNOPQRST',
        vpcEndpointServiceName: undefined,
        vpcEndpointServiceOwner: undefined,
      },
    });
    await setState('DISCONNECTED', external.id);
    expect(await refusalOf(() => connections.client(external.id) as Promise<unknown>)).toEqual({
      code: 'KMSInvalidStateException',
      message:
        'AWS KMS cannot communicate with the external key store proxy. Verify that your external key store proxy is active and is connected to the network, and that its URI path and endpoint URI or VPC service name are correct in your external key store.',
    });
  });
});
