import {
  CreateGroupCommand,
  AddUserToGroupCommand,
  CreateUserCommand,
  DeleteUserCommand,
  GetUserCommand,
  type IAMClient,
  ListUsersCommand,
  UpdateUserCommand,
  paginateListUsers,
} from '@aws-sdk/client-iam';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient, iamRefusal, makeAccessKey, makeIamUser } from '../support/iam-client';
import { auditOf, auditTexts, otherAccount } from '../support/kms';
import { administer } from '../support/postgres';

let daemon: TestDaemon;
let iam: IAMClient;

beforeAll(async () => {
  daemon = await startDaemon();
  iam = iamClient(daemon);
});
afterAll(() => daemon.remove());

const arn = (rest: string) => `arn:aws:iam::${daemon.accountId}:${rest}`;

describe('CreateUser', () => {
  test('makes a user with path and tags, and answers it', async () => {
    const Tags = [
      { Key: 'team', Value: 'blue' },
      { Key: 'empty', Value: '' },
    ];
    const { User, $metadata } = await iam.send(
      new CreateUserCommand({ UserName: 'Zoe', Path: '/staff/', Tags }),
    );
    expect(User).toEqual({
      UserName: 'Zoe',
      Path: '/staff/',
      Arn: arn('user/staff/Zoe'),
      UserId: expect.stringMatching(/^AIDA[A-Z2-7]{17}$/) as string,
      CreateDate: expect.any(Date) as Date,
      Tags: [Tags[1], Tags[0]],
    });
    const record = await auditOf(daemon, $metadata.requestId ?? '');
    expect(record).toMatchObject({
      eventName: 'CreateUser',
      readOnly: false,
      requestParameters: { userName: 'Zoe', path: '/staff/' },
      responseElements: { user: { userName: 'Zoe', userId: User?.UserId } },
    });
  });

  test('refuses a name that is taken, whatever its case', async () => {
    await makeIamUser(iam, 'taken');
    expect(await iamRefusal(makeIamUser(iam, 'TAKEN'))).toEqual({
      code: 'EntityAlreadyExists',
      message: 'User with name TAKEN already exists.',
      status: 409,
    });
  });

  test('makes one user of two requests for a name at once', async () => {
    const outcomes = await Promise.allSettled([makeIamUser(iam, 'twin'), makeIamUser(iam, 'twin')]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  test.each([
    [{ UserName: 'sp ace' }, /at 'userName' failed to satisfy constraint/],
    [{ UserName: 'x'.repeat(65) }, /length less than or equal to 64/],
    [{ UserName: 'x', Path: 'no-slash' }, /at 'path' failed to satisfy constraint/],
  ])('refuses %j', async (input, message) => {
    const refusal = await iamRefusal(iam.send(new CreateUserCommand(input)));
    expect(refusal).toMatchObject({ code: 'ValidationError', status: 400 });
    expect(refusal.message).toMatch(message);
  });

  test.each([
    [
      [
        { Key: 'a', Value: '' },
        { Key: 'A', Value: '' },
      ],
      'Duplicate tag keys found. Please note that Tag keys are case insensitive.',
    ],
    [[{ Key: 'aws:x', Value: '' }], "Tag keys that start with 'aws:' are reserved."],
  ])('refuses the tags %j', async (Tags, message) => {
    const creating = iam.send(new CreateUserCommand({ UserName: 'untagged', Tags }));
    expect(await iamRefusal(creating)).toEqual({ code: 'InvalidInput', message, status: 400 });
    expect(await iamRefusal(iam.send(new GetUserCommand({ UserName: 'untagged' })))).toMatchObject({
      code: 'NoSuchEntity',
    });
  });

  test('refuses a permissions boundary that does not exist or is no policy', async () => {
    const bounded = (PermissionsBoundary: string) =>
      iamRefusal(iam.send(new CreateUserCommand({ UserName: 'bounded', PermissionsBoundary })));
    expect(await bounded(arn('policy/none'))).toEqual({
      code: 'NoSuchEntity',
      message: `Scope ARN: ${arn('policy/none')} does not exist or is not attachable.`,
      status: 404,
    });
    expect(await bounded(arn('user/none-at-all'))).toEqual({
      code: 'ValidationError',
      message: `ARN ${arn('user/none-at-all')} is not valid.`,
      status: 400,
    });
  });

  test('makes a user with a permissions boundary', async () => {
    const boundary = 'arn:aws:iam::aws:policy/AdministratorAccess';
    await iam.send(new CreateUserCommand({ UserName: 'within', PermissionsBoundary: boundary }));
    const { User } = await iam.send(new GetUserCommand({ UserName: 'within' }));
    expect(User?.PermissionsBoundary).toEqual({
      PermissionsBoundaryType: 'Policy',
      PermissionsBoundaryArn: boundary,
    });
  });

  test('refuses the 5001st user of an account', async () => {
    const account = await otherAccount(daemon, '222233334444');
    await administer(
      daemon.databaseUrl,
      `insert into principal (principal_id, account_id, arn, kind, name)
       select 'AIDAQUOTA' || lpad(n::text, 12, '0'), $1::text, 'arn:aws:iam::' || $1::text || ':user/u' || n, 'user', 'u' || n
       from generate_series(1, 5000) as n`,
      ['222233334444'],
    );
    expect(await iamRefusal(makeIamUser(iamClient(daemon, account), 'one-more'))).toEqual({
      code: 'LimitExceeded',
      message: 'Cannot exceed quota for UsersPerAccount: 5000',
      status: 409,
    });
  });
});

describe('GetUser', () => {
  test('finds a user by name without regard to case', async () => {
    await makeIamUser(iam, 'Camel');
    const { User } = await iam.send(new GetUserCommand({ UserName: 'cAMEL' }));
    expect(User).toMatchObject({ UserName: 'Camel', Path: '/', Arn: arn('user/Camel') });
  });

  test('without a name answers the caller', async () => {
    const { User } = await iam.send(new GetUserCommand({}));
    expect(User).toEqual({
      UserId: daemon.accountId,
      Arn: arn('root'),
      CreateDate: expect.any(Date) as Date,
    });
  });

  test('refuses a user that does not exist, and one of another account', async () => {
    const get = (client: IAMClient, UserName: string) =>
      iamRefusal(client.send(new GetUserCommand({ UserName })));
    expect(await get(iam, 'nobody')).toEqual({
      code: 'NoSuchEntity',
      message: 'The user with name nobody cannot be found.',
      status: 404,
    });
    await makeIamUser(iam, 'ours');
    const stranger = iamClient(daemon, await otherAccount(daemon, '333344445555'));
    expect(await get(stranger, 'ours')).toMatchObject({ code: 'NoSuchEntity' });
  });
});

describe('UpdateUser', () => {
  const update = (UserName: string, change: { NewUserName?: string; NewPath?: string }) =>
    iam.send(new UpdateUserCommand({ UserName, ...change }));

  test('gives a user another name and path, and keeps its id', async () => {
    const { User } = await iam.send(new CreateUserCommand({ UserName: 'before' }));
    await update('before', { NewUserName: 'after', NewPath: '/new/' });
    const after = await iam.send(new GetUserCommand({ UserName: 'after' }));
    expect(after.User).toMatchObject({
      UserName: 'after',
      Path: '/new/',
      Arn: arn('user/new/after'),
      UserId: User?.UserId,
    });
    expect(await iamRefusal(update('before', {}))).toMatchObject({
      code: 'NoSuchEntity',
      message: 'The user with name before cannot be found.',
    });
  });

  test('changes the case of a name', async () => {
    await makeIamUser(iam, 'lower');
    await update('lower', { NewUserName: 'LOWER' });
    const { User } = await iam.send(new GetUserCommand({ UserName: 'lower' }));
    expect(User?.UserName).toBe('LOWER');
  });

  test('refuses a name that is taken', async () => {
    await makeIamUser(iam, 'first');
    await makeIamUser(iam, 'second');
    expect(await iamRefusal(update('second', { NewUserName: 'FIRST' }))).toEqual({
      code: 'EntityAlreadyExists',
      message: 'User with name FIRST already exists.',
      status: 409,
    });
  });

  test('is seen at once by requests that the user signs', async () => {
    await makeIamUser(iam, 'mover');
    const own = iamClient(daemon, await makeAccessKey(iam, 'mover'));
    const named = async () => (await iamRefusal(own.send(new ListUsersCommand({})))).message;
    expect(await named()).toContain(arn('user/mover '));
    await update('mover', { NewUserName: 'moved' });
    expect(await named()).toContain(arn('user/moved '));
  });
});

describe('DeleteUser', () => {
  const remove = (UserName: string) => iam.send(new DeleteUserCommand({ UserName }));

  test('deletes a user with its tags, and its name can be used again', async () => {
    const make = new CreateUserCommand({ UserName: 'gone', Tags: [{ Key: 'a', Value: 'b' }] });
    const first = await iam.send(make);
    await remove('gone');
    expect(await iamRefusal(remove('gone'))).toEqual({
      code: 'NoSuchEntity',
      message: 'The user with name gone cannot be found.',
      status: 404,
    });
    const second = await iam.send(new CreateUserCommand({ UserName: 'gone' }));
    expect(second.User?.UserId).not.toBe(first.User?.UserId);
    expect(second.User?.Tags).toBeUndefined();
  });

  test('refuses a user with access keys, with policies and in a group', async () => {
    const conflict = (what: string) => ({
      code: 'DeleteConflict',
      message: `Cannot delete entity, must ${what} first.`,
      status: 409,
    });
    await makeIamUser(iam, 'busy');
    await makeAccessKey(iam, 'busy');
    expect(await iamRefusal(remove('busy'))).toEqual(conflict('delete access keys'));
    const { User } = await iam.send(new CreateUserCommand({ UserName: 'ruled' }));
    const write = (sql: string) => administer(daemon.databaseUrl, sql, [User?.UserId]);
    await write(`insert into inline_policy values ($1::text, 'p', '{}')`);
    expect(await iamRefusal(remove('ruled'))).toEqual(conflict('delete policies'));
    await iam.send(new CreateGroupCommand({ GroupName: 'holders' }));
    await iam.send(new AddUserToGroupCommand({ GroupName: 'holders', UserName: 'ruled' }));
    expect(await iamRefusal(remove('ruled'))).toEqual(conflict('remove users from group'));
    await write(
      `insert into policy_attachment (owner_id, policy_id) values ($1::text, 'ANPAAAAAAAAAAAAAAAA01')`,
    );
    expect(await iamRefusal(remove('ruled'))).toEqual(conflict('detach all policies'));
  });
});

describe('ListUsers', () => {
  test('pages through users in order of name, below a path', async () => {
    const names = ['list-3', 'list-1', 'list-2', 'list-5', 'list-4'];
    for (const UserName of names) {
      await iam.send(new CreateUserCommand({ UserName, Path: '/listed/deep/' }));
    }
    const seen: string[][] = [];
    const pages = paginateListUsers(
      { client: iam, pageSize: 2 },
      { PathPrefix: '/listed/', MaxItems: 2 },
    );
    for await (const { Users = [] } of pages) seen.push(Users.map(({ UserName = '' }) => UserName));
    expect(seen).toEqual([['list-1', 'list-2'], ['list-3', 'list-4'], ['list-5']]);
  });

  test('refuses a marker of another listing', async () => {
    const first = await iam.send(new ListUsersCommand({ MaxItems: 1 }));
    expect(first.IsTruncated).toBe(true);
    const invalid = { code: 'ValidationError', message: 'Invalid Marker.', status: 400 };
    for (const Marker of ['garbage', first.Marker]) {
      const list = new ListUsersCommand({ PathPrefix: '/other/', Marker });
      expect(await iamRefusal(iam.send(list))).toEqual(invalid);
    }
  });

  test.each([0, 1001])('refuses %i items a page', async (MaxItems) => {
    const refusal = await iamRefusal(iam.send(new ListUsersCommand({ MaxItems })));
    expect(refusal).toMatchObject({ code: 'ValidationError', status: 400 });
    expect(refusal.message).toContain(`Value '${MaxItems}' at 'maxItems'`);
  });
});

test('A user without policies may not read or change users, and the refusal is recorded', async () => {
  await makeIamUser(iam, 'powerless');
  const own = iamClient(daemon, await makeAccessKey(iam, 'powerless'));
  const denied = (action: string, resource: string) => ({
    code: 'AccessDenied',
    message: `User: ${arn('user/powerless')} is not authorized to perform: iam:${action} on resource: ${resource} because no identity-based policy allows the iam:${action} action`,
    status: 403,
  });
  expect(await iamRefusal(own.send(new GetUserCommand({})))).toEqual(
    denied('GetUser', arn('user/powerless')),
  );
  expect(await iamRefusal(own.send(new GetUserCommand({ UserName: 'no-such-user' })))).toEqual(
    denied('GetUser', arn('user/no-such-user')),
  );
  const create = new CreateUserCommand({ UserName: 'new', Path: '/p/' });
  expect(await iamRefusal(own.send(create))).toEqual(denied('CreateUser', arn('user/p/new')));
  const records = (await auditTexts(daemon)).filter((text) => text.includes('user/powerless'));
  expect(records.filter((text) => text.includes('AccessDenied'))).toHaveLength(3);
});
