import {
  ConnectCustomKeyStoreCommand,
  CreateKeyCommand,
  type CreateKeyCommandInput,
  DisconnectCustomKeyStoreCommand,
  EncryptCommand,
  type KMSClient,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { bringForward, deletedKeys } from '../support/deletion';
import { type KeyStoreStage, openKeyStoreStage } from '../support/key-stores';
import { auditOf, createKey, sdkRefusal } from '../support/kms';
import { administer } from '../support/postgres';
import { until } from '../support/until';
import { badRequest, refused } from '../support/wire';
import { type ProxyRequest, but, rightly } from '../support/xks-proxy';

/** Keys of origin EXTERNAL_KEY_STORE under a proxy of the test's, which has one external key unless it is told otherwise. */
let stage: KeyStoreStage;
let kms: KMSClient;
let storeId: string;
beforeAll(async () => {
  stage = await openKeyStoreStage({ environment: { CLAVIGER_JOB_INTERVAL_MS: '500' } });
  kms = stage.kms;
  storeId = await stage.create(stage.external());
  await connect();
});
afterAll(() => stage.remove());
afterEach(() => stage.proxy.behave(rightly));

const connect = async (): Promise<void> => {
  await kms.send(new ConnectCustomKeyStoreCommand({ CustomKeyStoreId: storeId }));
  await stage.isIn(storeId, 'CONNECTED');
};
const under = (XksKeyId: string): CreateKeyCommandInput => ({
  ...{ Origin: 'EXTERNAL_KEY_STORE', CustomKeyStoreId: storeId, XksKeyId },
});
const keysUnder = (xksKeyId: string) =>
  administer<{ key_id: string; state: string }>(
    stage.daemon.databaseUrl,
    'select key_id, state from kms_key where xks_key_id = $1',
    [xksKeyId],
  );
const isMetadata = ({ path }: ProxyRequest): boolean => path.endsWith('/metadata');
/** The proxy says the same of every external key, whatever it is called. */
const sayOfAll = (different: object): void =>
  stage.proxy.behave((request, right) =>
    isMetadata(request)
      ? but(
          { status: 200, body: {} },
          {
            ...{ keySpec: 'AES_256', keyUsage: ['ENCRYPT', 'DECRYPT'], keyStatus: 'ENABLED' },
            ...different,
          },
        )
      : right(),
  );
const invalidConfiguration = (message: string) =>
  badRequest('XksKeyInvalidConfigurationException', message);

describe('CreateKey with Origin EXTERNAL_KEY_STORE', () => {
  test('makes a key with material of our own, under an external key that it asked for', async () => {
    const before = stage.proxy.requests.length;
    const answer = await kms.send(new CreateKeyCommand(under('the-key')));
    const { KeyId: id = '' } = answer.KeyMetadata ?? {};
    expect(answer.KeyMetadata).toEqual({
      AWSAccountId: stage.daemon.accountId,
      KeyId: expect.any(String) as string,
      Arn: expect.any(String) as string,
      CreationDate: expect.any(Date) as Date,
      CustomKeyStoreId: storeId,
      CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT',
      Description: '',
      Enabled: true,
      EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
      KeyManager: 'CUSTOMER',
      KeySpec: 'SYMMETRIC_DEFAULT',
      KeyState: 'Enabled',
      KeyUsage: 'ENCRYPT_DECRYPT',
      MultiRegion: false,
      Origin: 'EXTERNAL_KEY_STORE',
      XksKeyConfiguration: { Id: 'the-key' },
    });
    const requestId = answer.$metadata.requestId ?? '';
    const asked = stage.proxy.requests.slice(before).filter(isMetadata);
    expect(asked.map(({ path, body }) => [path, body])).toEqual([
      [
        '/kms/xks/v1/keys/the-key/metadata',
        {
          requestMetadata: {
            ...{ kmsRequestId: requestId, kmsOperation: 'CreateKey' },
            awsPrincipalArn: `arn:aws:iam::${stage.daemon.accountId}:root`,
          },
        },
      ],
    ]);
    const [material] = await administer(
      stage.daemon.databaseUrl,
      'select token_serial from key_material where key_id = $1',
      [id],
    );
    expect(material).toEqual({ token_serial: stage.daemon.token.serial });
    expect(await auditOf(stage.daemon, requestId)).toMatchObject({
      requestParameters: {
        ...{ origin: 'EXTERNAL_KEY_STORE', customKeyStoreId: storeId, xksKeyId: 'the-key' },
      },
      additionalEventData: { customKeyStoreId: storeId, xksKeyId: 'the-key' },
    });
    const { $metadata } = await kms.send(
      new EncryptCommand({ KeyId: id, Plaintext: Buffer.from('a') }),
    );
    const record = await auditOf(stage.daemon, $metadata.requestId ?? '');
    expect(record.additionalEventData).toEqual({ customKeyStoreId: storeId, xksKeyId: 'the-key' });
  });

  test('refuses a second key under one external key, however close they come', async () => {
    sayOfAll({});
    const inUse = {
      code: 'XksKeyAlreadyInUseException',
      message:
        'The external key twice is already associated with a KMS key in this external key store.',
      status: 400,
    };
    const outcomes = await Promise.all(
      [1, 2].map(() =>
        kms.send(new CreateKeyCommand(under('twice'))).then(
          () => 'made',
          (error: unknown) => (error as Error).name,
        ),
      ),
    );
    expect(outcomes.sort()).toEqual(['XksKeyAlreadyInUseException', 'made']);
    const [{ key_id: KeyId } = { key_id: '' }] = await keysUnder('twice');
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId }));
    expect(await sdkRefusal(kms.send(new CreateKeyCommand(under('twice'))))).toEqual(inUse);
    expect(await keysUnder('twice')).toEqual([{ key_id: KeyId, state: 'PendingDeletion' }]);
  });

  const unfit: readonly (readonly [string, object, string])[] = [
    [
      'of another spec',
      { keySpec: 'AES_128' },
      'The key spec of the external key must be AES_256. The key spec of specified external key is AES_128.',
    ],
    [
      'that is disabled',
      { keyStatus: 'DISABLED' },
      'The status of the external key must be ENABLED. The status of specified external key is DISABLED.',
    ],
    [
      'for other uses',
      { keyUsage: ['WRAP', 'DECRYPT'] },
      'The key usage of the external key must include ENCRYPT and DECRYPT. The key use of specified external key is WRAP, DECRYPT.',
    ],
  ];
  test.each(unfit)('refuses an external key %s, and makes none', async (_, different, message) => {
    sayOfAll(different);
    expect(await refused(stage.daemon, 'CreateKey', under('unfit'))).toEqual(
      invalidConfiguration(message),
    );
    expect(await keysUnder('unfit')).toEqual([]);
  });

  test('refuses an external key that the proxy does not have', async () => {
    expect(await refused(stage.daemon, 'CreateKey', under('nobody'))).toEqual(
      badRequest(
        'XksKeyNotFoundException',
        'The external key store proxy rejected the request because it could not find the external key.',
      ),
    );
  });

  test('asks nobody where the store is of the other type, or not connected', async () => {
    const input = { Origin: 'AWS_CLOUDHSM', CustomKeyStoreId: storeId };
    expect(await refused(stage.daemon, 'CreateKey', input)).toEqual(
      badRequest(
        'UnsupportedOperationException',
        `The type of the custom key store ${storeId} is EXTERNAL_KEY_STORE, which is not valid for this operation.`,
      ),
    );
    await kms.send(new DisconnectCustomKeyStoreCommand({ CustomKeyStoreId: storeId }));
    const before = stage.proxy.requests.length;
    expect(await refused(stage.daemon, 'CreateKey', under('other'))).toEqual(
      badRequest(
        'CustomKeyStoreInvalidStateException',
        `The connection state of the custom key store ${storeId} is DISCONNECTED, which is not valid for this operation.`,
      ),
    );
    expect(stage.proxy.requests).toHaveLength(before);
    await connect();
  });
});

