import {
  ConnectCustomKeyStoreCommand,
  CreateCustomKeyStoreCommand,
  DeleteCustomKeyStoreCommand,
  DescribeCustomKeyStoresCommand,
  DisconnectCustomKeyStoreCommand,
  type KMSClient,
  UpdateCustomKeyStoreCommand,
} from '@aws-sdk/client-kms';
import { type KeyStoreStage, clusterIds, openKeyStoreStage } from '../support/key-stores';
import { clientOf, otherAccount, sdkRefusal } from '../support/kms';
import { administer } from '../support/postgres';
import { badRequest, call, refusal } from '../support/wire';

/** Custom key stores of type AWS_CLOUDHSM: a further token of the file of key stores. */
let stage: KeyStoreStage;
let kms: KMSClient;
beforeAll(async () => {
  stage = await openKeyStoreStage();
  kms = stage.kms;
});
afterAll(() => stage.remove());

const connect = (CustomKeyStoreId: string) =>
  kms.send(new ConnectCustomKeyStoreCommand({ CustomKeyStoreId }));
const disconnect = (CustomKeyStoreId: string) =>
  kms.send(new DisconnectCustomKeyStoreCommand({ CustomKeyStoreId }));
const remove = (CustomKeyStoreId: string) =>
  kms.send(new DeleteCustomKeyStoreCommand({ CustomKeyStoreId }));
const update = (CustomKeyStoreId: string, different: object) =>
  kms.send(new UpdateCustomKeyStoreCommand({ CustomKeyStoreId, ...different }));
const list = async () =>
  (await kms.send(new DescribeCustomKeyStoresCommand({}))).CustomKeyStores ?? [];
const refused = (code: string, message: string) => ({ code, message, status: 400 });
const inState = (id: string, state: string) =>
  refused(
    'CustomKeyStoreInvalidStateException',
    `The connection state of the custom key store ${id} is ${state}, which is not valid for this operation.`,
  );

/** No other test has the cluster meanwhile. */
async function withStore<T>(work: (id: string) => Promise<T>): Promise<T> {
  const id = await stage.create(stage.cloudHsm());
  try {
    return await work(id);
  } finally {
    await disconnect(id).catch(() => undefined);
    await remove(id);
  }
}

