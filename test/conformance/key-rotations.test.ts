import {
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyRotationCommand,
  EncryptCommand,
  GetKeyRotationStatusCommand,
  type KMSClient,
  ListKeyRotationsCommand,
  RotateKeyOnDemandCommand,
} from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { disagreements } from '../support/doctor';
import { type NewKey, auditOf, createKey, putIntoState } from '../support/kms';
import { administer } from '../support/postgres';
import { allRotations, becomeImported, changeKey, rotationEvents } from '../support/rotation';
import { badRequest, refused } from '../support/wire';

let daemon: TestDaemon;
let kms: KMSClient;
beforeAll(async () => {
  daemon = await startDaemon({ environment: { CLAVIGER_JOB_INTERVAL_MS: '3600000' } });
  kms = daemon.client();
});
afterAll(() => daemon.remove());

const rotate = (KeyId: string) => kms.send(new RotateKeyOnDemandCommand({ KeyId }));

describe('ListKeyRotations', () => {
  let key: NewKey;
  let ids: (string | undefined)[];
  beforeAll(async () => {
    key = await createKey(kms);
    for (let i = 0; i < 4; i++) await rotate(key.id);
    ids = (await allRotations(kms, key.id)).map(({ KeyMaterialId }) => KeyMaterialId);
  });

  test('lists the rotations that are done, oldest first, with when and why', async () => {
    for (const IncludeKeyMaterial of [undefined, 'ROTATIONS_ONLY'] as const) {
      const { $metadata, ...answer } = await kms.send(
        new ListKeyRotationsCommand({ KeyId: key.arn, IncludeKeyMaterial }),
      );
      expect(answer).toEqual({
        Rotations: ids.slice(1).map((KeyMaterialId, i) => ({
          ...{ KeyId: key.id, KeyMaterialId, RotationType: 'ON_DEMAND' },
          KeyMaterialState: i === 3 ? 'CURRENT' : 'NON_CURRENT',
          RotationDate: expect.any(Date) as Date,
        })),
        Truncated: false,
      });
      const dates = answer.Rotations?.map(({ RotationDate }) => RotationDate!.getTime()) ?? [];
      expect(dates).toEqual([...dates].sort((a, b) => a - b));
      expect($metadata.httpStatusCode).toBe(200);
    }
  });

  test('has none of a key that did not rotate', async () => {
    const { id } = await createKey(kms);
    const { $metadata, ...answer } = await kms.send(new ListKeyRotationsCommand({ KeyId: id }));
    expect(answer).toEqual({ Rotations: [], Truncated: false });
    expect($metadata.httpStatusCode).toBe(200);
  });

  test('adds the first material when it is asked for all, which no rotation made', async () => {
    const [first, ...rest] = await allRotations(kms, key.id);
    expect(first).toEqual({
      ...{ KeyId: key.id, KeyMaterialId: ids[0], KeyMaterialState: 'NON_CURRENT' },
    });
    expect(rest).toEqual(
      (await kms.send(new ListKeyRotationsCommand({ KeyId: key.id }))).Rotations,
    );
  });

  test.each([
    ['ALL_KEY_MATERIAL', 5],
    ['ROTATIONS_ONLY', 4],
  ] as const)('comes in pages of %s', async (IncludeKeyMaterial, count) => {
    const found: (string | undefined)[] = [];
    let Marker: string | undefined;
    for (let pages = 1; pages <= 3; pages++) {
      const page = await kms.send(
        new ListKeyRotationsCommand({ KeyId: key.id, IncludeKeyMaterial, Limit: 2, Marker }),
      );
      found.push(...(page.Rotations ?? []).map(({ KeyMaterialId }) => KeyMaterialId));
      Marker = page.NextMarker;
      expect([page.Truncated, page.Rotations?.length]).toEqual([
        Marker !== undefined,
        Math.min(2, count - 2 * (pages - 1)),
      ]);
      if (Marker === undefined) break;
    }
    expect(found).toEqual(ids.slice(5 - count));
  });

  test('takes no marker of another list, and none that is made up', async () => {
    const first = await kms.send(new ListKeyRotationsCommand({ KeyId: key.id, Limit: 1 }));
    const { NextMarker: Marker } = first;
    const { id: other } = await createKey(kms);
    const place = (after: unknown): string =>
      Buffer.from(JSON.stringify([`ListKeyRotations ${key.id} ROTATIONS_ONLY`, after])).toString(
        'base64',
      );
    const inputs = [
      { KeyId: other, Marker },
      { KeyId: key.id, IncludeKeyMaterial: 'ALL_KEY_MATERIAL', Marker },
      { KeyId: key.id, Marker: 'made up' },
      ...['-1', '1.5', 'x', '9999999999', '1; drop table kms_key', 2, null].map((after) => ({
        ...{ KeyId: key.id, Marker: place(after) },
      })),
    ];
    for (const input of inputs) {
      expect(await refused(daemon, 'ListKeyRotations', input)).toEqual(
        badRequest('InvalidMarkerException'),
      );
    }
    const end = await kms.send(new ListKeyRotationsCommand({ KeyId: key.id, Marker: place('99') }));
    expect(end).toMatchObject({ Rotations: [], Truncated: false });
  });

  test.each([
    [{ Limit: 0 }, `Value '0' at 'limit'`, 'Member must have value greater than or equal to 1'],
    [
      { Limit: 1001 },
      `Value '1001' at 'limit'`,
      'Member must have value less than or equal to 1000',
    ],
    [
      { IncludeKeyMaterial: 'SOME' },
      `Value 'SOME' at 'includeKeyMaterial'`,
      'Member must satisfy enum value set: [ALL_KEY_MATERIAL, ROTATIONS_ONLY]',
    ],
  ])('refuses %j', async (input, what, constraint) => {
    expect(await refused(daemon, 'ListKeyRotations', { KeyId: key.id, ...input })).toEqual(
      badRequest(
        'ValidationException',
        `1 validation error detected: ${what} failed to satisfy constraint: ${constraint}`,
      ),
    );
  });

  test.each(['Disabled', 'PendingDeletion', 'PendingImport'])(
    'works on a key that is %s',
    async (state) => {
      const { id } = await createKey(kms);
      await rotate(id);
      await putIntoState(daemon, id, state);
      expect(await allRotations(kms, id)).toHaveLength(2);
    },
  );
});

