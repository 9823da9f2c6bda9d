import { PutUserPolicyCommand } from '@aws-sdk/client-iam';
import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  DescribeKeyCommand,
  EncryptCommand,
  type KMSClient,
  ListKeysCommand,
  PutKeyPolicyCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { openTerminal } from '../support/aws-cli';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient } from '../support/iam-client';
import { auditOf, createKey, otherAccount, sdkRefusal } from '../support/kms';
import { administer } from '../support/postgres';
import { newUser } from '../support/principals';
import { accessDenied, badRequest, call, refusal, refused } from '../support/wire';

const missing = '00000000-1111-2222-3333-444444444444';
const day = 24 * 3600 * 1000;

describe('ScheduleKeyDeletion and CancelKeyDeletion', () => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  beforeAll(async () => {
    daemon = await startDaemon({ workers: 2 });
    kms = daemon.client();
  });
  afterAll(() => daemon.remove());

  const describeIt = async (KeyId: string) =>
    (await kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata;
  const databaseTime = async (): Promise<number> => {
    const [row] = await administer<{ at: Date }>(
      daemon.databaseUrl,
      'select clock_timestamp() as at',
    );
    return row?.at.getTime() ?? NaN;
  };

  test.each([
    [7, 7],
    [30, 30],
    [undefined, 30],
  ])(
    'A window of %j days ends after %j days by the clock of the database, in every answer',
    async (PendingWindowInDays, days) => {
      const { id, arn } = await createKey(kms);
      const before = await databaseTime();
      const answer = await kms.send(
        new ScheduleKeyDeletionCommand({ KeyId: id, PendingWindowInDays }),
      );
      const after = await databaseTime();
      const { $metadata, DeletionDate, ...rest } = answer;
      expect(rest).toEqual({ KeyId: arn, KeyState: 'PendingDeletion', PendingWindowInDays: days });
      expect(DeletionDate?.getTime()).toBeGreaterThanOrEqual(before + days * day - 1);
      expect(DeletionDate?.getTime()).toBeLessThanOrEqual(after + days * day + 1);
      const shown = await describeIt(arn);
      expect(shown).toMatchObject({ KeyState: 'PendingDeletion', Enabled: false, DeletionDate });
      expect($metadata.httpStatusCode).toBe(200);
    },
  );

  test.each([1, 6, 31, 365])('A window of %d days is refused', async (PendingWindowInDays) => {
    for (const KeyId of [missing, 'alias/none']) {
      expect(await refused(daemon, 'ScheduleKeyDeletion', { KeyId, PendingWindowInDays })).toEqual(
        badRequest('ValidationException', 'PendingWindowInDays must be between 7 and 30'),
      );
    }
  });

  const ranges = [
    [0, 'greater than or equal to 1'],
    [-1, 'greater than or equal to 1'],
    [366, 'less than or equal to 365'],
  ] as const;
  test.each(ranges)('A window of %d days is out of the range of the shape', async (days, range) => {
    const input = { KeyId: missing, PendingWindowInDays: days };
    expect(await refused(daemon, 'ScheduleKeyDeletion', input)).toEqual(
      badRequest(
        'ValidationException',
        `1 validation error detected: Value '${days}' at 'pendingWindowInDays' failed to satisfy constraint: Member must have value ${range}`,
      ),
    );
  });

  test('A cancelled deletion leaves the key disabled, whatever it was, and without a date', async () => {
    const { id, arn } = await createKey(kms);
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId: arn }));
    const { $metadata, ...answer } = await kms.send(new CancelKeyDeletionCommand({ KeyId: id }));
    expect(answer).toEqual({ KeyId: arn });
    expect($metadata.httpStatusCode).toBe(200);
    const shown = await describeIt(id);
    expect(shown).toMatchObject({ KeyState: 'Disabled', Enabled: false });
    expect(shown).not.toHaveProperty('DeletionDate');
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId: id, PendingWindowInDays: 8 }));
    expect(await describeIt(id)).toMatchObject({ KeyState: 'PendingDeletion' });
  });

  test('Each is refused where the state does not allow it', async () => {
    const { id, arn } = await createKey(kms);
    expect(await refused(daemon, 'CancelKeyDeletion', { KeyId: id })).toEqual(
      badRequest('KMSInvalidStateException', `${arn} is not pending deletion.`),
    );
    const first = await kms.send(new ScheduleKeyDeletionCommand({ KeyId: id }));
    const again = { KeyId: id, PendingWindowInDays: 7 };
    expect(await refused(daemon, 'ScheduleKeyDeletion', again)).toEqual(
      badRequest('KMSInvalidStateException', `${arn} is pending deletion.`),
    );
    expect((await describeIt(id))?.DeletionDate).toEqual(first.DeletionDate);
  });

  test.each(['ScheduleKeyDeletion', 'CancelKeyDeletion'])(
    '%s takes no alias, and no key that is not there',
    async (operation) => {
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
    },
  );

  test('A key of another account cannot be scheduled or cancelled, whatever its policy says', async () => {
    const { id, arn } = await createKey(kms);
    const credentials = await otherAccount(daemon, '444455556666');
    const Policy = JSON.stringify({
      Statement: { Effect: 'Allow', Principal: '*', Action: 'kms:*', Resource: '*' },
    });
    await kms.send(
      new PutKeyPolicyCommand({ KeyId: id, Policy, BypassPolicyLockoutSafetyCheck: true }),
    );
    for (const operation of ['ScheduleKeyDeletion', 'CancelKeyDeletion']) {
      const reply = await call(daemon, operation, { KeyId: arn }, { credentials });
      expect(refusal(reply)).toEqual(
        accessDenied(
          `User: arn:aws:iam::444455556666:root is not authorized to perform: kms:${operation} on this resource because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access`,
        ),
      );
    }
    expect(await describeIt(id)).toMatchObject({ KeyState: 'Enabled' });
  });

  test('kms:ScheduleKeyDeletionPendingWindowInDays is the window in days, 30 where none is given', async () => {
    const user = await newUser(daemon, 'keeper');
    const Condition = {
      NumericGreaterThanEquals: { 'kms:ScheduleKeyDeletionPendingWindowInDays': '20' },
    };
    const statement = {
      ...{ Effect: 'Allow', Action: 'kms:ScheduleKeyDeletion', Resource: '*' },
      Condition,
    };
    await iamClient(daemon).send(
      new PutUserPolicyCommand({
        ...{ UserName: 'keeper', PolicyName: 'p' },
        PolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement: [statement] }),
      }),
    );
    const { id, arn } = await createKey(kms);
    const schedule = (PendingWindowInDays?: number) =>
      user.kms.send(new ScheduleKeyDeletionCommand({ KeyId: id, PendingWindowInDays }));
    expect(await sdkRefusal(schedule(19))).toEqual({
      code: 'AccessDeniedException',
      message: `User: ${user.arn} is not authorized to perform: kms:ScheduleKeyDeletion on resource: ${arn} because no identity-based policy allows the kms:ScheduleKeyDeletion action`,
      status: 400,
    });
    expect(await schedule(20)).toMatchObject({ PendingWindowInDays: 20 });
    await kms.send(new CancelKeyDeletionCommand({ KeyId: id }));
    expect(await schedule()).toMatchObject({ PendingWindowInDays: 30 });
  });

  test('Both are recorded with what CloudTrail has of them', async () => {
    const { id, arn } = await createKey(kms);
    const made = await kms.send(
      new ScheduleKeyDeletionCommand({ KeyId: id, PendingWindowInDays: 9 }),
    );
    const resources = [{ accountId: daemon.accountId, type: 'AWS::KMS::Key', ARN: arn }];
    expect(await auditOf(daemon, made.$metadata.requestId!)).toMatchObject({
      eventName: 'ScheduleKeyDeletion',
      readOnly: false,
      requestParameters: { keyId: id, pendingWindowInDays: 9 },
      responseElements: {
        keyId: arn,
        keyState: 'PendingDeletion',
        deletionDate: expect.stringMatching(
          /^[A-Z][a-z]{2} \d+, \d{4}, \d+:\d\d:\d\d [AP]M$/,
        ) as string,
        pendingWindowInDays: 9,
      },
      resources,
    });
    const cancelled = await kms.send(new CancelKeyDeletionCommand({ KeyId: arn }));
    expect(await auditOf(daemon, cancelled.$metadata.requestId!)).toMatchObject({
      eventName: 'CancelKeyDeletion',
      readOnly: false,
      requestParameters: { keyId: arn },
      responseElements: { keyId: arn },
      resources,
    });
  });

  test('While it is pending a key is listed, its aliases remain, and it is of no use to anybody', async () => {
    const { id, arn } = await createKey(kms);
    const AliasName = `alias/waits-${id}`;
    await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: id }));
    const input = { KeyId: AliasName, Plaintext: Buffer.from('a') };
    for (let i = 0; i < 4; i++) await daemon.client().send(new EncryptCommand(input));
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId: id }));
    // On connections of their own, so that both workers get some.
    for (let i = 0; i < 4; i++) {
      expect(await sdkRefusal(daemon.client().send(new EncryptCommand(input)))).toEqual({
        code: 'KMSInvalidStateException',
        message: `${arn} is pending deletion.`,
        status: 400,
      });
    }
    const { Keys } = await kms.send(new ListKeysCommand({ Limit: 1000 }));
    expect(Keys).toContainEqual({ KeyId: id, KeyArn: arn });
    expect(await describeIt(AliasName)).toMatchObject({ KeyId: id });
  });

  test('The AWS CLI schedules and cancels', async () => {
    const terminal = await openTerminal(daemon);
    try {
      const { id, arn } = await createKey(kms);
      const window = ['--pending-window-in-days', '7'];
      const made = await terminal.kms('schedule-key-deletion', '--key-id', id, ...window);
      expect(made).toMatchObject({ code: 0, stderr: '' });
      expect(JSON.parse(made.stdout)).toEqual({
        KeyId: arn,
        KeyState: 'PendingDeletion',
        PendingWindowInDays: 7,
        // A number in version 1 of the CLI, a text in version 2.
        DeletionDate: expect.anything() as unknown,
      });
      const cancelled = await terminal.kms('cancel-key-deletion', '--key-id', id);
      expect(JSON.parse(cancelled.stdout)).toEqual({ KeyId: arn });
      const { stderr } = await terminal.kms('cancel-key-deletion', '--key-id', id);
      expect(stderr).toContain(
        `An error occurred (KMSInvalidStateException) when calling the CancelKeyDeletion operation: ${arn} is not pending deletion.`,
      );
    } finally {
      await terminal.close();
    }
  }, 120_000);
});
