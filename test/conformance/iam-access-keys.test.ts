import {
  CreateAccessKeyCommand,
  DeleteAccessKeyCommand,
  GetAccessKeyLastUsedCommand,
  type IAMClient,
  ListAccessKeysCommand,
  UpdateAccessKeyCommand,
  paginateListAccessKeys,
} from '@aws-sdk/client-iam';
import { GenerateRandomCommand } from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient, iamRefusal, makeAccessKey, makeIamUser } from '../support/iam-client';
import { auditOf, auditTexts, clientOf, otherAccount, sdkRefusal } from '../support/kms';
import { administer } from '../support/postgres';

let daemon: TestDaemon;
let iam: IAMClient;

beforeAll(async () => {
  daemon = await startDaemon({ workers: 2 });
  iam = iamClient(daemon);
});
afterAll(() => daemon.remove());

const arn = (rest: string) => `arn:aws:iam::${daemon.accountId}:${rest}`;
const keysOf = async (UserName: string, client = iam) => {
  const { AccessKeyMetadata = [] } = await client.send(new ListAccessKeysCommand({ UserName }));
  return AccessKeyMetadata;
};
const noKey = (id: string) => ({
  code: 'NoSuchEntity',
  message: `The Access Key with id ${id} cannot be found.`,
  status: 404,
});
const noUser = (name: string) => ({
  code: 'NoSuchEntity',
  message: `The user with name ${name} cannot be found.`,
  status: 404,
});
const random = new GenerateRandomCommand({ NumberOfBytes: 8 });

