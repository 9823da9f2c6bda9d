import {
  CreateAccountAliasCommand,
  CreateGroupCommand,
  DeleteAccountAliasCommand,
  GetAccountSummaryCommand,
  type IAMClient,
  ListAccountAliasesCommand,
} from '@aws-sdk/client-iam';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient, iamRefusal, makeAccessKey, makeIamUser } from '../support/iam-client';
import { otherAccount } from '../support/kms';

let daemon: TestDaemon;
let iam: IAMClient;
let neighbour: IAMClient;

beforeAll(async () => {
  daemon = await startDaemon();
  iam = iamClient(daemon);
  neighbour = iamClient(daemon, await otherAccount(daemon, '222233334444'));
});
afterAll(() => daemon.remove());

const create = (AccountAlias: string, client = iam) =>
  client.send(new CreateAccountAliasCommand({ AccountAlias }));
const remove = (AccountAlias: string, client = iam) =>
  client.send(new DeleteAccountAliasCommand({ AccountAlias }));
const list = async (client = iam) =>
  (await client.send(new ListAccountAliasesCommand({}))).AccountAliases;

describe('An account', () => {
  test('has one alias at most: another takes its place, and it is removed by its name', async () => {
    expect(await list()).toEqual([]);
    await create('first-name');
    await create('second-name');
    expect(await list()).toEqual(['second-name']);
    expect(await iamRefusal(remove('first-name'))).toEqual({
      code: 'NoSuchEntity',
      message: 'The account alias with name first-name cannot be found.',
      status: 404,
    });
    await remove('second-name');
    expect(await list()).toEqual([]);
  });

  test('cannot take an alias that an account has, itself or another', async () => {
    await create('ours');
    const taken = {
      code: 'EntityAlreadyExists',
      message: 'The account alias ours already exists.',
      status: 409,
    };
    expect(await iamRefusal(create('ours'))).toEqual(taken);
    expect(await iamRefusal(create('ours', neighbour))).toEqual(taken);
    expect(await iamRefusal(remove('ours', neighbour))).toMatchObject({ code: 'NoSuchEntity' });
    expect(await list()).toEqual(['ours']);
  });

  test.each(['ab', '-front', 'back-', 'two--dashes', 'Upper', 'x'.repeat(64)])(
    'cannot have the alias %s',
    async (alias) => {
      expect(await iamRefusal(create(alias))).toMatchObject({
        code: 'ValidationError',
        status: 400,
      });
    },
  );

  test('is summarised in numbers, its own alone', async () => {
    await makeIamUser(iam, 'one');
    await makeIamUser(iam, 'two');
    await iam.send(new CreateGroupCommand({ GroupName: 'group' }));
    const { SummaryMap } = await iam.send(new GetAccountSummaryCommand({}));
    expect(SummaryMap).toMatchObject({
      Users: 2,
      UsersQuota: 5000,
      Groups: 1,
      GroupsQuota: 300,
      GroupsPerUserQuota: 10,
      AccessKeysPerUserQuota: 2,
      Roles: 0,
      Policies: 0,
      AccountAccessKeysPresent: 1,
      AccountMFAEnabled: 0,
    });
    const other = await neighbour.send(new GetAccountSummaryCommand({}));
    expect(other.SummaryMap).toMatchObject({ Users: 0, Groups: 0 });
  });
});

test('A user without policies may not see or change the alias', async () => {
  await makeIamUser(iam, 'nosy');
  const own = iamClient(daemon, await makeAccessKey(iam, 'nosy'));
  const denied = (action: string) => ({
    code: 'AccessDenied',
    message: `User: arn:aws:iam::${daemon.accountId}:user/nosy is not authorized to perform: iam:${action} on resource: * because no identity-based policy allows the iam:${action} action`,
    status: 403,
  });
  expect(await iamRefusal(list(own))).toEqual(denied('ListAccountAliases'));
  expect(await iamRefusal(create('mine', own))).toEqual(denied('CreateAccountAlias'));
  expect(await iamRefusal(own.send(new GetAccountSummaryCommand({})))).toEqual(
    denied('GetAccountSummary'),
  );
});