describe('A key in an external key store', () => {
  const never = [
    ['GenerateDataKeyPair', { KeyPairSpec: 'ECC_NIST_P256' }],
    ['GenerateDataKeyPairWithoutPlaintext', { KeyPairSpec: 'ECC_NIST_P256' }],
    ['RotateKeyOnDemand', {}],
    ['EnableKeyRotation', {}],
    ['DisableKeyRotation', {}],
    ['GetKeyRotationStatus', {}],
    ['ListKeyRotations', {}],
    ['DeleteImportedKeyMaterial', {}],
  ] as const;
  test('makes no key pairs, rotates not, and takes no material', async () => {
    sayOfAll({});
    const { id, arn } = await createKey(kms, under('never'));
    for (const [operation, more] of never) {
      expect([operation, await refused(stage.daemon, operation, { KeyId: id, ...more })]).toEqual([
        operation,
        badRequest(
          'UnsupportedOperationException',
          `${arn} origin is EXTERNAL_KEY_STORE which is not valid for this operation.`,
        ),
      ]);
    }
  });

  test('is deleted without a word to the proxy, and another may take its external key', async () => {
    sayOfAll({});
    const key = await createKey(kms, under('deleted'));
    const before = stage.proxy.requests.filter(({ path }) => path.includes('/keys/')).length;
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId: key.id, PendingWindowInDays: 7 }));
    await bringForward(stage.daemon.databaseUrl, key.id);
    await until('the key is deleted', async () => {
      return (await deletedKeys(stage.daemon, key.arn)).length === 1;
    });
    expect((await deletedKeys(stage.daemon, key.arn))[0]?.additionalEventData).toEqual({
      ...{ customKeyStoreId: storeId, xksKeyId: 'deleted' },
    });
    expect(stage.proxy.requests.filter(({ path }) => path.includes('/keys/'))).toHaveLength(before);
    await createKey(kms, under('deleted'));
  });
});
