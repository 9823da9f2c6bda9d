import {
  CancelKeyDeletionCommand,
  CreateKeyCommand,
  DecryptCommand,
  DeleteCustomKeyStoreCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  GenerateRandomCommand,
  type KMSClient,
  ReEncryptCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { type ClusterStage, openClusterStage, plaintext } from '../support/cluster-keys';
import { bringForward, deletedKeys } from '../support/deletion';
import { clusterIds } from '../support/key-stores';
import { type NewKey, auditOf, createKey, sdkRefusal } from '../support/kms';
import { until } from '../support/until';
import { badRequest, refused } from '../support/wire';

/** Keys of origin AWS_CLOUDHSM: their material is in a further token, and never in the daemon's own. */
let stage: ClusterStage;
let kms: KMSClient;
beforeAll(async () => {
  stage = await openClusterStage();
  kms = stage.kms;
});
afterAll(() => stage.remove());

const away = 'KMS cannot communicate with your CloudHSM cluster';
const invalidState = (message: string) => ({
  ...{ code: 'KMSInvalidStateException', message, status: 400 },
});

describe('A key in a cluster', () => {
  test('encrypts and decrypts under an encryption context, and answers do not name its material', async () => {
    const { id, arn } = await createKey(kms, stage.inStore);
    const EncryptionContext = { a: 'b' };
    const sealed = await kms.send(
      new EncryptCommand({ KeyId: id, Plaintext: plaintext, EncryptionContext }),
    );
    const { CiphertextBlob } = sealed;
    const opened = await kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext }));
    expect(Buffer.from(opened.Plaintext ?? [])).toEqual(plaintext);
    expect([opened.KeyId, opened.KeyMaterialId]).toEqual([arn, undefined]);
    const wrong = kms.send(new DecryptCommand({ CiphertextBlob }));
    expect(await sdkRefusal(wrong)).toMatchObject({ code: 'InvalidCiphertextException' });
    for (const { $metadata } of [sealed, opened]) {
      const record = await auditOf(stage.daemon, $metadata.requestId ?? '');
      expect(record.additionalEventData).toEqual({ customKeyStoreId: stage.storeId });
    }
  });

  test('makes data keys', async () => {
    const { id } = await createKey(kms, stage.inStore);
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
    const [own, inCluster] = [await createKey(kms), await createKey(kms, stage.inStore)];
    const first = await stage.encrypt(own);
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
      destinationCustomKeyStoreId: stage.storeId,
    });
    const back = await kms.send(
      new ReEncryptCommand({ CiphertextBlob: there.CiphertextBlob, DestinationKeyId: own.id }),
    );
    const opened = await kms.send(new DecryptCommand({ CiphertextBlob: back.CiphertextBlob }));
    expect(Buffer.from(opened.Plaintext ?? [])).toEqual(plaintext);
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
    const { id, arn } = await createKey(kms, stage.inStore);
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
    const [enabled, disabled] = [
      await createKey(kms, stage.inStore),
      await createKey(kms, stage.inStore),
    ];
    await kms.send(new DisableKeyCommand({ KeyId: disabled.id }));
    const { CiphertextBlob } = await stage.encrypt(enabled);
    await stage.disconnect();
    expect([await stage.stateOf(enabled), await stage.stateOf(disabled)]).toEqual([
      'Unavailable',
      'Unavailable',
    ]);
    const unavailable = invalidState(`${enabled.arn} is unavailable.`);
    expect(await sdkRefusal(stage.encrypt(enabled))).toEqual(unavailable);
    expect(await sdkRefusal(kms.send(new DecryptCommand({ CiphertextBlob })))).toEqual(unavailable);
    await kms.send(new DisableKeyCommand({ KeyId: enabled.id }));
    await kms.send(new EnableKeyCommand({ KeyId: disabled.id }));
    expect([await stage.stateOf(enabled), await stage.stateOf(disabled)]).toEqual([
      'Unavailable',
      'Unavailable',
    ]);
    await stage.connect();
    expect([await stage.stateOf(enabled), await stage.stateOf(disabled)]).toEqual([
      'Disabled',
      'Enabled',
    ]);
    expect(await sdkRefusal(stage.encrypt(enabled))).toMatchObject({
      code: 'DisabledException',
      message: `${enabled.arn} is disabled.`,
    });
    await kms.send(new EnableKeyCommand({ KeyId: enabled.id }));
    const opened = await kms.send(new DecryptCommand({ CiphertextBlob }));
    expect(Buffer.from(opened.Plaintext ?? [])).toEqual(plaintext);
  });

  test('that is to be deleted stays so in a store that is disconnected, and may be kept', async () => {
    const key = await createKey(kms, stage.inStore);
    await stage.disconnect();
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId: key.id }));
    expect(await stage.stateOf(key)).toBe('PendingDeletion');
    await kms.send(new CancelKeyDeletionCommand({ KeyId: key.id }));
    expect(await stage.stateOf(key)).toBe('Unavailable');
    await stage.connect();
    expect(await stage.stateOf(key)).toBe('Disabled');
  });

  test('whose material somebody took away is unavailable, and says so when it is used', async () => {
    const key = await createKey(kms, stage.inStore);
    const { material_id } = await stage.materialOf(key);
    await stage.disconnect();
    await stage.destroyInCluster(material_id);
    await stage.connect();
    expect(await stage.stateOf(key)).toBe('Enabled');
    expect(await sdkRefusal(stage.encrypt(key))).toEqual(
      invalidState(`${key.arn} is unavailable.`),
    );
  });

  test('keeps its store from being deleted', async () => {
    await createKey(kms, stage.inStore);
    await stage.disconnect();
    const { code } = await sdkRefusal(
      kms.send(new DeleteCustomKeyStoreCommand({ CustomKeyStoreId: stage.storeId })),
    );
    expect(code).toBe('CustomKeyStoreHasCMKsException');
    await stage.connect();
  });
});

