import {
  ConnectCustomKeyStoreCommand,
  CreateCustomKeyStoreCommand,
  type CreateCustomKeyStoreCommandInput,
  DeleteCustomKeyStoreCommand,
  DescribeCustomKeyStoresCommand,
  DisconnectCustomKeyStoreCommand,
  type KMSClient,
  UpdateCustomKeyStoreCommand,
} from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type KeyStoreStage, clusterIds, openKeyStoreStage } from '../support/key-stores';
import { clientOf, otherAccount } from '../support/kms';
import { ask, count } from '../support/load';
import { administer } from '../support/postgres';
import { killAll } from '../support/processes';
import { until } from '../support/until';
import { hang, rightly } from '../support/xks-proxy';

jest.setTimeout(180_000);

describe('Two daemons on one database', () => {
  let stage: KeyStoreStage;
  let second: TestDaemon;
  beforeAll(async () => {
    stage = await openKeyStoreStage({ workers: 2 });
    const { CLAVIGER_KEY_STORES_FILE } = stage.daemon.environment;
    second = await startDaemon({
      beside: stage.daemon,
      environment: { CLAVIGER_KEY_STORES_FILE },
    });
  });
  afterAll(async () => {
    await second.remove();
    await stage.remove();
  });

  const clients = (): readonly KMSClient[] => [stage.kms, second.client()];
  /** What both daemons answer to as many requests at once. */
  const outcomes = async (
    inputs: readonly CreateCustomKeyStoreCommandInput[],
    by: readonly KMSClient[] = clients(),
  ): Promise<Record<string, number>> =>
    count(
      await Promise.all(
        inputs.map((input, i) =>
          ask(async () => {
            const kms = by[i % by.length] ?? stage.kms;
            return kms.send(new CreateCustomKeyStoreCommand(input));
          }),
        ),
      ),
    );
  const stores = async () =>
    (await stage.kms.send(new DescribeCustomKeyStoresCommand({}))).CustomKeyStores ?? [];
  const clear = async (): Promise<void> => {
    for (const { CustomKeyStoreId } of await stores()) {
      const disconnecting = new DisconnectCustomKeyStoreCommand({ CustomKeyStoreId });
      await stage.kms.send(disconnecting).catch(() => undefined);
      await stage.kms.send(new DeleteCustomKeyStoreCommand({ CustomKeyStoreId }));
    }
  };
  afterEach(clear);

  /** Not asked after before it is connected. */
  const behindVpc = (n: number, different: object = {}): CreateCustomKeyStoreCommandInput =>
    stage.external({
      XksProxyConnectivity: 'VPC_ENDPOINT_SERVICE',
      XksProxyUriEndpoint: `https://private${n}.example`,
      XksProxyVpcEndpointServiceName: `com.amazonaws.vpce.us-east-1.vpce-svc-${n}`,
      ...different,
    });
  const many = <T>(n: number, make: (i: number) => T): T[] =>
    Array.from({ length: n }, (_, i) => make(i));

  test('make ten stores of an account, and never one more', async () => {
    expect(await outcomes(many(16, (i) => behindVpc(i)))).toEqual({
      ok: 10,
      LimitExceededException: 6,
    });
    expect(await stores()).toHaveLength(10);
  });

  test.each([
    [
      'CustomKeyStoreNameInUseException',
      () => many(6, (i) => behindVpc(i, { CustomKeyStoreName: 'a' })),
    ],
    ['XksProxyUriInUseException', () => many(6, () => stage.external())],
    [
      'XksProxyUriEndpointInUseException',
      () =>
        many(6, (i) =>
          behindVpc(i, {
            XksProxyUriEndpoint: 'https://one.example',
            XksProxyUriPath: `/p${i}/kms/xks/v1`,
          }),
        ),
    ],
    [
      'XksProxyVpcEndpointServiceInUseException',
      () =>
        many(6, (i) =>
          behindVpc(i, {
            XksProxyVpcEndpointServiceName: 'com.amazonaws.vpce.us-east-1.vpce-svc-one',
          }),
        ),
    ],
    ['CloudHsmClusterInUseException', () => many(6, () => stage.cloudHsm())],
  ])('make one of the stores that cannot be there together: %s', async (code, inputs) => {
    expect(await outcomes(inputs())).toEqual({ ok: 1, [code]: 5 });
  });

  test('give a cluster to a store of one account', async () => {
    const credentials = await otherAccount(stage.daemon, '444455556666');
    const other = clientOf(second, credentials);
    const answers = await outcomes(
      many(6, () => stage.cloudHsm({ CloudHsmClusterId: clusterIds[1] })),
      [stage.kms, other],
    );
    expect(answers).toEqual({ ok: 1, CloudHsmClusterInUseException: 5 });
    const { CustomKeyStores = [] } = await other.send(new DescribeCustomKeyStoresCommand({}));
    for (const { CustomKeyStoreId } of CustomKeyStores) {
      await other.send(new DeleteCustomKeyStoreCommand({ CustomKeyStoreId }));
    }
  });

  test('rename stores to one name, which one of them gets', async () => {
    const ids = await Promise.all(many(4, (i) => stage.create(behindVpc(i))));
    const answers = await Promise.all(
      ids.map((CustomKeyStoreId, i) =>
        ask(async () => {
          const kms = clients()[i % 2] ?? stage.kms;
          const NewCustomKeyStoreName = 'the one';
          return kms.send(
            new UpdateCustomKeyStoreCommand({ CustomKeyStoreId, NewCustomKeyStoreName }),
          );
        }),
      ),
    );
    expect(count(answers)).toEqual({ ok: 1, CustomKeyStoreNameInUseException: 3 });
  });

  test('connect and disconnect a store at once, which is in the end as it was last told to be', async () => {
    const id = await stage.create(stage.external());
    const answers = await Promise.all(
      many(20, (i) =>
        ask(() => {
          const kms = clients()[(i >> 1) % 2] ?? stage.kms;
          return i % 2 === 0
            ? kms.send(new ConnectCustomKeyStoreCommand({ CustomKeyStoreId: id }))
            : kms.send(new DisconnectCustomKeyStoreCommand({ CustomKeyStoreId: id }));
        }),
      ),
    );
    const { ok = 0, CustomKeyStoreInvalidStateException: refused = 0 } = count(answers);
    expect(ok + refused).toBe(20);
    const last = new DisconnectCustomKeyStoreCommand({ CustomKeyStoreId: id });
    await stage.kms.send(last).catch(() => undefined);
    expect(await stage.describe(id)).toMatchObject({ ConnectionState: 'DISCONNECTED' });
    await stage.kms.send(new ConnectCustomKeyStoreCommand({ CustomKeyStoreId: id }));
    await stage.isIn(id, 'CONNECTED');
  });
});

