import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  DisableKeyRotationCommand,
  EnableKeyCommand,
  EnableKeyRotationCommand,
  GetKeyRotationStatusCommand,
  type KMSClient,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { openTerminal } from '../support/aws-cli';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { disagreements } from '../support/doctor';
import { createKey, sdkRefusal } from '../support/kms';
import { administer } from '../support/postgres';
import { allRotations, changeKey } from '../support/rotation';
import { badRequest, refused } from '../support/wire';

const missing = '00000000-1111-2222-3333-444444444444';
const day = 24 * 3600 * 1000;

let daemon: TestDaemon;
let kms: KMSClient;
beforeAll(async () => {
  // Its jobs sleep: what is due stays due.
  daemon = await startDaemon({ environment: { CLAVIGER_JOB_INTERVAL_MS: '3600000' } });
  kms = daemon.client();
});
afterAll(() => daemon.remove());

const status = async (KeyId: string) => {
  const { $metadata, ...answer } = await kms.send(new GetKeyRotationStatusCommand({ KeyId }));
  expect($metadata.httpStatusCode).toBe(200);
  return answer;
};
const enable = (KeyId: string, RotationPeriodInDays?: number) =>
  kms.send(new EnableKeyRotationCommand({ KeyId, RotationPeriodInDays }));
const rotate = (KeyId: string) => kms.send(new RotateKeyOnDemandCommand({ KeyId }));
const currentMaterial = async (KeyId: string): Promise<string | undefined> =>
  (await kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.CurrentKeyMaterialId;
const databaseTime = async (): Promise<number> => {
  const [row] = await administer<{ at: Date }>(
    daemon.databaseUrl,
    'select clock_timestamp() as at',
  );
  return row?.at.getTime() ?? NaN;
};

describe('EnableKeyRotation, DisableKeyRotation and GetKeyRotationStatus', () => {
  test('A key does not rotate by itself unless it is told to', async () => {
    const { id, arn } = await createKey(kms);
    expect(await status(id)).toEqual({ KeyId: arn, KeyRotationEnabled: false });
  });

  test.each([
    [90, 90],
    [2560, 2560],
    [undefined, 365],
  ])('A period of %j rotates for the first time after %d days', async (period, days) => {
    const { id, arn } = await createKey(kms);
    const before = await databaseTime();
    const { $metadata, ...answer } = await enable(id, period);
    const after = await databaseTime();
    expect([$metadata.httpStatusCode, answer]).toEqual([200, {}]);
    const { NextRotationDate, ...rest } = await status(arn);
    expect(rest).toEqual({ KeyId: arn, KeyRotationEnabled: true, RotationPeriodInDays: days });
    expect(NextRotationDate?.getTime()).toBeGreaterThanOrEqual(before + days * day - 1);
    expect(NextRotationDate?.getTime()).toBeLessThanOrEqual(after + days * day + 1);
  });

  test.each([
    [89, 'greater than or equal to 90'],
    [0, 'greater than or equal to 90'],
    [-1, 'greater than or equal to 90'],
    [2561, 'less than or equal to 2560'],
  ])('A period of %d days is refused', async (days, range) => {
    const input = { KeyId: missing, RotationPeriodInDays: days };
    expect(await refused(daemon, 'EnableKeyRotation', input)).toEqual(
      badRequest(
        'ValidationException',
        `1 validation error detected: Value '${days}' at 'rotationPeriodInDays' failed to satisfy constraint: Member must have value ${range}`,
      ),
    );
  });

  test('Another period counts from when it is set, the same one leaves the date as it is', async () => {
    const { id } = await createKey(kms);
    await enable(id, 90);
    const { NextRotationDate } = await status(id);
    await enable(id, 90);
    expect(await status(id)).toMatchObject({ NextRotationDate });
    const before = await databaseTime();
    await enable(id);
    const changed = await status(id);
    expect(changed.RotationPeriodInDays).toBe(365);
    expect(changed.NextRotationDate?.getTime()).toBeGreaterThanOrEqual(before + 365 * day - 1);
  });

  test('Once it is disabled nothing is left of the period', async () => {
    const { id, arn } = await createKey(kms);
    await enable(id, 90);
    for (let i = 0; i < 2; i++) await kms.send(new DisableKeyRotationCommand({ KeyId: id }));
    expect(await status(id)).toEqual({ KeyId: arn, KeyRotationEnabled: false });
    await enable(id);
    expect(await status(id)).toMatchObject({ RotationPeriodInDays: 365 });
  });

  test('A disabled key keeps the setting, which cannot be changed', async () => {
    const { id, arn } = await createKey(kms);
    await enable(id, 90);
    const set = await status(id);
    await kms.send(new DisableKeyCommand({ KeyId: id }));
    expect(await status(id)).toEqual(set);
    for (const operation of ['EnableKeyRotation', 'DisableKeyRotation', 'RotateKeyOnDemand']) {
      expect(await refused(daemon, operation, { KeyId: id })).toEqual(
        badRequest('DisabledException', `${arn} is disabled.`),
      );
    }
    await kms.send(new EnableKeyCommand({ KeyId: id }));
    expect(await status(id)).toEqual(set);
  });

  test('While its deletion is pending a key rotates not at all, and as before when it is cancelled', async () => {
    const { id, arn } = await createKey(kms);
    await enable(id, 90);
    const set = await status(id);
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId: id }));
    expect(await status(id)).toEqual({ KeyId: arn, KeyRotationEnabled: false });
    for (const operation of ['EnableKeyRotation', 'DisableKeyRotation', 'RotateKeyOnDemand']) {
      expect(await refused(daemon, operation, { KeyId: id })).toEqual(
        badRequest('KMSInvalidStateException', `${arn} is pending deletion.`),
      );
    }
    await kms.send(new CancelKeyDeletionCommand({ KeyId: id }));
    expect(await status(id)).toEqual(set);
  });
});

