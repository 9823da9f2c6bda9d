import {
  ConnectCustomKeyStoreCommand,
  DescribeKeyCommand,
  DisconnectCustomKeyStoreCommand,
  EncryptCommand,
  type KMSClient,
  ScheduleKeyDeletionCommand,
  UpdateCustomKeyStoreCommand,
} from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type KeyStoreStage, openKeyStoreStage } from '../support/key-stores';
import { createKey } from '../support/kms';
import { type Answer, count, startLoad } from '../support/load';
import { until } from '../support/until';
import { rightly } from '../support/xks-proxy';

jest.setTimeout(180_000);

/** Keys of custom key stores, used on two daemons while somebody changes the stores. */
let stage: KeyStoreStage;
let second: TestDaemon;
beforeAll(async () => {
  stage = await openKeyStoreStage({ workers: 2 });
  const { CLAVIGER_KEY_STORES_FILE } = stage.daemon.environment;
  second = await startDaemon({ beside: stage.daemon, environment: { CLAVIGER_KEY_STORES_FILE } });
});
afterAll(async () => {
  await second.remove();
  await stage.remove();
});
afterEach(() => stage.proxy.behave(rightly));

const connected = async (CustomKeyStoreId: string): Promise<void> => {
  await stage.kms.send(new ConnectCustomKeyStoreCommand({ CustomKeyStoreId }));
  await stage.isIn(CustomKeyStoreId, 'CONNECTED');
};
const disconnect = (CustomKeyStoreId: string) =>
  stage.kms.send(new DisconnectCustomKeyStoreCommand({ CustomKeyStoreId }));

/** A key of a store of each type. */
const kinds = {
  AWS_CLOUDHSM: async () => {
    const CustomKeyStoreId = await stage.create(stage.cloudHsm());
    await connected(CustomKeyStoreId);
    const key = await createKey(stage.kms, { Origin: 'AWS_CLOUDHSM', CustomKeyStoreId });
    return { CustomKeyStoreId, key };
  },
  EXTERNAL_KEY_STORE: async () => {
    const CustomKeyStoreId = await stage.create(stage.external());
    await connected(CustomKeyStoreId);
    const XksKeyId = 'the-key';
    const Origin = 'EXTERNAL_KEY_STORE';
    return {
      CustomKeyStoreId,
      key: await createKey(stage.kms, { Origin, CustomKeyStoreId, XksKeyId }),
    };
  },
} as const;

const encrypting = (KeyId: string) => {
  const clients: readonly KMSClient[] = [stage.kms, second.client()];
  return startLoad((line) => {
    const kms = clients[line % 2] ?? stage.kms;
    return kms.send(new EncryptCommand({ KeyId, Plaintext: Buffer.from('a') }));
  });
};
const after = (answers: readonly Answer[], moment: number) =>
  count(answers.filter(({ sentAt }) => sentAt > moment));

describe.each(Object.keys(kinds) as (keyof typeof kinds)[])(
  'A key of a store of type %s',
  (type) => {
    let store: Awaited<ReturnType<(typeof kinds)[typeof type]>>;
    beforeAll(async () => {
      store = await kinds[type]();
    });

    test('is of no use on any worker once Disconnect has answered, and of use again once the store is connected', async () => {
      const { CustomKeyStoreId, key } = store;
      const load = encrypting(key.id);
      await load.served(20);
      await disconnect(CustomKeyStoreId);
      const disconnectedAt = performance.now();
      const { answers } = load;
      await until(
        'more was asked',
        () => answers.filter(({ sentAt }) => sentAt > disconnectedAt).length > 20,
      );
      const { KeyMetadata } = await second.client().send(new DescribeKeyCommand({ KeyId: key.id }));
      expect(KeyMetadata).toMatchObject({ KeyState: 'Unavailable', Enabled: false });
      const refused = after(answers, disconnectedAt);
      await connected(CustomKeyStoreId);
      await load.served(20);
      await load.stop();
      expect(Object.keys(refused)).toEqual(['KMSInvalidStateException']);
      // Whatever was under way was done, or told why not.
      expect(Object.keys(load.counts()).sort()).toEqual(['KMSInvalidStateException', 'ok']);
      const messages = new Set(answers.map(({ message }) => message));
      expect(messages).toContain(`${key.arn} is unavailable.`);
    });

    test('is used all the time while its store gets another name', async () => {
      const { CustomKeyStoreId, key } = store;
      const load = encrypting(key.id);
      await load.served(20);
      const NewCustomKeyStoreName = `another of ${type}`;
      await stage.kms.send(
        new UpdateCustomKeyStoreCommand({ CustomKeyStoreId, NewCustomKeyStoreName }),
      );
      await load.served(20);
      await load.stop();
      expect(Object.keys(load.counts())).toEqual(['ok']);
    });

    test('that is to be deleted stays so while its store is disconnected', async () => {
      const { CustomKeyStoreId, key } = store;
      await stage.kms.send(new ScheduleKeyDeletionCommand({ KeyId: key.id }));
      await disconnect(CustomKeyStoreId);
      const { KeyMetadata } = await stage.kms.send(new DescribeKeyCommand({ KeyId: key.id }));
      expect(KeyMetadata).toMatchObject({ KeyState: 'PendingDeletion' });
    });
  },
);
