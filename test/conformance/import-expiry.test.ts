import { randomBytes } from 'node:crypto';
import {
  CreateGrantCommand,
  DescribeKeyCommand,
  type KMSClient,
  ListKeyRotationsCommand,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type BroughtKey, type ImportWatch, watchImports } from '../support/imported-keys';
import { changeAndAnnounce, sdkRefusal } from '../support/kms';
import { importMaterial } from '../support/kms-imports';
import { until } from '../support/until';

const tomorrow = () => new Date(Date.now() + 24 * 3600_000);
const NEW = { ImportType: 'NEW_KEY_MATERIAL' } as const;

interface Ending {
  readonly id: string;
  readonly materialId: string;
  readonly seconds: number;
  /** A worker has tried to delete it, and will not soon try again. */
  readonly heldUp?: boolean;
}

/** Its time is over so many seconds from now, as if the rest had gone by. */
function bringForward(
  daemon: TestDaemon,
  { id, materialId, seconds, heldUp = false }: Ending,
): Promise<void> {
  const sql = `
    with ending as (
      update key_material set valid_to = clock_timestamp() + interval '${seconds} seconds'
      where key_id = $1 and material_id = '${materialId}' returning *
    )
    insert into job_attempt (job, subject, due_at, attempts, retry_at)
    select 'expire-material', material_id, valid_to, 1, now() + interval '1 day' from ending where ${heldUp}`;
  return changeAndAnnounce(daemon, { topic: 'key', id, sql });
}

const pending = ({ arn }: BroughtKey): string =>
  `KMSInvalidStateException: ${arn} is pending import.`;

describe('Imported material whose time is over', () => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  let watch: ImportWatch;
  beforeAll(async () => {
    daemon = await startDaemon({ workers: 2, environment: { CLAVIGER_JOB_INTERVAL_MS: '100' } });
    kms = daemon.client();
    watch = await watchImports(daemon, kms);
  });
  afterAll(async () => {
    await watch.close();
    await daemon.remove();
  });

  const expired = (key: BroughtKey, records = 1): Promise<void> =>
    until('its expiry is recorded', async () => (await watch.expiries(key)).length === records);

  test('is deleted as if by DeleteImportedKeyMaterial, with a record, and can be imported again', async () => {
    const key = await watch.bring({ ValidTo: tomorrow() });
    expect(await watch.uses(key)).toEqual(['ok', 'ok']);
    await bringForward(daemon, { ...key, seconds: 1 });
    await expired(key);
    expect(await watch.uses(key)).toEqual([pending(key), pending(key)]);
    await until('it is destroyed', async () => !(await watch.inToken(key.materialId)));
    const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: key.id }));
    expect(KeyMetadata).toMatchObject({
      ...{ KeyState: 'PendingImport', Enabled: false, CurrentKeyMaterialId: key.materialId },
    });
    for (const gone of ['ExpirationModel', 'ValidTo']) expect(KeyMetadata).not.toHaveProperty(gone);
    expect(await watch.expiries(key)).toMatchObject([
      {
        ...{ eventType: 'AwsServiceEvent', readOnly: false, requestParameters: null },
        userIdentity: { accountId: daemon.accountId, invokedBy: 'AWS Internal' },
        resources: [{ accountId: daemon.accountId, type: 'AWS::KMS::Key', ARN: key.arn }],
        serviceEventDetails: { keyId: key.id, keyMaterialId: key.materialId },
      },
    ]);
    expect(await watch.again(key)).toBe(key.materialId);
    expect(await watch.uses(key)).toEqual(['ok', 'ok']);
  });

  test('is kept where it was imported again, and so for longer, before', async () => {
    const key = await watch.bring({ ValidTo: tomorrow() });
    await watch.again(key);
    const other = await watch.bring({ ValidTo: tomorrow() });
    await bringForward(daemon, { ...other, seconds: -1 });
    await expired(other);
    expect(await watch.uses(key)).toEqual(['ok', 'ok']);
    expect(await watch.expiries(key)).toEqual([]);
  });

  test('takes the whole key with it where it is an older one, and itself alone where it waits', async () => {
    const key = await watch.bring({ ValidTo: tomorrow() });
    const { id, parameters } = key;
    const brought = { material: randomBytes(32), parameters, ValidTo: tomorrow() };
    const materialId = await importMaterial(kms, id, { ...brought, ...NEW });
    await bringForward(daemon, { id, materialId, seconds: 0 });
    await expired(key);
    expect(await watch.uses(key)).toEqual(['ok', 'ok']);
    const { Rotations } = await kms.send(
      new ListKeyRotationsCommand({ KeyId: id, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' }),
    );
    expect(Rotations).toMatchObject([{ KeyMaterialId: key.materialId }]);
    expect(await sdkRefusal(kms.send(new RotateKeyOnDemandCommand({ KeyId: id })))).toMatchObject({
      message: `No available key material pending rotation for the key: ${key.arn}.`,
    });
    await importMaterial(kms, id, { ...brought, ...NEW });
    await kms.send(new RotateKeyOnDemandCommand({ KeyId: id }));
    await bringForward(daemon, { ...key, seconds: 0 });
    await expired(key, 2);
    expect(await watch.uses(key)).toEqual([pending(key), pending(key)]);
    await watch.again(key);
    expect(await watch.uses(key)).toEqual(['ok', 'ok']);
  });

  test('leaves a key that is to be deleted as it is', async () => {
    const key = await watch.bring({ ValidTo: tomorrow() });
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId: key.id }));
    await bringForward(daemon, { ...key, seconds: 0 });
    await expired(key);
    expect(await watch.state(key)).toBe('PendingDeletion');
    await until('it is destroyed', async () => !(await watch.inToken(key.materialId)));
  });
});

