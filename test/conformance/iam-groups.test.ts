import {
  AddUserToGroupCommand,
  CreateGroupCommand,
  DeleteGroupCommand,
  GetGroupCommand,
  type IAMClient,
  ListGroupsCommand,
  ListGroupsForUserCommand,
  RemoveUserFromGroupCommand,
  UpdateGroupCommand,
  UpdateUserCommand,
  paginateGetGroup,
  paginateListGroups,
  paginateListGroupsForUser,
} from '@aws-sdk/client-iam';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient, iamRefusal, makeAccessKey, makeIamUser } from '../support/iam-client';
import { auditOf, otherAccount } from '../support/kms';
import { administer } from '../support/postgres';

let daemon: TestDaemon;
let iam: IAMClient;

beforeAll(async () => {
  daemon = await startDaemon();
  iam = iamClient(daemon);
});
afterAll(() => daemon.remove());

const arn = (rest: string) => `arn:aws:iam::${daemon.accountId}:${rest}`;
const make = (GroupName: string, Path?: string) =>
  iam.send(new CreateGroupCommand({ GroupName, ...(Path === undefined ? {} : { Path }) }));
const add = (GroupName: string, UserName: string) =>
  iam.send(new AddUserToGroupCommand({ GroupName, UserName }));
const noGroup = (name: string) => ({
  code: 'NoSuchEntity',
  message: `The group with name ${name} cannot be found.`,
  status: 404,
});
const noUser = (name: string) => ({
  code: 'NoSuchEntity',
  message: `The user with name ${name} cannot be found.`,
  status: 404,
});

describe('CreateGroup', () => {
  test('makes a group, answers and records it', async () => {
    const { Group, $metadata } = await make('Admins', '/org/');
    expect(Group).toEqual({
      GroupName: 'Admins',
      Path: '/org/',
      Arn: arn('group/org/Admins'),
      GroupId: expect.stringMatching(/^AGPA[A-Z2-7]{17}$/) as string,
      CreateDate: expect.any(Date) as Date,
    });
    expect(await auditOf(daemon, $metadata.requestId ?? '')).toMatchObject({
      eventName: 'CreateGroup',
      requestParameters: { groupName: 'Admins', path: '/org/' },
      responseElements: { group: { groupId: Group?.GroupId } },
    });
  });

  test('refuses a name that is taken, whatever its case', async () => {
    await make('taken');
    expect(await iamRefusal(make('Taken', '/other/'))).toEqual({
      code: 'EntityAlreadyExists',
      message: 'Group with name Taken already exists.',
      status: 409,
    });
  });

  test('refuses the 301st group of an account', async () => {
    const account = await otherAccount(daemon, '222233334444');
    await administer(
      daemon.databaseUrl,
      `insert into principal (principal_id, account_id, arn, kind, name)
       select 'AGPAQUOTA' || lpad(n::text, 12, '0'), $1::text, 'arn:aws:iam::' || $1::text || ':group/g' || n, 'group', 'g' || n
       from generate_series(1, 300) as n`,
      ['222233334444'],
    );
    const command = new CreateGroupCommand({ GroupName: 'one-more' });
    expect(await iamRefusal(iamClient(daemon, account).send(command))).toEqual({
      code: 'LimitExceeded',
      message: 'Cannot exceed quota for GroupsPerAccount: 300',
      status: 409,
    });
  });
});