describe('A key that does not rotate for what it is', () => {
  // By SQL: such keys cannot be made yet.
  const hmac = `key_spec = 'HMAC_256', key_usage = 'GENERATE_VERIFY_MAC'`;

  test.each(['RotateKeyOnDemand', 'EnableKeyRotation', 'ListKeyRotations'])(
    'is refused by %s where it is not for symmetric encryption',
    async (operation) => {
      const { id } = await createKey(kms);
      await changeKey(daemon, id, hmac);
      expect(await refused(daemon, operation, { KeyId: id })).toEqual(
        badRequest('UnsupportedOperationException'),
      );
    },
  );

  test('rotates not at all, and may be told so', async () => {
    const { id, arn } = await createKey(kms);
    await changeKey(daemon, id, hmac);
    await kms.send(new DisableKeyRotationCommand({ KeyId: id }));
    expect(await kms.send(new GetKeyRotationStatusCommand({ KeyId: id }))).toMatchObject({
      ...{ KeyId: arn, KeyRotationEnabled: false },
    });
  });
});

describe('An imported key', () => {
  const Plaintext = Buffer.from('a');

  test('takes what waits for it, and opens with what it had before', async () => {
    const { id, arn } = await createKey(kms);
    const sealed = await kms.send(new EncryptCommand({ KeyId: id, Plaintext }));
    await rotate(id);
    const [current, pending] = (await allRotations(kms, id)).map((one) => one.KeyMaterialId);
    await becomeImported(daemon, id, { current, pending });
    const imported = { ImportState: 'IMPORTED', ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' };
    expect(await allRotations(kms, id)).toEqual([
      { KeyId: id, KeyMaterialId: current, KeyMaterialState: 'CURRENT', ...imported },
      { KeyId: id, KeyMaterialId: pending, KeyMaterialState: 'PENDING_ROTATION', ...imported },
    ]);
    expect(await disagreements(daemon)).toEqual([]);
    const { $metadata, ...answer } = await rotate(id);
    expect([$metadata.httpStatusCode, answer]).toEqual([200, { KeyId: arn }]);
    const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: id }));
    expect(KeyMetadata?.CurrentKeyMaterialId).toBe(pending);
    expect(await allRotations(kms, id)).toEqual([
      { KeyId: id, KeyMaterialId: current, KeyMaterialState: 'NON_CURRENT', ...imported },
      {
        ...{ KeyId: id, KeyMaterialId: pending, KeyMaterialState: 'CURRENT', ...imported },
        ...{ RotationDate: expect.any(Date) as Date, RotationType: 'ON_DEMAND' },
      },
    ]);
    const opened = await kms.send(new DecryptCommand({ CiphertextBlob: sealed.CiphertextBlob }));
    expect(opened).toMatchObject({ KeyMaterialId: current });
    const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId: id, Plaintext }));
    expect(await kms.send(new DecryptCommand({ CiphertextBlob }))).toMatchObject({
      KeyMaterialId: pending,
    });
    expect(await disagreements(daemon)).toEqual([]);
    expect((await rotationEvents(daemon, arn)).at(-1)?.serviceEventDetails).toEqual({
      ...{ keyId: id, rotationType: 'ON_DEMAND', keyOrigin: 'EXTERNAL' },
      ...{ previousKeyMaterialId: current, currentKeyMaterialId: pending },
    });
  });

  test('without material that waits is refused, and counts nothing', async () => {
    const { id, arn } = await createKey(kms);
    const [{ KeyMaterialId: current } = {}] = await allRotations(kms, id);
    await becomeImported(daemon, id, { current });
    expect(await refused(daemon, 'RotateKeyOnDemand', { KeyId: id })).toEqual(
      badRequest(
        'KMSInvalidStateException',
        `No available key material pending rotation for the key: ${arn}.`,
      ),
    );
    const counted = 'select on_demand_rotations as n from kms_key where key_id = $1';
    expect(await administer(daemon.databaseUrl, counted, [id])).toEqual([{ n: 0 }]);
    await changeKey(daemon, id, `state = 'PendingImport'`);
    expect(await refused(daemon, 'RotateKeyOnDemand', { KeyId: id })).toEqual(
      badRequest('KMSInvalidStateException', `${arn} is pending import.`),
    );
  });
});

describe('The audit', () => {
  test('has a rotation on demand as a request, and what became of it as an event of the service', async () => {
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
    const { KeyId: id = '', Arn: arn = '', CurrentKeyMaterialId } = KeyMetadata ?? {};
    const resources = [{ accountId: daemon.accountId, type: 'AWS::KMS::Key', ARN: arn }];
    const { $metadata } = await rotate(id);
    expect(await auditOf(daemon, $metadata.requestId!)).toMatchObject({
      eventName: 'RotateKeyOnDemand',
      readOnly: false,
      requestParameters: { keyId: id },
      responseElements: { keyId: arn },
      resources,
    });
    const [event, ...more] = await rotationEvents(daemon, arn);
    expect(more).toEqual([]);
    expect(event).toMatchObject({
      eventType: 'AwsServiceEvent',
      userIdentity: { accountId: daemon.accountId, invokedBy: 'AWS Internal' },
      resources,
      serviceEventDetails: {
        ...{ keyId: id, rotationType: 'ON_DEMAND', keyOrigin: 'AWS_KMS' },
        previousKeyMaterialId: CurrentKeyMaterialId,
        currentKeyMaterialId: (await allRotations(kms, id)).at(-1)?.KeyMaterialId,
      },
    });
  });
});