describe('RotateKeyOnDemand', () => {
  test('has made other material current when it answers, and does not move the next date', async () => {
    const { id, arn } = await createKey(kms);
    await enable(id, 90);
    const [set, first] = [await status(id), await currentMaterial(id)];
    const { $metadata, ...answer } = await rotate(arn);
    expect([$metadata.httpStatusCode, answer]).toEqual([200, { KeyId: arn }]);
    const second = await currentMaterial(id);
    expect(second).toMatch(/^[0-9a-f]{64}$/);
    expect(second).not.toBe(first);
    expect(await status(id)).toEqual(set);
    expect(await allRotations(kms, id)).toMatchObject([
      { KeyMaterialId: first, KeyMaterialState: 'NON_CURRENT' },
      { KeyMaterialId: second, KeyMaterialState: 'CURRENT', RotationType: 'ON_DEMAND' },
    ]);
  });

  test('is done 25 times in the life of a key', async () => {
    const { id, arn } = await createKey(kms);
    await changeKey(daemon, id, 'on_demand_rotations = 24');
    await rotate(id);
    const last = await currentMaterial(id);
    for (let i = 0; i < 2; i++) {
      expect(await sdkRefusal(rotate(id))).toEqual({
        code: 'LimitExceededException',
        message: `The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be performed for this key: ${arn}`,
        status: 400,
      });
    }
    expect(await currentMaterial(id)).toBe(last);
    expect(await disagreements(daemon)).toEqual([]);
  });

  test.each([
    ['is due in 19 minutes', "interval '19 minutes'", true],
    ['is overdue', "interval '-1 day'", true],
    ['is due in 21 minutes', "interval '21 minutes'", false],
  ])('while an automatic rotation %s', async (_title, until, refuses) => {
    const { id, arn } = await createKey(kms);
    await enable(id);
    await changeKey(daemon, id, `next_rotation_at = now() + ${until}`);
    const first = await currentMaterial(id);
    if (refuses) {
      expect(await sdkRefusal(rotate(id))).toEqual({
        code: 'ConflictException',
        message: `An automatic rotation of ${arn} is due within the next 20 minutes.`,
        status: 400,
      });
    } else {
      await rotate(id);
    }
    expect((await currentMaterial(id)) === first).toBe(refuses);
  });

  test('two at once are done one after the other', async () => {
    const { id } = await createKey(kms);
    await Promise.all(
      [daemon.client(), daemon.client(), daemon.client()].map((one) =>
        one.send(new RotateKeyOnDemandCommand({ KeyId: id })),
      ),
    );
    const rotations = await allRotations(kms, id);
    expect(rotations.map(({ KeyMaterialState }) => KeyMaterialState)).toEqual([
      ...['NON_CURRENT', 'NON_CURRENT', 'NON_CURRENT', 'CURRENT'],
    ]);
    expect(rotations.at(-1)?.KeyMaterialId).toBe(await currentMaterial(id));
  });
});