test('A store whose worker is killed while it connects is connected by another', async () => {
  const stage = await openKeyStoreStage();
  const { daemon, proxy } = stage;
  try {
    const CustomKeyStoreId = await stage.create(stage.external());
    proxy.behave(() => hang);
    await stage.kms.send(new ConnectCustomKeyStoreCommand({ CustomKeyStoreId }));
    await until('the proxy is asked', () => proxy.requests.length === 2);
    expect(await stage.describe(CustomKeyStoreId)).toMatchObject({ ConnectionState: 'CONNECTING' });
    await killAll(daemon.process);
    proxy.behave(rightly);
    // Others leave it to the first for a while.
    await administer(daemon.databaseUrl, 'update custom_key_store set connect_at = now()');
    const { CLAVIGER_KEY_STORES_FILE } = daemon.environment;
    const second = await startDaemon({
      beside: daemon,
      environment: { CLAVIGER_KEY_STORES_FILE, CLAVIGER_JOB_INTERVAL_MS: '100' },
    });
    try {
      const asking = new DescribeCustomKeyStoresCommand({ CustomKeyStoreId });
      await until('another has connected it', async () => {
        const { CustomKeyStores = [] } = await second.client().send(asking);
        return CustomKeyStores[0]?.ConnectionState === 'CONNECTED';
      });
      // Those who are gone have leases that a change waits for, but not for ever.
      const disconnecting = new DisconnectCustomKeyStoreCommand({ CustomKeyStoreId });
      await second.client().send(disconnecting);
    } finally {
      await second.remove();
    }
  } finally {
    await stage.remove();
  }
});
