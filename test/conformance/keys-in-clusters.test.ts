import {
  CancelKeyDeletionCommand,
  ConnectCustomKeyStoreCommand,
  CreateKeyCommand,
  type CreateKeyCommandInput,
  DecryptCommand,
  DeleteCustomKeyStoreCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  DisconnectCustomKeyStoreCommand,
  EnableKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  GenerateRandomCommand,
  type KMSClient,
  ReEncryptCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import type { Token } from '../../hsm';
import { bringForward, deletedKeys, obstructToken } from '../support/deletion';
import { openFurtherToken } from '../support/further-token';
import { type KeyStoreStage, clusterIds, openKeyStoreStage } from '../support/key-stores';
import { type NewKey, auditOf, createKey, sdkRefusal } from '../support/kms';
import { administer, lockWaiters } from '../support/postgres';
import { until } from '../support/until';
import { badRequest, refused } from '../support/wire';

/** Keys of origin AWS_CLOUDHSM: their material is in a further token, and never in the daemon's own. */
let stage: KeyStoreStage;
let kms: KMSClient;
let storeId: string;
/** Another login to the cluster. */
let cluster: Token;
beforeAll(async () => {
  stage = await openKeyStoreStage({ environment: { CLAVIGER_JOB_INTERVAL_MS: '500' } });
  kms = stage.kms;
  storeId = await stage.create(stage.cloudHsm());
  await connect();
  cluster = await openFurtherToken(stage.tokens[0]);
});
afterAll(async () => {
  await cluster.close();
  await stage.remove();
});

const Plaintext = Buffer.from('attack at dawn');
const away = 'KMS cannot communicate with your CloudHSM cluster';
const missing = 'cks-00000000000000000';
const inStore = (): CreateKeyCommandInput => ({
  Origin: 'AWS_CLOUDHSM',
  CustomKeyStoreId: storeId,
});
const connect = async () => {
  await kms.send(new ConnectCustomKeyStoreCommand({ CustomKeyStoreId: storeId }));
  await stage.isIn(storeId, 'CONNECTED');
};
const disconnect = () =>
  kms.send(new DisconnectCustomKeyStoreCommand({ CustomKeyStoreId: storeId }));
const stateOf = async ({ id }: NewKey) =>
  (await kms.send(new DescribeKeyCommand({ KeyId: id }))).KeyMetadata?.KeyState;
const encrypt = (key: NewKey) => kms.send(new EncryptCommand({ KeyId: key.id, Plaintext }));
const invalidState = (message: string) => ({
  ...{ code: 'KMSInvalidStateException', message, status: 400 },
});
const notInState = (state: string) =>
  badRequest(
    'CustomKeyStoreInvalidStateException',
    `The connection state of the custom key store ${storeId} is ${state}, which is not valid for this operation.`,
  );

async function materialOf({ id }: NewKey) {
  const [row] = await administer<{ material_id: string; kind: string; token_serial: string }>(
    stage.daemon.databaseUrl,
    'select material_id, kind, token_serial from key_material where key_id = $1',
    [id],
  );
  if (row === undefined) throw new Error('a key has no material');
  return row;
}

const isInCluster = async (materialId: string): Promise<boolean> =>
  (await cluster.listKeys('claviger:key:')).includes(materialId);

describe('CreateKey with Origin AWS_CLOUDHSM', () => {
  test('makes a key whose material is in the cluster alone', async () => {
    const answer = await kms.send(new CreateKeyCommand({ ...inStore(), Description: 'ours' }));
    expect(answer.KeyMetadata).toEqual({
      AWSAccountId: stage.daemon.accountId,
      KeyId: expect.any(String) as string,
      Arn: expect.any(String) as string,
      CreationDate: expect.any(Date) as Date,
      CloudHsmClusterId: clusterIds[0],
      CustomKeyStoreId: storeId,
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
    const { material_id, kind, token_serial } = await materialOf({ id, arn });
    expect([kind, token_serial]).toEqual(['resident', stage.tokens[0].serial]);
    expect(await isInCluster(material_id)).toBe(true);
    const record = await auditOf(stage.daemon, answer.$metadata.requestId ?? '');
    expect(record).toMatchObject({
      requestParameters: { origin: 'AWS_CLOUDHSM', customKeyStoreId: storeId },
      additionalEventData: {
        backingKey: JSON.stringify({ backingKeyId: material_id }),
        customKeyStoreId: storeId,
      },
    });
  });

  const invalid: readonly (readonly [object, string])[] = [
    [
      { Origin: 'AWS_CLOUDHSM' },
      'CustomKeyStoreId is required for KMS keys with Origin AWS_CLOUDHSM.',
    ],
    [
      { CustomKeyStoreId: missing },
      'CustomKeyStoreId is not valid for KMS keys with Origin AWS_KMS.',
    ],
    [
      { Origin: 'EXTERNAL', CustomKeyStoreId: missing },
      'CustomKeyStoreId is not valid for KMS keys with Origin EXTERNAL.',
    ],
    [{ XksKeyId: 'xks1' }, 'XksKeyId is not valid for KMS keys with Origin AWS_KMS.'],
    [
      { Origin: 'AWS_CLOUDHSM', CustomKeyStoreId: missing, XksKeyId: 'xks1' },
      'XksKeyId is not valid for KMS keys with Origin AWS_CLOUDHSM.',
    ],
    [
      { Origin: 'EXTERNAL_KEY_STORE' },
      'CustomKeyStoreId is required for KMS keys with Origin EXTERNAL_KEY_STORE.',
    ],
    [
      { Origin: 'EXTERNAL_KEY_STORE', CustomKeyStoreId: missing },
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
    expect(await refused(stage.daemon, 'CreateKey', { ...inStore(), ...input })).toEqual(
      badRequest('UnsupportedOperationException', message),
    );
  });

  test('finds no store that is not there, and none for keys of another kind', async () => {
    const input = { ...inStore(), CustomKeyStoreId: missing };
    expect(await refused(stage.daemon, 'CreateKey', input)).toEqual(
      badRequest('CustomKeyStoreNotFoundException', `Custom key store ${missing} does not exist.`),
    );
    const external = { ...inStore(), Origin: 'EXTERNAL_KEY_STORE', XksKeyId: 'xks1' };
    expect(await refused(stage.daemon, 'CreateKey', external)).toEqual(
      badRequest(
        'UnsupportedOperationException',
        `The type of the custom key store ${storeId} is AWS_CLOUDHSM, which is not valid for this operation.`,
      ),
    );
  });

  test('makes none in a store that is not connected', async () => {
    await disconnect();
    expect(await refused(stage.daemon, 'CreateKey', inStore())).toEqual(notInState('DISCONNECTED'));
    await connect();
    await createKey(kms, inStore());
  });

  test('holds up whoever disconnects the store meanwhile, and is not lost', async () => {
    const { daemon, tokens } = stage;
    const obstacle = await obstructToken(daemon.databaseUrl, tokens[0].serial);
    const making = createKey(kms, inStore());
    await obstacle.reached();
    const disconnecting = disconnect();
    await until('the change of the store waits for the key', async () => {
      return (await lockWaiters(daemon.databaseUrl)) === 2;
    });
    await obstacle.release();
    const key = await making;
    await disconnecting;
    expect(await stateOf(key)).toBe('Unavailable');
    await connect();
    await encrypt(key);
  });

  test('leaves nothing in the cluster when it fails', async () => {
    const before = await cluster.listKeys('claviger:key:');
    await administer(
      stage.daemon.databaseUrl,
      `create function refuse_key() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
       create trigger refuse before insert on key_material for each row execute function refuse_key()`,
    );
    const { code } = await sdkRefusal(kms.send(new CreateKeyCommand(inStore())));
    await administer(
      stage.daemon.databaseUrl,
      'drop trigger refuse on key_material; drop function refuse_key()',
    );
    expect(code).toBe('KMSInternalException');
    expect(await cluster.listKeys('claviger:key:')).toEqual(before);
    const doomed = await administer(
      stage.daemon.databaseUrl,
      'select custom_key_store_id, token_serial from doomed_object',
    );
    const object = { custom_key_store_id: storeId, token_serial: stage.tokens[0].serial };
    expect(doomed).toContainEqual(object);
  });
});

describe('A key in a cluster', () => {
  test('encrypts and decrypts under an encryption context, and answers do not name its material', async () => {
    const { id, arn } = await createKey(kms, inStore());
    const EncryptionContext = { a: 'b' };
    const sealed = await kms.send(new EncryptCommand({ KeyId: id, Plaintext, EncryptionContext }));
    const { CiphertextBlob } = sealed;
    const opened = await kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext }));
    expect(Buffer.from(opened.Plaintext ?? [])).toEqual(Plaintext);
    expect([opened.KeyId, opened.KeyMaterialId]).toEqual([arn, undefined]);
    const wrong = kms.send(new DecryptCommand({ CiphertextBlob }));
    expect(await sdkRefusal(wrong)).toMatchObject({ code: 'InvalidCiphertextException' });
    for (const { $metadata } of [sealed, opened]) {
      const record = await auditOf(stage.daemon, $metadata.requestId ?? '');
      expect(record.additionalEventData).toEqual({ customKeyStoreId: storeId });
    }
  });

  test('makes data keys', async () => {
    const { id } = await createKey(kms, inStore());
    const made = await kms.send(new GenerateDataKeyCommand({ KeyId: id, KeySpec: 'AES_256' }));
    const opened = await kms.send(new DecryptCommand({ CiphertextBlob: made.CiphertextBlob }));
    expect(opened.Plaintext).toEqual(made.Plaintext);
    expect([made.Plaintext?.length, made.KeyMaterialId]).toEqual([32, undefined]);
    const without = await kms.send(
      new GenerateDataKeyWithoutPlaintextCommand({ KeyId: id, NumberOfBytes: 7 }),
    );
    const later = await kms.send(new DecryptCommand({ CiphertextBlob: without.CiphertextBlob }));
    expect(later.Plaintext).toHaveLength(7);
  });

  test('is re-encrypted to and from', async () => {
    const [own, inCluster] = [await createKey(kms), await createKey(kms, inStore())];
    const first = await encrypt(own);
    const there = await kms.send(
      new ReEncryptCommand({
        CiphertextBlob: first.CiphertextBlob,
        DestinationKeyId: inCluster.id,
      }),
    );
    expect(there.SourceKeyMaterialId).toMatch(/^[0-9a-f]{64}$/);
    expect(there.DestinationKeyMaterialId).toBeUndefined();
    const { additionalEventData } = await auditOf(stage.daemon, there.$metadata.requestId ?? '');
    expect(additionalEventData).toEqual({
      sourceKeyMaterialId: there.SourceKeyMaterialId,
      destinationCustomKeyStoreId: storeId,
    });
    const back = await kms.send(
      new ReEncryptCommand({ CiphertextBlob: there.CiphertextBlob, DestinationKeyId: own.id }),
    );
    const opened = await kms.send(new DecryptCommand({ CiphertextBlob: back.CiphertextBlob }));
    expect(Buffer.from(opened.Plaintext ?? [])).toEqual(Plaintext);
  });

  const never = [
    ['GenerateDataKeyPair', { KeyPairSpec: 'ECC_NIST_P256' }],
    ['GenerateDataKeyPairWithoutPlaintext', { KeyPairSpec: 'ECC_NIST_P256' }],
    ['RotateKeyOnDemand', {}],
    ['EnableKeyRotation', {}],
    ['DisableKeyRotation', {}],
    ['GetKeyRotationStatus', {}],
    ['ListKeyRotations', {}],
    [
      'GetParametersForImport',
      { WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_2048' },
    ],
    ['DeleteImportedKeyMaterial', {}],
  ] as const;
  test('makes no key pairs, rotates not, and takes no material', async () => {
    const { id, arn } = await createKey(kms, inStore());
    for (const [operation, more] of never) {
      expect([operation, await refused(stage.daemon, operation, { KeyId: id, ...more })]).toEqual([
        operation,
        badRequest(
          'UnsupportedOperationException',
          `${arn} origin is AWS_CLOUDHSM which is not valid for this operation.`,
        ),
      ]);
    }
  });

  test('is Unavailable while its store is disconnected, and afterwards what it is by then', async () => {
    const [enabled, disabled] = [await createKey(kms, inStore()), await createKey(kms, inStore())];
    await kms.send(new DisableKeyCommand({ KeyId: disabled.id }));
    const { CiphertextBlob } = await encrypt(enabled);
    await disconnect();
    expect([await stateOf(enabled), await stateOf(disabled)]).toEqual([
      'Unavailable',
      'Unavailable',
    ]);
    const unavailable = invalidState(`${enabled.arn} is unavailable.`);
    expect(await sdkRefusal(encrypt(enabled))).toEqual(unavailable);
    expect(await sdkRefusal(kms.send(new DecryptCommand({ CiphertextBlob })))).toEqual(unavailable);
    await kms.send(new DisableKeyCommand({ KeyId: enabled.id }));
    await kms.send(new EnableKeyCommand({ KeyId: disabled.id }));
    expect([await stateOf(enabled), await stateOf(disabled)]).toEqual([
      'Unavailable',
      'Unavailable',
    ]);
    await connect();
    expect([await stateOf(enabled), await stateOf(disabled)]).toEqual(['Disabled', 'Enabled']);
    expect(await sdkRefusal(encrypt(enabled))).toMatchObject({
      code: 'DisabledException',
      message: `${enabled.arn} is disabled.`,
    });
    await kms.send(new EnableKeyCommand({ KeyId: enabled.id }));
    const opened = await kms.send(new DecryptCommand({ CiphertextBlob }));
    expect(Buffer.from(opened.Plaintext ?? [])).toEqual(Plaintext);
  });

  test('that is to be deleted stays so in a store that is disconnected, and may be kept', async () => {
    const key = await createKey(kms, inStore());
    await disconnect();
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId: key.id }));
    expect(await stateOf(key)).toBe('PendingDeletion');
    await kms.send(new CancelKeyDeletionCommand({ KeyId: key.id }));
    expect(await stateOf(key)).toBe('Unavailable');
    await connect();
    expect(await stateOf(key)).toBe('Disabled');
  });

  test('whose material somebody took away is unavailable, and says so when it is used', async () => {
    const key = await createKey(kms, inStore());
    const { material_id } = await materialOf(key);
    await disconnect();
    await cluster.destroyKey(material_id);
    await connect();
    expect(await stateOf(key)).toBe('Enabled');
    expect(await sdkRefusal(encrypt(key))).toEqual(invalidState(`${key.arn} is unavailable.`));
  });

  test('keeps its store from being deleted', async () => {
    await createKey(kms, inStore());
    await disconnect();
    const { code } = await sdkRefusal(
      kms.send(new DeleteCustomKeyStoreCommand({ CustomKeyStoreId: storeId })),
    );
    expect(code).toBe('CustomKeyStoreHasCMKsException');
    await connect();
  });
});