describe('Imported material whose time is over, and that nobody has come to yet', () => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  let watch: ImportWatch;
  beforeAll(async () => {
    daemon = await startDaemon();
    kms = daemon.client();
    watch = await watchImports(daemon, kms);
  });
  afterAll(async () => {
    await watch.close();
    await daemon.remove();
  });

  test('is of no use from that moment on, though a worker has known the key since before', async () => {
    const key = await watch.bring({ ValidTo: tomorrow() });
    await bringForward(daemon, { ...key, seconds: 1, heldUp: true });
    const refused = [pending(key), pending(key)];
    await until('its time is over', async () => (await watch.uses(key))[1] === refused[1]);
    expect(await watch.uses(key)).toEqual(refused);
    expect(await watch.inToken(key.materialId)).toBe(true);
    const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: key.id }));
    expect(KeyMetadata).toMatchObject({ KeyState: 'PendingImport', Enabled: false });
    const granting = kms.send(
      new CreateGrantCommand({
        ...{ KeyId: key.id, GranteePrincipal: `arn:aws:iam::${daemon.accountId}:root` },
        Operations: ['Encrypt'],
      }),
    );
    expect(await sdkRefusal(granting)).toMatchObject({ message: `${key.arn} is pending import.` });
    expect(await watch.expiries(key)).toEqual([]);
    // Imported again it was never away.
    await watch.again(key);
    expect(await watch.uses(key)).toEqual(['ok', 'ok']);
  });

  test('is not rotated to, where it waits for that', async () => {
    const key = await watch.bring();
    const { id, parameters } = key;
    const brought = { material: randomBytes(32), parameters, ValidTo: tomorrow() };
    const materialId = await importMaterial(kms, id, { ...brought, ...NEW });
    await bringForward(daemon, { id, materialId, seconds: 0, heldUp: true });
    expect(await sdkRefusal(kms.send(new RotateKeyOnDemandCommand({ KeyId: id })))).toMatchObject({
      message: `No available key material pending rotation for the key: ${key.arn}.`,
    });
    expect(await watch.uses(key)).toEqual(['ok', 'ok']);
  });
});
