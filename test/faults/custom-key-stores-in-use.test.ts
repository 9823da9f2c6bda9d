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
import { type Answer, ask, count, startLoad } from '../support/load';
import { until } from '../support/until';
import { reset, rightly } from '../support/xks-proxy';

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

/** How each type is lost and found, and what is said meanwhile. */
const losses = {
  AWS_CLOUDHSM: {
    lose: () => stage.tokens[0].moveAway(),
    find: () => stage.tokens[0].restore(),
    message: /^KMS cannot communicate with your CloudHSM cluster$/,
  },
  EXTERNAL_KEY_STORE: {
    lose: () => {
      stage.proxy.behave(() => reset);
      return Promise.resolve();
    },
    find: () => {
      stage.proxy.behave(rightly);
      return Promise.resolve();
    },
    message: /^AWS KMS cannot communicate with the external key store proxy\. /,
  },
} as const satisfies Record<keyof typeof kinds, object>;

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

    test('is of use again when what was lost is found, without anybody’s doing', async () => {
      const { CustomKeyStoreId, key } = store;
      const encrypt = (kms: KMSClient) =>
        ask(() => kms.send(new EncryptCommand({ KeyId: key.id, Plaintext: Buffer.from('a') })));
      const clients = [stage.kms, second.client()];
      const { lose, find, message } = losses[type];
      await lose();
      await until('every daemon says what it cannot reach', async () => {
        const answers = await Promise.all(clients.map(encrypt));
        return answers.every((answer) => message.test(answer.message));
      });
      // Nobody has disconnected it.
      expect(await stage.describe(CustomKeyStoreId)).toMatchObject({
        ConnectionState: 'CONNECTED',
      });
      const { KeyMetadata } = await stage.kms.send(new DescribeKeyCommand({ KeyId: key.id }));
      expect(KeyMetadata).toMatchObject({ KeyState: 'Enabled' });
      await find();
      // Every worker: connections are not shared.
      const load = encrypting(key.id);
      await load.served(40);
      await until('nothing is refused any more', () =>
        load.answers.slice(-20).every(({ outcome }) => outcome === 'ok'),
      );
      await load.stop();
      const allowed = ['ok', 'KMSInvalidStateException'];
      const outcomes = Object.keys(load.counts());
      expect(outcomes.filter((outcome) => !allowed.includes(outcome))).toEqual([]);
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