describe('A cluster that is lost', () => {
  test('is told of at each use, and serves again when it is back', async () => {
    const key = await createKey(kms, inStore());
    const { CiphertextBlob } = await encrypt(key);
    await stage.tokens[0].moveAway();
    try {
      await until('the loss of the token is met', async () => {
        return (await encrypt(key).catch((error: unknown) => error)) instanceof Error;
      });
      // The state of the key is not touched by what happens to the cluster.
      expect(await stateOf(key)).toBe('Enabled');
      expect(await sdkRefusal(encrypt(key))).toEqual(invalidState(away));
      expect(await sdkRefusal(kms.send(new DecryptCommand({ CiphertextBlob })))).toEqual(
        invalidState(away),
      );
      const states = { code: 'CustomKeyStoreInvalidStateException', message: away, status: 400 };
      expect(await sdkRefusal(kms.send(new CreateKeyCommand(inStore())))).toEqual(states);
      const random = new GenerateRandomCommand({ NumberOfBytes: 8, CustomKeyStoreId: storeId });
      expect(await sdkRefusal(kms.send(random))).toEqual(states);
      // Keys of the daemon's own token know nothing of it.
      await encrypt(await createKey(kms));
    } finally {
      await stage.tokens[0].restore();
    }
    await until('the token is found again', async () => {
      return (await encrypt(key).catch(() => undefined)) !== undefined;
    });
    const opened = await kms.send(new DecryptCommand({ CiphertextBlob }));
    expect(Buffer.from(opened.Plaintext ?? [])).toEqual(Plaintext);
  });
});

