import {
  CreateKeyCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GenerateRandomCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import {
  type ClusterStage,
  missingStore,
  openClusterStage,
  plaintext,
} from '../support/cluster-keys';
import { obstructToken } from '../support/deletion';
import { clusterIds } from '../support/key-stores';
import { type NewKey, auditOf, createKey, sdkRefusal } from '../support/kms';
import { administer, lockWaiters } from '../support/postgres';
import { letIdentity, newUser } from '../support/principals';
import { until } from '../support/until';
import { badRequest, refused } from '../support/wire';

/** What is made in a custom key store of type AWS_CLOUDHSM. */
let stage: ClusterStage;
let kms: KMSClient;
beforeAll(async () => {
  stage = await openClusterStage();
  kms = stage.kms;
});
afterAll(() => stage.remove());

const notInState = (state: string) =>
  badRequest(
    'CustomKeyStoreInvalidStateException',
    `The connection state of the custom key store ${stage.storeId} is ${state}, which is not valid for this operation.`,
  );

describe('CreateKey with Origin AWS_CLOUDHSM', () => {
  test('makes a key whose material is in the cluster alone', async () => {
    const answer = await kms.send(new CreateKeyCommand({ ...stage.inStore, Description: 'ours' }));
    expect(answer.KeyMetadata).toEqual({
      AWSAccountId: stage.daemon.accountId,
      KeyId: expect.any(String) as string,
      Arn: expect.any(String) as string,
      CreationDate: expect.any(Date) as Date,
      CloudHsmClusterId: clusterIds[0],
      CustomKeyStoreId: stage.storeId,
      CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT',
      Description: 'ours',
      Enabled: true,
      EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
      KeyManager: 'CUSTOMER',
      KeySpec: 'SYMMETRIC_DEFAULT',
      KeyState: 'Enabled',
      KeyUsage: 'ENCRYPT_DECRYPT',
      MultiRegion: false,
      Origin: 'AWS_CLOUDHSM',
    });
    const { KeyId: id = '', Arn: arn = '' } = answer.KeyMetadata ?? {};
    const described = await kms.send(new DescribeKeyCommand({ KeyId: id }));
    expect(described.KeyMetadata).toEqual(answer.KeyMetadata);
    const { material_id, kind, token_serial } = await stage.materialOf({ id, arn });
    expect([kind, token_serial]).toEqual(['resident', stage.tokens[0].serial]);
    expect(await stage.inCluster()).toContain(material_id);
    const record = await auditOf(stage.daemon, answer.$metadata.requestId ?? '');
    expect(record).toMatchObject({
      requestParameters: { origin: 'AWS_CLOUDHSM', customKeyStoreId: stage.storeId },
      additionalEventData: {
        backingKey: JSON.stringify({ backingKeyId: material_id }),
        customKeyStoreId: stage.storeId,
      },
    });
  });

  const invalid: readonly (readonly [object, string])[] = [
    [
      { Origin: 'AWS_CLOUDHSM' },
      'CustomKeyStoreId is required for KMS keys with Origin AWS_CLOUDHSM.',
    ],
    [
      { CustomKeyStoreId: missingStore },
      'CustomKeyStoreId is not valid for KMS keys with Origin AWS_KMS.',
    ],
    [
      { Origin: 'EXTERNAL', CustomKeyStoreId: missingStore },
      'CustomKeyStoreId is not valid for KMS keys with Origin EXTERNAL.',
    ],
    [{ XksKeyId: 'xks1' }, 'XksKeyId is not valid for KMS keys with Origin AWS_KMS.'],
    [
      { Origin: 'AWS_CLOUDHSM', CustomKeyStoreId: missingStore, XksKeyId: 'xks1' },
      'XksKeyId is not valid for KMS keys with Origin AWS_CLOUDHSM.',
    ],
    [
      { Origin: 'EXTERNAL_KEY_STORE' },
      'CustomKeyStoreId is required for KMS keys with Origin EXTERNAL_KEY_STORE.',
    ],
    [
      { Origin: 'EXTERNAL_KEY_STORE', CustomKeyStoreId: missingStore },
      'XksKeyId is required for KMS keys with Origin EXTERNAL_KEY_STORE.',
    ],
    [
      { Origin: 'AWS_CLOUDHSM', CustomKeyStoreId: '\0' },
      "1 validation error detected: Value at 'customKeyStoreId' failed to satisfy constraint: Member must not contain U+0000",
    ],
  ];
  test.each(invalid)('refuses %j', async (input, message) => {
    expect(await refused(stage.daemon, 'CreateKey', input)).toEqual(
      badRequest('ValidationException', message),
    );
  });

  const unsupported: readonly (readonly [object, string])[] = [
    [
      { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' },
      'KeySpec RSA_2048 is not supported with Origin AWS_CLOUDHSM.',
    ],
    [
      { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' },
      'KeySpec HMAC_256 is not supported with Origin AWS_CLOUDHSM.',
    ],
    [{ MultiRegion: true }, 'MultiRegion keys are not supported.'],
  ];
  test.each(unsupported)('makes no key with %j', async (input, message) => {
    expect(await refused(stage.daemon, 'CreateKey', { ...stage.inStore, ...input })).toEqual(
      badRequest('UnsupportedOperationException', message),
    );
  });

  test('finds no store that is not there, and none for keys of another kind', async () => {
    const input = { ...stage.inStore, CustomKeyStoreId: missingStore };
    expect(await refused(stage.daemon, 'CreateKey', input)).toEqual(
      badRequest(
        'CustomKeyStoreNotFoundException',
        `Custom key store ${missingStore} does not exist.`,
      ),
    );
    const external = { ...stage.inStore, Origin: 'EXTERNAL_KEY_STORE', XksKeyId: 'xks1' };
    expect(await refused(stage.daemon, 'CreateKey', external)).toEqual(
      badRequest(
        'UnsupportedOperationException',
        `The type of the custom key store ${stage.storeId} is AWS_CLOUDHSM, which is not valid for this operation.`,
      ),
    );
  });

  test('makes none in a store that is not connected', async () => {
    await stage.disconnect();
    expect(await refused(stage.daemon, 'CreateKey', stage.inStore)).toEqual(
      notInState('DISCONNECTED'),
    );
    await stage.connect();
    await createKey(kms, stage.inStore);
  });

  test('holds up whoever disconnects the store meanwhile, and is not lost', async () => {
    const { daemon, tokens } = stage;
    const obstacle = await obstructToken(daemon.databaseUrl, tokens[0].serial);
    const making = createKey(kms, stage.inStore);
    await obstacle.reached();
    const disconnecting = stage.disconnect();
    await until('the change of the store waits for the key', async () => {
      return (await lockWaiters(daemon.databaseUrl)) === 2;
    });
    await obstacle.release();
    const key = await making;
    await disconnecting;
    expect(await stage.stateOf(key)).toBe('Unavailable');
    await stage.connect();
    await stage.encrypt(key);
  });

  test('leaves nothing in the cluster when it fails', async () => {
    const before = await stage.inCluster();
    await administer(
      stage.daemon.databaseUrl,
      `create function refuse_key() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
       create trigger refuse before insert on key_material for each row execute function refuse_key()`,
    );
    const { code } = await sdkRefusal(kms.send(new CreateKeyCommand(stage.inStore)));
    await administer(
      stage.daemon.databaseUrl,
      'drop trigger refuse on key_material; drop function refuse_key()',
    );
    expect(code).toBe('KMSInternalException');
    expect(await stage.inCluster()).toEqual(before);
    const doomed = await administer(
      stage.daemon.databaseUrl,
      'select custom_key_store_id, token_serial from doomed_object',
    );
    const object = { custom_key_store_id: stage.storeId, token_serial: stage.tokens[0].serial };
    expect(doomed).toContainEqual(object);
  });
});

describe('GenerateRandom with CustomKeyStoreId', () => {
  const random = (CustomKeyStoreId: string) =>
    new GenerateRandomCommand({ NumberOfBytes: 32, CustomKeyStoreId });

  test('answers with bytes of the cluster', async () => {
    const { Plaintext: bytes, $metadata } = await kms.send(random(stage.storeId));
    expect(bytes).toHaveLength(32);
    expect(bytes?.some((byte) => byte !== 0)).toBe(true);
    const { requestParameters } = await auditOf(stage.daemon, $metadata.requestId ?? '');
    expect(requestParameters).toEqual({ customKeyStoreId: stage.storeId });
  });

  test('needs a store that is there, of the right type, and connected', async () => {
    const input = { NumberOfBytes: 1, CustomKeyStoreId: missingStore };
    expect(await refused(stage.daemon, 'GenerateRandom', input)).toEqual(
      badRequest(
        'CustomKeyStoreNotFoundException',
        `Custom key store ${missingStore} does not exist.`,
      ),
    );
    const external = await stage.create(stage.external());
    expect(
      await refused(stage.daemon, 'GenerateRandom', { ...input, CustomKeyStoreId: external }),
    ).toEqual(
      badRequest(
        'UnsupportedOperationException',
        `The type of the custom key store ${external} is EXTERNAL_KEY_STORE, which is not valid for this operation.`,
      ),
    );
    await stage.disconnect();
    expect(
      await refused(stage.daemon, 'GenerateRandom', { ...input, CustomKeyStoreId: stage.storeId }),
    ).toEqual(notInState('DISCONNECTED'));
    await stage.connect();
  });
});

describe('Who may make and use keys of clusters alone', () => {
  test('is told apart by kms:KeyOrigin', async () => {
    const [own, inCluster] = [await createKey(kms), await createKey(kms, stage.inStore)];
    const user = await newUser(stage.daemon, 'of-clusters');
    await letIdentity(stage.daemon, user, {
      ...{ Effect: 'Allow', Action: 'kms:*' },
      Condition: { StringEquals: { 'kms:KeyOrigin': 'AWS_CLOUDHSM' } },
    });
    const encrypt = ({ id: KeyId }: NewKey) =>
      user.kms.send(new EncryptCommand({ KeyId, Plaintext: plaintext }));
    await encrypt(inCluster);
    await createKey(user.kms, stage.inStore);
    const denied = { code: 'AccessDeniedException' };
    expect(await sdkRefusal(encrypt(own))).toMatchObject(denied);
    expect(await sdkRefusal(createKey(user.kms))).toMatchObject(denied);
  });
});