describe('CreateAccessKey', () => {
  test('shows the secret once, and neither record nor log has it', async () => {
    await makeIamUser(iam, 'ann');
    const { AccessKey, $metadata } = await iam.send(
      new CreateAccessKeyCommand({ UserName: 'ann' }),
    );
    expect(AccessKey).toEqual({
      UserName: 'ann',
      AccessKeyId: expect.stringMatching(/^AKIA[A-Z2-7]{16}$/) as string,
      SecretAccessKey: expect.stringMatching(/^[A-Za-z0-9+/]{40}$/) as string,
      Status: 'Active',
      CreateDate: expect.any(Date) as Date,
    });
    expect(await keysOf('ann')).toEqual([
      {
        UserName: 'ann',
        AccessKeyId: AccessKey?.AccessKeyId,
        Status: 'Active',
        CreateDate: AccessKey?.CreateDate,
      },
    ]);
    const record = await auditOf(daemon, $metadata.requestId ?? '');
    expect(record.responseElements).toMatchObject({
      accessKey: { userName: 'ann', accessKeyId: AccessKey?.AccessKeyId, status: 'Active' },
    });
    const secret = AccessKey?.SecretAccessKey ?? 'none';
    expect((await auditTexts(daemon)).join('\n')).not.toContain(secret);
    expect(JSON.stringify(daemon.log)).not.toContain(secret);
  });

  test('gives two keys a user, whoever asks at once, active or not', async () => {
    await makeIamUser(iam, 'greedy');
    const outcomes = await Promise.allSettled(
      Array.from({ length: 5 }, () => makeAccessKey(iam, 'greedy')),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
    const [first] = await keysOf('greedy');
    await iam.send(
      new UpdateAccessKeyCommand({
        UserName: 'greedy',
        AccessKeyId: first?.AccessKeyId,
        Status: 'Inactive',
      }),
    );
    expect(await iamRefusal(makeAccessKey(iam, 'greedy'))).toEqual({
      code: 'LimitExceeded',
      message: 'Cannot exceed quota for AccessKeysPerUser: 2',
      status: 409,
    });
  });

  test('refuses a user that does not exist', async () => {
    expect(await iamRefusal(makeAccessKey(iam, 'nobody'))).toEqual(noUser('nobody'));
  });

  test('without a name gives the root another key of its own', async () => {
    const account = await otherAccount(daemon, '222233334444');
    const root = iamClient(daemon, account);
    const { AccessKey } = await root.send(new CreateAccessKeyCommand({}));
    expect(AccessKey).not.toHaveProperty('UserName');
    const kms = clientOf(daemon, {
      accessKeyId: AccessKey?.AccessKeyId ?? '',
      secretAccessKey: AccessKey?.SecretAccessKey ?? '',
    });
    await kms.send(random);
    const { AccessKeyMetadata } = await root.send(new ListAccessKeysCommand({}));
    expect(AccessKeyMetadata?.map(({ AccessKeyId }) => AccessKeyId).sort()).toEqual(
      [account.accessKeyId, AccessKey?.AccessKeyId].sort(),
    );
    expect(await iamRefusal(root.send(new CreateAccessKeyCommand({})))).toMatchObject({
      code: 'LimitExceeded',
    });
    await root.send(new DeleteAccessKeyCommand({ AccessKeyId: AccessKey?.AccessKeyId }));
    expect((await sdkRefusal(kms.send(random))).code).toBe('UnrecognizedClientException');
  });
});

describe('An access key', () => {
  test('signs requests, is refused at once when it is deactivated, and again works when activated', async () => {
    await makeIamUser(iam, 'signer');
    const credentials = await makeAccessKey(iam, 'signer');
    const own = clientOf(daemon, credentials);
    const { code, message } = await sdkRefusal(own.send(random));
    expect({ code, message }).toEqual({
      code: 'AccessDeniedException',
      message: `User: ${arn('user/signer')} is not authorized to perform: kms:GenerateRandom on resource: * because no identity-based policy allows the kms:GenerateRandom action`,
    });
    const set = (Status: 'Active' | 'Inactive') =>
      iam.send(
        new UpdateAccessKeyCommand({
          UserName: 'signer',
          AccessKeyId: credentials.accessKeyId,
          Status,
        }),
      );
    await set('Inactive');
    const refusals = await Promise.all(
      Array.from({ length: 8 }, () => sdkRefusal(clientOf(daemon, credentials).send(random))),
    );
    expect(new Set(refusals.map((refusal) => refusal.code))).toEqual(
      new Set(['UnrecognizedClientException']),
    );
    expect(await keysOf('signer')).toMatchObject([{ Status: 'Inactive' }]);
    await set('Active');
    expect((await sdkRefusal(own.send(random))).code).toBe('AccessDeniedException');
  });

  test('that is deleted is refused at once', async () => {
    await makeIamUser(iam, 'leaver');
    const credentials = await makeAccessKey(iam, 'leaver');
    const own = clientOf(daemon, credentials);
    expect((await sdkRefusal(own.send(random))).code).toBe('AccessDeniedException');
    const { accessKeyId: AccessKeyId } = credentials;
    const remove = new DeleteAccessKeyCommand({ UserName: 'leaver', AccessKeyId });
    await iam.send(remove);
    expect((await sdkRefusal(own.send(random))).code).toBe('UnrecognizedClientException');
    expect(await iamRefusal(iam.send(remove))).toEqual(noKey(AccessKeyId));
  });

  test('is nobody else’s to change', async () => {
    await makeIamUser(iam, 'owner');
    await makeIamUser(iam, 'thief');
    const { accessKeyId: AccessKeyId } = await makeAccessKey(iam, 'owner');
    const mine = { UserName: 'thief', AccessKeyId };
    const disable = new UpdateAccessKeyCommand({ ...mine, Status: 'Inactive' });
    expect(await iamRefusal(iam.send(disable))).toEqual(noKey(AccessKeyId));
    expect(await iamRefusal(iam.send(new DeleteAccessKeyCommand(mine)))).toEqual(
      noKey(AccessKeyId),
    );
    const stranger = iamClient(daemon, await otherAccount(daemon, '333344445555'));
    const steal = new DeleteAccessKeyCommand({ UserName: 'owner', AccessKeyId });
    expect(await iamRefusal(stranger.send(steal))).toEqual(noUser('owner'));
    expect(await keysOf('owner')).toMatchObject([{ AccessKeyId, Status: 'Active' }]);
  });

  test('cannot be set to a state that keys of users do not have', async () => {
    const input = { AccessKeyId: 'AKIAIOSFODNN7EXAMPLE', UserName: 'owner' };
    const set = (Status: string) =>
      iamRefusal(iam.send(new UpdateAccessKeyCommand({ ...input, Status: Status as 'Active' })));
    expect(await set('Expired')).toEqual({
      code: 'ValidationError',
      message:
        "1 validation error detected: Value 'Expired' at 'status' failed to satisfy constraint: Member must satisfy enum value set: [Active, Inactive]",
      status: 400,
    });
    expect(await set('asleep')).toMatchObject({ code: 'ValidationError', status: 400 });
  });
});

describe('ListAccessKeys', () => {
  test('pages, and refuses a user that does not exist', async () => {
    await makeIamUser(iam, 'pair');
    await makeAccessKey(iam, 'pair');
    await makeAccessKey(iam, 'pair');
    const pages: number[] = [];
    for await (const { AccessKeyMetadata = [] } of paginateListAccessKeys(
      { client: iam, pageSize: 1 },
      { UserName: 'pair' },
    )) {
      pages.push(AccessKeyMetadata.length);
    }
    expect(pages).toEqual([1, 1]);
    expect(await iamRefusal(keysOf('nobody'))).toEqual(noUser('nobody'));
  });
});

test('A user without policies may not see or make access keys, its own either', async () => {
  await makeIamUser(iam, 'locked-out');
  const own = iamClient(daemon, await makeAccessKey(iam, 'locked-out'));
  const denied = (action: string, user: string) => ({
    code: 'AccessDenied',
    message: `User: ${arn('user/locked-out')} is not authorized to perform: iam:${action} on resource: ${arn(`user/${user}`)} because no identity-based policy allows the iam:${action} action`,
    status: 403,
  });
  expect(await iamRefusal(own.send(new ListAccessKeysCommand({})))).toEqual(
    denied('ListAccessKeys', 'locked-out'),
  );
  expect(await iamRefusal(makeAccessKey(own, 'ann'))).toEqual(denied('CreateAccessKey', 'ann'));
});

describe('GetAccessKeyLastUsed', () => {
  const lastUsed = async (AccessKeyId: string) =>
    (await iam.send(new GetAccessKeyLastUsedCommand({ AccessKeyId }))).AccessKeyLastUsed;

  test('says N/A of a key that was never used', async () => {
    await makeIamUser(iam, 'idle');
    const { accessKeyId } = await makeAccessKey(iam, 'idle');
    expect(await lastUsed(accessKeyId)).toEqual({ ServiceName: 'N/A', Region: 'N/A' });
  });

  test('says when, for which service and where a key was last used', async () => {
    await makeIamUser(iam, 'busy');
    const { accessKeyId } = await makeAccessKey(iam, 'busy');
    await administer(
      daemon.databaseUrl,
      `update access_key set last_used_at = '2026-01-02T03:04:05Z', last_used_service = 'kms', last_used_region = 'eu-west-1'
       where access_key_id = $1::text`,
      [accessKeyId],
    );
    const command = new GetAccessKeyLastUsedCommand({ AccessKeyId: accessKeyId });
    expect(await iam.send(command)).toMatchObject({
      UserName: 'busy',
      AccessKeyLastUsed: {
        LastUsedDate: new Date('2026-01-02T03:04:05Z'),
        ServiceName: 'kms',
        Region: 'eu-west-1',
      },
    });
  });

  test('refuses a key that does not exist', async () => {
    expect(await iamRefusal(lastUsed('AKIAIOSFODNN7EXAMPLE'))).toEqual(
      noKey('AKIAIOSFODNN7EXAMPLE'),
    );
  });
});

test('What a worker knows of the use of keys is written when it stops', async () => {
  const other = await startDaemon();
  try {
    const root = iamClient(other);
    await makeIamUser(root, 'visitor');
    const visitor = await makeAccessKey(root, 'visitor');
    await makeIamUser(root, 'absent');
    await makeAccessKey(root, 'absent');
    const before = Date.now();
    expect((await sdkRefusal(clientOf(other, visitor).send(random))).code).toBe(
      'AccessDeniedException',
    );
    await other.stop();
    const rows = await administer<{ name: string | null; at: Date; service: string }>(
      other.databaseUrl,
      `select p.name, k.last_used_at as at, k.last_used_service as service
       from access_key k join principal p using (principal_id) order by p.name`,
    );
    expect(rows).toEqual([
      { name: 'absent', at: null, service: null },
      { name: 'visitor', at: expect.any(Date) as Date, service: 'kms' },
      { name: null, at: expect.any(Date) as Date, service: 'iam' },
    ]);
    expect(rows[1]?.at.getTime()).toBeGreaterThanOrEqual(before);
  } finally {
    await other.remove();
  }
});