describe('Members', () => {
  test('are added once, listed by group and by user, and removed', async () => {
    await make('members');
    for (const name of ['m-3', 'm-1', 'm-2']) {
      await makeIamUser(iam, name);
      await add('members', name);
    }
    await add('MEMBERS', 'M-1');
    const pages: string[][] = [];
    for await (const page of paginateGetGroup(
      { client: iam, pageSize: 2 },
      { GroupName: 'members' },
    )) {
      expect(page.Group?.GroupName).toBe('members');
      pages.push((page.Users ?? []).map(({ UserName = '' }) => UserName));
    }
    expect(pages).toEqual([['m-1', 'm-2'], ['m-3']]);
    const groups = await iam.send(new ListGroupsForUserCommand({ UserName: 'm-1' }));
    expect(groups.Groups?.map(({ GroupName }) => GroupName)).toEqual(['members']);
    expect(groups.IsTruncated).toBe(false);
    const remove = new RemoveUserFromGroupCommand({ GroupName: 'members', UserName: 'm-1' });
    await iam.send(remove);
    expect(await iamRefusal(iam.send(remove))).toEqual({
      code: 'NoSuchEntity',
      message: 'User m-1 is not in group members.',
      status: 404,
    });
    const left = await iam.send(new GetGroupCommand({ GroupName: 'members' }));
    expect(left.Users?.map(({ UserName }) => UserName)).toEqual(['m-2', 'm-3']);
  });

  test('must exist, and so must the group', async () => {
    await make('real');
    await makeIamUser(iam, 'real-user');
    expect(await iamRefusal(add('unreal', 'real-user'))).toEqual(noGroup('unreal'));
    expect(await iamRefusal(add('real', 'unreal-user'))).toEqual(noUser('unreal-user'));
    const of = (UserName: string) => iam.send(new ListGroupsForUserCommand({ UserName }));
    expect(await iamRefusal(of('unreal-user'))).toEqual(noUser('unreal-user'));
    const get = iam.send(new GetGroupCommand({ GroupName: 'unreal' }));
    expect(await iamRefusal(get)).toEqual(noGroup('unreal'));
  });

  test('are in ten groups at most, and can be added to one of them again', async () => {
    await makeIamUser(iam, 'joiner');
    for (let n = 1; n <= 11; n += 1) await make(`ten-${n}`);
    for (let n = 1; n <= 9; n += 1) await add(`ten-${n}`, 'joiner');
    const both = await Promise.allSettled([add('ten-10', 'joiner'), add('ten-11', 'joiner')]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    await add('ten-1', 'joiner');
    const free = both[0].status === 'rejected' ? 'ten-10' : 'ten-11';
    expect(await iamRefusal(add(free, 'joiner'))).toEqual({
      code: 'LimitExceeded',
      message: 'Cannot exceed quota for GroupsPerUser: 10',
      status: 409,
    });
    const pages: number[] = [];
    for await (const { Groups = [] } of paginateListGroupsForUser(
      { client: iam, pageSize: 7 },
      { UserName: 'joiner' },
    )) {
      pages.push(Groups.length);
    }
    expect(pages).toEqual([7, 3]);
  });

  test('keep their groups when group and user are renamed', async () => {
    await make('old-group');
    await makeIamUser(iam, 'old-user');
    await add('old-group', 'old-user');
    const rename = { GroupName: 'old-group', NewGroupName: 'new-group', NewPath: '/renamed/' };
    await iam.send(new UpdateGroupCommand(rename));
    await iam.send(new UpdateUserCommand({ UserName: 'old-user', NewUserName: 'new-user' }));
    const { Group, Users } = await iam.send(new GetGroupCommand({ GroupName: 'new-group' }));
    expect(Group).toMatchObject({ Path: '/renamed/', Arn: arn('group/renamed/new-group') });
    expect(Users).toMatchObject([{ UserName: 'new-user', Arn: arn('user/new-user') }]);
  });
});

describe('UpdateGroup', () => {
  test('refuses a group that does not exist, and a name that is taken', async () => {
    await make('holder');
    await make('wanter');
    const update = (GroupName: string, NewGroupName: string) =>
      iamRefusal(iam.send(new UpdateGroupCommand({ GroupName, NewGroupName })));
    expect(await update('nowhere', 'x')).toEqual(noGroup('nowhere'));
    expect(await update('wanter', 'HOLDER')).toEqual({
      code: 'EntityAlreadyExists',
      message: 'Group with name HOLDER already exists.',
      status: 409,
    });
  });
});

describe('DeleteGroup', () => {
  test('refuses a group with members, and deletes one without', async () => {
    await make('leaving');
    await makeIamUser(iam, 'last');
    await add('leaving', 'last');
    const remove = new DeleteGroupCommand({ GroupName: 'leaving' });
    expect(await iamRefusal(iam.send(remove))).toEqual({
      code: 'DeleteConflict',
      message: 'Cannot delete entity, must remove users from group first.',
      status: 409,
    });
    await iam.send(new RemoveUserFromGroupCommand({ GroupName: 'leaving', UserName: 'last' }));
    await iam.send(remove);
    expect(await iamRefusal(iam.send(remove))).toEqual(noGroup('leaving'));
  });

  test('and AddUserToGroup at once leave no member of a group that is gone', async () => {
    await makeIamUser(iam, 'racer');
    for (let n = 0; n < 5; n += 1) {
      await make(`race-${n}`);
      const [added, deleted] = await Promise.allSettled([
        add(`race-${n}`, 'racer'),
        iam.send(new DeleteGroupCommand({ GroupName: `race-${n}` })),
      ]);
      expect([added.status, deleted.status].sort()).toEqual(['fulfilled', 'rejected']);
      const failed = added.status === 'rejected' ? added : deleted;
      const expected = added.status === 'rejected' ? 'NoSuchEntity' : 'DeleteConflict';
      expect(failed).toMatchObject({ reason: { Code: expected } });
    }
  });
});

test('Groups are listed in order of name, below a path', async () => {
  for (const name of ['g-2', 'g-3', 'g-1']) await make(name, '/listed/');
  const pages: string[][] = [];
  for await (const { Groups = [] } of paginateListGroups(
    { client: iam, pageSize: 2 },
    { PathPrefix: '/listed/' },
  )) {
    pages.push(Groups.map(({ GroupName = '' }) => GroupName));
  }
  expect(pages).toEqual([['g-1', 'g-2'], ['g-3']]);
  const { Marker } = await iam.send(new ListGroupsCommand({ MaxItems: 1 }));
  const elsewhere = iam.send(new ListGroupsCommand({ PathPrefix: '/listed/', Marker }));
  expect(await iamRefusal(elsewhere)).toEqual({
    code: 'ValidationError',
    message: 'Invalid Marker.',
    status: 400,
  });
});

test('A user without policies may not join a group', async () => {
  await make('wheel');
  await makeIamUser(iam, 'climber');
  const own = iamClient(daemon, await makeAccessKey(iam, 'climber'));
  const join = new AddUserToGroupCommand({ GroupName: 'wheel', UserName: 'climber' });
  expect(await iamRefusal(own.send(join))).toEqual({
    code: 'AccessDenied',
    message: `User: ${arn('user/climber')} is not authorized to perform: iam:AddUserToGroup on resource: ${arn('group/wheel')} because no identity-based policy allows the iam:AddUserToGroup action`,
    status: 403,
  });
});