describe('GenerateRandom with CustomKeyStoreId', () => {
  const random = (CustomKeyStoreId: string) =>
    new GenerateRandomCommand({ NumberOfBytes: 32, CustomKeyStoreId });

  test('answers with bytes of the cluster', async () => {
    const { Plaintext: bytes, $metadata } = await kms.send(random(storeId));
    expect(bytes).toHaveLength(32);
    expect(bytes?.some((byte) => byte !== 0)).toBe(true);
    const { requestParameters } = await auditOf(stage.daemon, $metadata.requestId ?? '');
    expect(requestParameters).toEqual({ customKeyStoreId: storeId });
  });

  test('needs a store that is there, of the right type, and connected', async () => {
    const input = { NumberOfBytes: 1, CustomKeyStoreId: missing };
    expect(await refused(stage.daemon, 'GenerateRandom', input)).toEqual(
      badRequest('CustomKeyStoreNotFoundException', `Custom key store ${missing} does not exist.`),
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
    await disconnect();
    expect(
      await refused(stage.daemon, 'GenerateRandom', { ...input, CustomKeyStoreId: storeId }),
    ).toEqual(notInState('DISCONNECTED'));
    await connect();
  });
});

describe('The deletion of a key in a cluster', () => {
  async function deleted(key: NewKey): Promise<Readonly<Record<string, unknown>> | undefined> {
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId: key.id, PendingWindowInDays: 7 }));
    await bringForward(stage.daemon.databaseUrl, key.id);
    await until('the key is deleted', async () => {
      return (await deletedKeys(stage.daemon, key.arn)).length === 1;
    });
    return (await deletedKeys(stage.daemon, key.arn))[0]?.additionalEventData;
  }

  const outcome = (backingKeyId: string, deletionStatus: string) => ({
    customKeyStoreId: storeId,
    clusterId: clusterIds[0],
    backingKeys: JSON.stringify([{ backingKeyId }]),
    backingKeysDeletionStatus: JSON.stringify([{ backingKeyId, deletionStatus }]),
  });

  test('destroys its material', async () => {
    const key = await createKey(kms, inStore());
    const { material_id } = await materialOf(key);
    await encrypt(key);
    expect(await deleted(key)).toEqual(outcome(material_id, 'SUCCESS'));
    expect(await isInCluster(material_id)).toBe(false);
  });

  test('is not held up by a store that is disconnected, and what stays goes when it is connected', async () => {
    const key = await createKey(kms, inStore());
    const { material_id } = await materialOf(key);
    await disconnect();
    expect(await deleted(key)).toEqual(outcome(material_id, 'FAILURE'));
    expect(await isInCluster(material_id)).toBe(true);
    await connect();
    await until('the material is destroyed', async () => !(await isInCluster(material_id)));
  });
});