describe('All of them', () => {
  const operations = [
    'EnableKeyRotation',
    'DisableKeyRotation',
    'GetKeyRotationStatus',
    'ListKeyRotations',
    'RotateKeyOnDemand',
  ];

  test.each(operations)('%s takes no alias, and no key that is not there', async (operation) => {
    const { id } = await createKey(kms);
    const AliasName = `alias/of-${id}`;
    await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: id }));
    expect(await refused(daemon, operation, { KeyId: AliasName })).toEqual(
      badRequest('InvalidArnException', 'Key Aliases are not supported for this operation.'),
    );
    const arn = `arn:aws:kms:${daemon.region}:${daemon.accountId}:key/${missing}`;
    expect(await refused(daemon, operation, { KeyId: missing })).toEqual(
      badRequest('NotFoundException', `Key '${arn}' does not exist`),
    );
    expect(await refused(daemon, operation, {})).toEqual(
      badRequest(
        'ValidationException',
        "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null",
      ),
    );
  });

  test.each(operations.filter((name) => !/List|OnDemand/.test(name)))(
    '%s refuses imported keys in every state but those in which nothing works',
    async (operation) => {
      const { id, arn } = await createKey(kms);
      const origin = badRequest(
        'UnsupportedOperationException',
        `${arn} origin is EXTERNAL which is not valid for this operation.`,
      );
      for (const state of ['Enabled', 'Disabled', 'PendingImport', 'PendingDeletion']) {
        const date = state === 'PendingDeletion' ? "now() + interval '7 days'" : 'null';
        const set = `origin = 'EXTERNAL', state = '${state}', deletion_date = ${date}`;
        await changeKey(daemon, id, set);
        expect(await refused(daemon, operation, { KeyId: id })).toEqual(origin);
      }
    },
  );
});

test('The AWS CLI rotates keys', async () => {
  const terminal = await openTerminal(daemon);
  try {
    const { id, arn } = await createKey(kms);
    const answer = async (...args: string[]): Promise<unknown> => {
      const { code, stdout, stderr } = await terminal.kms(...args, '--key-id', id);
      expect([code, stderr]).toEqual([0, '']);
      return stdout === '' ? undefined : JSON.parse(stdout);
    };
    expect(await answer('enable-key-rotation', '--rotation-period-in-days', '90')).toBeUndefined();
    expect(await answer('get-key-rotation-status')).toEqual({
      ...{ KeyId: arn, KeyRotationEnabled: true, RotationPeriodInDays: 90 },
      // A number in version 1 of the CLI, a text in version 2.
      NextRotationDate: expect.anything() as unknown,
    });
    expect(await answer('rotate-key-on-demand')).toEqual({ KeyId: arn });
    expect(
      await answer('list-key-rotations', '--include-key-material', 'ALL_KEY_MATERIAL'),
    ).toMatchObject({
      Rotations: [{ KeyMaterialState: 'NON_CURRENT' }, { RotationType: 'ON_DEMAND' }],
    });
    expect(await answer('disable-key-rotation')).toBeUndefined();
    expect(await answer('get-key-rotation-status')).toEqual({
      KeyId: arn,
      KeyRotationEnabled: false,
    });
    await kms.send(new DisableKeyCommand({ KeyId: id }));
    const { stderr } = await terminal.kms('enable-key-rotation', '--key-id', id);
    expect(stderr).toContain(
      `An error occurred (DisabledException) when calling the EnableKeyRotation operation: ${arn} is disabled.`,
    );
  } finally {
    await terminal.close();
  }
}, 120_000);