describe('A cluster that is lost', () => {
  test('is told of at each use, and serves again when it is back', async () => {
    const key = await createKey(kms, stage.inStore);
    const { CiphertextBlob } = await stage.encrypt(key);
    await stage.tokens[0].moveAway();
    try {
      await until('the loss of the token is met', async () => {
        return (await stage.encrypt(key).catch((error: unknown) => error)) instanceof Error;
      });
      // The state of the key is not touched by what happens to the cluster.
      expect(await stage.stateOf(key)).toBe('Enabled');
      expect(await sdkRefusal(stage.encrypt(key))).toEqual(invalidState(away));
      expect(await sdkRefusal(kms.send(new DecryptCommand({ CiphertextBlob })))).toEqual(
        invalidState(away),
      );
      const states = { code: 'CustomKeyStoreInvalidStateException', message: away, status: 400 };
      expect(await sdkRefusal(kms.send(new CreateKeyCommand(stage.inStore)))).toEqual(states);
      const random = new GenerateRandomCommand({
        NumberOfBytes: 8,
        CustomKeyStoreId: stage.storeId,
      });
      expect(await sdkRefusal(kms.send(random))).toEqual(states);
      // Keys of the daemon's own token know nothing of it.
      await stage.encrypt(await createKey(kms));
    } finally {
      await stage.tokens[0].restore();
    }
    await until('the token is found again', async () => {
      return (await stage.encrypt(key).catch(() => undefined)) !== undefined;
    });
    const opened = await kms.send(new DecryptCommand({ CiphertextBlob }));
    expect(Buffer.from(opened.Plaintext ?? [])).toEqual(plaintext);
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
    customKeyStoreId: stage.storeId,
    clusterId: clusterIds[0],
    backingKeys: JSON.stringify([{ backingKeyId }]),
    backingKeysDeletionStatus: JSON.stringify([{ backingKeyId, deletionStatus }]),
  });

  test('destroys its material', async () => {
    const key = await createKey(kms, stage.inStore);
    const { material_id } = await stage.materialOf(key);
    await stage.encrypt(key);
    expect(await deleted(key)).toEqual(outcome(material_id, 'SUCCESS'));
    expect(await stage.inCluster()).not.toContain(material_id);
  });

  test('is not held up by a store that is disconnected, and what stays goes when it is connected', async () => {
    const key = await createKey(kms, stage.inStore);
    const { material_id } = await stage.materialOf(key);
    await stage.disconnect();
    expect(await deleted(key)).toEqual(outcome(material_id, 'FAILURE'));
    expect(await stage.inCluster()).toContain(material_id);
    await stage.connect();
    await until(
      'the material is destroyed',
      async () => !(await stage.inCluster()).includes(material_id),
    );
  });
});
