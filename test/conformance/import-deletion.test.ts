import { randomBytes } from 'node:crypto';
import {
  CancelKeyDeletionCommand,
  DeleteImportedKeyMaterialCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  type KMSClient,
  ListKeyRotationsCommand,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type BroughtKey, type ImportWatch, watchImports } from '../support/imported-keys';
import { auditOf, createKey, sdkRefusal } from '../support/kms';
import {
  createExternalKey,
  ecKey,
  getParameters,
  importMaterial,
  rsaKey,
} from '../support/kms-imports';
import { badRequest, refused } from '../support/wire';

const NEW = { ImportType: 'NEW_KEY_MATERIAL' } as const;

describe.each(['resident', 'wrapped'])('Imported material that is %s', (storage) => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  let watch: ImportWatch;
  beforeAll(async () => {
    daemon = await startDaemon({ environment: { CLAVIGER_KEY_MATERIAL: storage } });
    kms = daemon.client();
    watch = await watchImports(daemon, kms);
  });
  afterAll(async () => {
    await watch.close();
    await daemon.remove();
  });

  const drop = (KeyId: string, KeyMaterialId?: string) =>
    kms.send(new DeleteImportedKeyMaterialCommand({ KeyId, KeyMaterialId }));
  const describeIt = async (KeyId: string) =>
    (await kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata;
  const pending = ({ arn }: BroughtKey): string =>
    `KMSInvalidStateException: ${arn} is pending import.`;

  test('is deleted, and is of no use to anybody until it is imported again', async () => {
    const key = await watch.bring();
    expect(await watch.inToken(key.materialId)).toBe(storage === 'resident');
    const { $metadata, ...answer } = await drop(key.arn);
    expect(answer).toEqual({ KeyId: key.arn, KeyMaterialId: key.materialId });
    expect(await watch.uses(key)).toEqual([pending(key), pending(key)]);
    expect(await watch.inToken(key.materialId)).toBe(false);
    expect(await watch.doomed(key.materialId)).toBe(0);
    const shown = await describeIt(key.id);
    expect(shown).toMatchObject({ KeyState: 'PendingImport', Enabled: false });
    expect(shown).toMatchObject({ CurrentKeyMaterialId: key.materialId });
    expect(shown).not.toHaveProperty('ExpirationModel');
    expect(await auditOf(daemon, $metadata.requestId!)).toMatchObject({
      ...{ eventName: 'DeleteImportedKeyMaterial', readOnly: false },
      requestParameters: { keyId: key.arn },
      responseElements: { keyId: key.arn, keyMaterialId: key.materialId },
      resources: [{ accountId: daemon.accountId, type: 'AWS::KMS::Key', ARN: key.arn }],
    });

    const other = { material: randomBytes(32), parameters: key.parameters };
    expect(await sdkRefusal(importMaterial(kms, key.id, other))).toMatchObject({
      code: 'IncorrectKeyMaterialException',
    });
    expect(await watch.again(key)).toBe(key.materialId);
    expect(await watch.uses(key)).toEqual(['ok', 'ok']);
    expect(await describeIt(key.id)).toMatchObject({
      ...{ KeyState: 'Enabled', ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' },
    });
  });

  test('is deleted as often as it is asked for, and where there never was any', async () => {
    const key = await watch.bring();
    for (const named of [undefined, key.materialId, key.materialId, undefined]) {
      const { KeyMaterialId } = await drop(key.id, named);
      expect(KeyMaterialId).toBe(key.materialId);
      expect(await watch.state(key)).toBe('PendingImport');
    }
    const never = await createExternalKey(kms);
    const { $metadata, ...answer } = await drop(never.id);
    expect(answer).toEqual({ KeyId: never.arn });
    expect($metadata.httpStatusCode).toBe(200);
    expect(await watch.state(never)).toBe('PendingImport');
  });

  test('is imported again and deleted at once, over and over: one of them was last', async () => {
    const key = await watch.bring();
    for (let round = 0; round < 4; round += 1) {
      await Promise.all([drop(key.id), watch.again(key), drop(key.id), watch.again(key)]);
      const there = (await watch.state(key)) === 'Enabled';
      const use = there ? 'ok' : pending(key);
      expect(await watch.uses(key)).toEqual([use, use]);
      const expected = there && storage === 'resident';
      expect(await watch.inToken(key.materialId)).toBe(expected);
      expect(await watch.doomed(key.materialId)).toBe(0);
    }
    await drop(key.id);
    await watch.again(key);
    expect(await watch.uses(key)).toEqual(['ok', 'ok']);
  });

  test('of several the key needs all, but for one that waits: to delete that discards it', async () => {
    const key = await watch.bring();
    const { id, parameters } = key;
    const material = randomBytes(32);
    const second = await importMaterial(kms, id, { material, parameters, ...NEW });
    expect((await drop(id, second)).KeyMaterialId).toBe(second);
    expect(await watch.uses(key)).toEqual(['ok', 'ok']);
    expect(await watch.inToken(second)).toBe(false);
    const { Rotations } = await kms.send(
      new ListKeyRotationsCommand({ KeyId: id, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' }),
    );
    expect(Rotations).toMatchObject([{ KeyMaterialId: key.materialId }]);
    const forgotten = importMaterial(kms, id, { material, parameters });
    expect(await sdkRefusal(forgotten)).toMatchObject({ code: 'IncorrectKeyMaterialException' });

    expect(await importMaterial(kms, id, { material, parameters, ...NEW })).toBe(second);
    await kms.send(new RotateKeyOnDemandCommand({ KeyId: id }));
    await drop(id, key.materialId);
    expect(await watch.uses(key)).toEqual([pending(key), pending(key)]);
    await drop(id);
    await watch.again(key);
    expect(await watch.state(key)).toBe('PendingImport');
    await importMaterial(kms, id, { material, parameters });
    expect(await watch.uses(key)).toEqual(['ok', 'ok']);
  });

  test('can be deleted of a key that is disabled, or to be deleted, and what comes again', async () => {
    const key = await watch.bring();
    await kms.send(new DisableKeyCommand({ KeyId: key.id }));
    await drop(key.id);
    expect(await watch.state(key)).toBe('PendingImport');
    for (const command of [EnableKeyCommand, DisableKeyCommand]) {
      const sending = kms.send(new command({ KeyId: key.id }));
      expect(await sdkRefusal(sending)).toMatchObject({ message: `${key.arn} is pending import.` });
    }
    await watch.again(key);
    expect(await watch.state(key)).toBe('Enabled');

    await kms.send(new ScheduleKeyDeletionCommand({ KeyId: key.id }));
    await drop(key.id);
    expect(await watch.state(key)).toBe('PendingDeletion');
    expect(await watch.inToken(key.materialId)).toBe(false);
    expect(await sdkRefusal(watch.again(key))).toMatchObject({
      ...{ code: 'KMSInvalidStateException', message: `${key.arn} is pending deletion.` },
    });
    await kms.send(new CancelKeyDeletionCommand({ KeyId: key.id }));
    expect(await watch.state(key)).toBe('PendingImport');
    await watch.again(key);
    expect(await watch.uses(key)).toEqual(['ok', 'ok']);
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId: key.id }));
    await kms.send(new CancelKeyDeletionCommand({ KeyId: key.id }));
    expect(await watch.state(key)).toBe('Disabled');
  });

  test.each([
    ['RSA_2048', 'SIGN_VERIFY', () => rsaKey(2048)],
    ['ECC_NIST_P256', 'KEY_AGREEMENT', () => ecKey('P-256')],
    ['HMAC_512', 'GENERATE_VERIFY_MAC', () => randomBytes(64)],
  ] as const)('of %s goes and comes too', async (KeySpec, KeyUsage, make) => {
    const key = await createExternalKey(kms, { KeySpec, KeyUsage });
    const algorithm = 'RSA_AES_KEY_WRAP_SHA_256';
    const parameters = await getParameters(kms, key.id, { algorithm });
    const brought = { material: make(), parameters };
    const id = await importMaterial(kms, key.id, brought);
    expect(await watch.inToken(id)).toBe(storage === 'resident');
    expect((await drop(key.id, id)).KeyMaterialId).toBe(id);
    expect([await watch.state(key), await watch.inToken(id)]).toEqual(['PendingImport', false]);
    const other = importMaterial(kms, key.id, { material: make(), parameters });
    expect(await sdkRefusal(other)).toMatchObject({ code: 'IncorrectKeyMaterialException' });
    expect(await importMaterial(kms, key.id, brought)).toBe(id);
    expect(await watch.state(key)).toBe('Enabled');
    expect(await watch.inToken(id)).toBe(storage === 'resident');
  });

  test('that the key does not have, or of a key that imports none, is not deleted', async () => {
    const key = await watch.bring();
    const KeyMaterialId = 'a'.repeat(64);
    const input = { KeyId: key.id, KeyMaterialId };
    expect(await refused(daemon, 'DeleteImportedKeyMaterial', input)).toEqual(
      badRequest(
        'NotFoundException',
        `Key material '${KeyMaterialId}' of key ${key.arn} does not exist`,
      ),
    );
    const { id, arn } = await createKey(kms);
    expect(await refused(daemon, 'DeleteImportedKeyMaterial', { KeyId: id })).toEqual(
      badRequest(
        'UnsupportedOperationException',
        `${arn} origin is AWS_KMS which is not valid for this operation.`,
      ),
    );
    expect(await watch.uses(key)).toEqual(['ok', 'ok']);
  });
});