describe('A custom key store of type AWS_CLOUDHSM', () => {
  test('is made, described, connected, disconnected, changed and deleted', async () => {
    const input = stage.cloudHsm();
    const before = Date.now();
    const id = await stage.create(input);
    expect(id).toMatch(/^cks-[0-9a-f]{17}$/);
    const described = await stage.describe(id);
    expect(described).toEqual({
      CustomKeyStoreId: id,
      CustomKeyStoreName: input.CustomKeyStoreName,
      CustomKeyStoreType: 'AWS_CLOUDHSM',
      CloudHsmClusterId: clusterIds[0],
      TrustAnchorCertificate: stage.trustAnchor,
      ConnectionState: 'DISCONNECTED',
      CreationDate: expect.any(Date) as Date,
    });
    expect(Math.abs(Number(described.CreationDate) - before)).toBeLessThan(60_000);

    await connect(id);
    await stage.isIn(id, 'CONNECTED');
    // Accepted, and nothing happens.
    await connect(id);
    expect(await stage.describe(id)).toMatchObject({ ConnectionState: 'CONNECTED' });
    await update(id, { NewCustomKeyStoreName: 'renamed' });
    expect(await stage.describe(id)).toMatchObject({
      CustomKeyStoreName: 'renamed',
      ConnectionState: 'CONNECTED',
    });

    await disconnect(id);
    expect(await stage.describe(id)).toMatchObject({ ConnectionState: 'DISCONNECTED' });
    await update(id, {
      CloudHsmClusterId: clusterIds[1],
      KeyStorePassword: stage.tokens[1].pin,
    });
    await connect(id);
    await stage.isIn(id, 'CONNECTED');
    expect(await stage.describe(id)).toMatchObject({ CloudHsmClusterId: clusterIds[1] });

    await disconnect(id);
    await remove(id);
    expect(await list()).toEqual([]);
  });

  test('is FAILED with INVALID_CREDENTIALS when its password is wrong, until it was disconnected and has another', async () => {
    const id = await stage.create(stage.cloudHsm({ KeyStorePassword: 'not the PIN' }));
    await connect(id);
    await stage.isIn(id, 'FAILED');
    expect(await stage.describe(id)).toMatchObject({ ConnectionErrorCode: 'INVALID_CREDENTIALS' });
    expect(await sdkRefusal(connect(id))).toEqual(inState(id, 'FAILED'));
    const password = { KeyStorePassword: stage.tokens[0].pin };
    expect(await sdkRefusal(update(id, password))).toEqual(inState(id, 'FAILED'));
    await disconnect(id);
    expect(await stage.describe(id)).not.toHaveProperty('ConnectionErrorCode');
    await update(id, password);
    await connect(id);
    await stage.isIn(id, 'CONNECTED');
    await disconnect(id);
    await remove(id);
  });

  test('answers Connect, Disconnect, Update and Delete with an empty object', async () => {
    await withStore(async (CustomKeyStoreId) => {
      const NewCustomKeyStoreName = 'another';
      const answers = [
        await call(stage.daemon, 'UpdateCustomKeyStore', {
          CustomKeyStoreId,
          NewCustomKeyStoreName,
        }),
        await call(stage.daemon, 'ConnectCustomKeyStore', { CustomKeyStoreId }),
        await call(stage.daemon, 'DisconnectCustomKeyStore', { CustomKeyStoreId }),
      ];
      expect(answers.map(({ status, text }) => [status, text])).toEqual([
        [200, '{}'],
        [200, '{}'],
        [200, '{}'],
      ]);
    });
    const CustomKeyStoreId = await stage.create(stage.cloudHsm());
    const { status, text } = await call(stage.daemon, 'DeleteCustomKeyStore', { CustomKeyStoreId });
    expect([status, text]).toEqual([200, '{}']);
  });

  test('has an operation refused in each state in which it is none', async () => {
    await withStore(async (id) => {
      expect(await sdkRefusal(disconnect(id))).toEqual(inState(id, 'DISCONNECTED'));
      await connect(id);
      await stage.isIn(id, 'CONNECTED');
      expect(await sdkRefusal(remove(id))).toEqual(inState(id, 'CONNECTED'));
      for (const different of [
        { KeyStorePassword: stage.tokens[0].pin },
        { CloudHsmClusterId: clusterIds[1] },
      ]) {
        expect(await sdkRefusal(update(id, different))).toEqual(inState(id, 'CONNECTED'));
      }
    });
  });

  test('cannot be made of a cluster that is unknown, has another trust anchor, or has a store already', async () => {
    await withStore(async (id) => {
      const create = (different: object) =>
        sdkRefusal(kms.send(new CreateCustomKeyStoreCommand(stage.cloudHsm(different))));
      const notFound = refused(
        'CloudHsmClusterNotFoundException',
        'Cannot find the AWS CloudHSM cluster cluster-ccccccccccc.',
      );
      expect(await create({ CloudHsmClusterId: 'cluster-ccccccccccc' })).toEqual(notFound);
      const TrustAnchorCertificate = stage.otherAnchor;
      expect(await create({ CloudHsmClusterId: clusterIds[1], TrustAnchorCertificate })).toEqual(
        refused(
          'IncorrectTrustAnchorException',
          `The trust anchor certificate is not the one of the AWS CloudHSM cluster ${clusterIds[1]}.`,
        ),
      );
      expect(await create({})).toEqual(
        refused(
          'CloudHsmClusterInUseException',
          `The cluster ${clusterIds[0]} is already associated with a custom key store.`,
        ),
      );
      const { CustomKeyStoreName } = await stage.describe(id);
      expect(await create({ CustomKeyStoreName, CloudHsmClusterId: clusterIds[1] })).toEqual(
        refused(
          'CustomKeyStoreNameInUseException',
          `The custom key store name ${CustomKeyStoreName} is already in use.`,
        ),
      );
      const cluster = { CloudHsmClusterId: 'cluster-ccccccccccc' };
      expect(await sdkRefusal(update(id, cluster))).toEqual(notFound);
    });
  });

  test('cannot be deleted while it has a key, if only one that is to be deleted', async () => {
    await withStore(async (id) => {
      await administer(
        stage.daemon.databaseUrl,
        `insert into kms_key (key_id, account_id, key_spec, key_usage, origin, state, policy, custom_key_store_id, deletion_date)
         values ('00000000-1111-2222-3333-444444444444', '111122223333', 'SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT',
           'AWS_CLOUDHSM', 'PendingDeletion', '{}', '${id}', now() + interval '7 days')`,
      );
      try {
        expect(await sdkRefusal(remove(id))).toEqual(
          refused(
            'CustomKeyStoreHasCMKsException',
            `The custom key store ${id} contains KMS keys.`,
          ),
        );
      } finally {
        await administer(
          stage.daemon.databaseUrl,
          'delete from kms_key where custom_key_store_id is not null',
        );
      }
    });
  });
});

describe('A request about custom key stores', () => {
  const unknown = 'cks-1234567890abcdef0';
  const notFound = (what: string) =>
    refused('CustomKeyStoreNotFoundException', `Custom key store ${what} does not exist.`);

  test('names one that there is', async () => {
    for (const sending of [connect, disconnect, remove]) {
      expect(await sdkRefusal(sending(unknown))).toEqual(notFound(unknown));
    }
    expect(await sdkRefusal(update(unknown, { NewCustomKeyStoreName: 'a' }))).toEqual(
      notFound(unknown),
    );
    for (const [input, what] of [
      [{ CustomKeyStoreId: unknown }, unknown],
      [{ CustomKeyStoreName: 'nobody' }, 'nobody'],
      [{ CustomKeyStoreId: 'x' }, 'x'],
    ] as const) {
      const asking = kms.send(new DescribeCustomKeyStoresCommand(input));
      expect(await sdkRefusal(asking)).toEqual(notFound(what));
    }
  });

  test('names none of another account, which has its names for itself', async () => {
    const other = clientOf(stage.daemon, await otherAccount(stage.daemon, '444455556666'));
    const stores = () => other.send(new DescribeCustomKeyStoresCommand({}));
    await withStore(async (id) => {
      const sending = [
        new ConnectCustomKeyStoreCommand({ CustomKeyStoreId: id }),
        new UpdateCustomKeyStoreCommand({ CustomKeyStoreId: id, NewCustomKeyStoreName: 'theirs' }),
        new DeleteCustomKeyStoreCommand({ CustomKeyStoreId: id }),
        new DescribeCustomKeyStoresCommand({ CustomKeyStoreId: id }),
      ];
      for (const command of sending) {
        const refusal = sdkRefusal(
          (other as { send(one: unknown): Promise<unknown> }).send(command),
        );
        expect(await refusal).toEqual(notFound(id));
      }
      const { CustomKeyStoreName } = await stage.describe(id);
      const input = stage.cloudHsm({ CustomKeyStoreName });
      // A cluster is of one store, whoever's.
      expect(await sdkRefusal(other.send(new CreateCustomKeyStoreCommand(input)))).toMatchObject({
        code: 'CloudHsmClusterInUseException',
      });
      const mine = { ...input, CloudHsmClusterId: clusterIds[1] };
      const { CustomKeyStoreId } = await other.send(new CreateCustomKeyStoreCommand(mine));
      expect(await stores()).toMatchObject({ CustomKeyStores: [{ CustomKeyStoreId }] });
      await other.send(new DeleteCustomKeyStoreCommand({ CustomKeyStoreId }));
    });
    expect(await stores()).toMatchObject({ CustomKeyStores: [], Truncated: false });
  });

  test.each([
    [
      'CreateCustomKeyStore',
      { CustomKeyStoreName: 'a' },
      'CloudHsmClusterId is required for a custom key store of type AWS_CLOUDHSM.',
    ],
    [
      'CreateCustomKeyStore',
      { CustomKeyStoreName: 'a', CloudHsmClusterId: clusterIds[0], KeyStorePassword: '1234567' },
      'TrustAnchorCertificate is required for a custom key store of type AWS_CLOUDHSM.',
    ],
    [
      'CreateCustomKeyStore',
      { CustomKeyStoreName: 'a', XksProxyUriPath: '/kms/xks/v1' },
      'XksProxyUriPath is not valid for a custom key store of type AWS_CLOUDHSM.',
    ],
    [
      'CreateCustomKeyStore',
      {
        CustomKeyStoreName: 'a',
        CustomKeyStoreType: 'EXTERNAL_KEY_STORE',
        KeyStorePassword: '1234567',
      },
      'KeyStorePassword is not valid for a custom key store of type EXTERNAL_KEY_STORE.',
    ],
    [
      'CreateCustomKeyStore',
      { CustomKeyStoreName: 'a\0' },
      'CloudHsmClusterId is required for a custom key store of type AWS_CLOUDHSM.',
    ],
    [
      'CreateCustomKeyStore',
      {
        CustomKeyStoreName: 'a\0',
        CloudHsmClusterId: clusterIds[0],
        KeyStorePassword: '1234567',
        TrustAnchorCertificate: 'a',
      },
      "1 validation error detected: Value at 'customKeyStoreName' failed to satisfy constraint: Member must not contain U+0000",
    ],
    [
      'CreateCustomKeyStore',
      { CustomKeyStoreName: 'a', CloudHsmClusterId: 'cluster-1', KeyStorePassword: 'secret' },
      "3 validation errors detected: Value 'cluster-1' at 'cloudHsmClusterId' failed to satisfy constraint: Member must have length greater than or equal to 19; Value 'cluster-1' at 'cloudHsmClusterId' failed to satisfy constraint: Member must satisfy regular expression pattern: cluster-[2-7a-zA-Z]{11,16}; Value at 'keyStorePassword' failed to satisfy constraint: Member must have length greater than or equal to 7",
    ],
    [
      'DescribeCustomKeyStores',
      { CustomKeyStoreId: unknown, CustomKeyStoreName: 'a' },
      'CustomKeyStoreId and CustomKeyStoreName cannot both be specified.',
    ],
    [
      'DescribeCustomKeyStores',
      { Limit: 1001 },
      "1 validation error detected: Value '1001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 1000",
    ],
    [
      'ConnectCustomKeyStore',
      { CustomKeyStoreId: 'a\0' },
      "1 validation error detected: Value at 'customKeyStoreId' failed to satisfy constraint: Member must not contain U+0000",
    ],
    [
      'UpdateCustomKeyStore',
      { CustomKeyStoreId: unknown },
      'At least one property of the custom key store must be specified.',
    ],
  ])('%s refuses %j', async (operation, input, message) => {
    const reply = await call(stage.daemon, operation, input);
    expect(refusal(reply)).toEqual(badRequest('ValidationException', message));
  });
});

test('DescribeCustomKeyStores answers in pages, each store once', async () => {
  const made = [await stage.create(stage.cloudHsm())];
  made.push(await stage.create(stage.cloudHsm({ CloudHsmClusterId: clusterIds[1] })));
  const page = (Marker?: string) =>
    kms.send(new DescribeCustomKeyStoresCommand({ Limit: 1, Marker }));
  const first = await page();
  expect(first).toMatchObject({ Truncated: true, NextMarker: expect.any(String) as string });
  const second = await page(first.NextMarker);
  expect(second.Truncated).toBe(false);
  expect(second).not.toHaveProperty('NextMarker');
  const ids = [first, second].flatMap(({ CustomKeyStores = [] }) =>
    CustomKeyStores.map(({ CustomKeyStoreId }) => CustomKeyStoreId),
  );
  expect(ids.sort()).toEqual([...made].sort());
  expect(await sdkRefusal(page('nobody gave it out'))).toEqual(
    refused('InvalidMarkerException', ''),
  );
  for (const id of made) await remove(id);
});
