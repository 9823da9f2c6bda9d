import * as sdk from '@aws-sdk/client-iam';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient, makeIamUser } from '../support/iam-client';
import { auditOf } from '../support/kms';

let daemon: TestDaemon;
let iam: sdk.IAMClient;

beforeAll(async () => {
  daemon = await startDaemon();
  iam = iamClient(daemon);
});
afterAll(() => daemon.remove());

interface Recorded {
  readonly parameters: object | null;
  readonly readOnly?: true;
}

/** Sends a request, and holds its record against what was to be recorded. */
async function expectRecord(
  sending: Promise<{ readonly $metadata: { readonly requestId?: string } }>,
  eventName: string,
  { parameters, readOnly }: Recorded,
): Promise<void> {
  const { $metadata } = await sending;
  const record = await auditOf(daemon, $metadata.requestId ?? '');
  expect(record).toMatchObject({
    eventSource: 'iam.amazonaws.com',
    eventName,
    readOnly: readOnly ?? false,
    requestParameters: parameters,
    userIdentity: { type: 'Root', accountId: daemon.accountId },
  });
}

const read = <T extends object>(recorded: T) => ({ ...recorded, readOnly: true }) as const;

describe('The audit has a record of every request', () => {
  test('about users and their tags', async () => {
    const user = { UserName: 'ann' };
    const annsRecord = { parameters: { userName: 'ann' } };
    await expectRecord(iam.send(new sdk.CreateUserCommand(user)), 'CreateUser', annsRecord);
    await expectRecord(iam.send(new sdk.GetUserCommand(user)), 'GetUser', read(annsRecord));
    const untag = new sdk.UntagUserCommand({ ...user, TagKeys: ['a'] });
    await expectRecord(iam.send(untag), 'UntagUser', {
      parameters: { userName: 'ann', tagKeys: ['a'] },
    });
    const tags = new sdk.ListUserTagsCommand(user);
    await expectRecord(iam.send(tags), 'ListUserTags', read(annsRecord));
    const move = new sdk.UpdateUserCommand({ ...user, NewUserName: 'bea', NewPath: '/u/' });
    await expectRecord(iam.send(move), 'UpdateUser', {
      parameters: { userName: 'ann', newUserName: 'bea', newPath: '/u/' },
    });
    await expectRecord(iam.send(new sdk.ListUsersCommand({ MaxItems: 5 })), 'ListUsers', {
      parameters: { maxItems: 5 },
      readOnly: true,
    });
    await expectRecord(iam.send(new sdk.DeleteUserCommand({ UserName: 'bea' })), 'DeleteUser', {
      parameters: { userName: 'bea' },
    });
  });

  test('about groups and their members', async () => {
    const group = { GroupName: 'all' };
    const both = { ...group, UserName: 'cam' };
    const groupsRecord = { parameters: { groupName: 'all' } };
    const bothRecord = { parameters: { userName: 'cam', groupName: 'all' } };
    await makeIamUser(iam, 'cam');
    await expectRecord(iam.send(new sdk.CreateGroupCommand(group)), 'CreateGroup', groupsRecord);
    const join = new sdk.AddUserToGroupCommand(both);
    await expectRecord(iam.send(join), 'AddUserToGroup', bothRecord);
    await expectRecord(iam.send(new sdk.GetGroupCommand(group)), 'GetGroup', read(groupsRecord));
    const groupsOf = new sdk.ListGroupsForUserCommand({ UserName: 'cam' });
    await expectRecord(iam.send(groupsOf), 'ListGroupsForUser', {
      parameters: { userName: 'cam' },
      readOnly: true,
    });
    const leave = new sdk.RemoveUserFromGroupCommand(both);
    await expectRecord(iam.send(leave), 'RemoveUserFromGroup', bothRecord);
    const move = new sdk.UpdateGroupCommand({ ...group, NewPath: '/g/' });
    await expectRecord(iam.send(move), 'UpdateGroup', {
      parameters: { groupName: 'all', newPath: '/g/' },
    });
    const list = new sdk.ListGroupsCommand({ PathPrefix: '/g/' });
    await expectRecord(iam.send(list), 'ListGroups', {
      parameters: { pathPrefix: '/g/' },
      readOnly: true,
    });
    await expectRecord(iam.send(new sdk.DeleteGroupCommand(group)), 'DeleteGroup', groupsRecord);
  });

  test('about access keys', async () => {
    const user = { UserName: 'dan' };
    const dansRecord = { parameters: { userName: 'dan' } };
    await makeIamUser(iam, 'dan');
    const made = await iam.send(new sdk.CreateAccessKeyCommand(user));
    await expectRecord(Promise.resolve(made), 'CreateAccessKey', dansRecord);
    const AccessKeyId = made.AccessKey?.AccessKeyId;
    const accessKeyId = AccessKeyId;
    const list = new sdk.ListAccessKeysCommand(user);
    await expectRecord(iam.send(list), 'ListAccessKeys', read(dansRecord));
    const disable = new sdk.UpdateAccessKeyCommand({ ...user, AccessKeyId, Status: 'Inactive' });
    await expectRecord(iam.send(disable), 'UpdateAccessKey', {
      parameters: { userName: 'dan', accessKeyId, status: 'Inactive' },
    });
    const lastUsed = new sdk.GetAccessKeyLastUsedCommand({ AccessKeyId });
    await expectRecord(iam.send(lastUsed), 'GetAccessKeyLastUsed', {
      parameters: { accessKeyId },
      readOnly: true,
    });
    const remove = new sdk.DeleteAccessKeyCommand({ ...user, AccessKeyId });
    await expectRecord(iam.send(remove), 'DeleteAccessKey', {
      parameters: { userName: 'dan', accessKeyId },
    });
  });

  test('about the account', async () => {
    const alias = { AccountAlias: 'recorded' };
    const aliasRecord = { parameters: { accountAlias: 'recorded' } };
    const nothing = { parameters: null, readOnly: true } as const;
    const name = new sdk.CreateAccountAliasCommand(alias);
    await expectRecord(iam.send(name), 'CreateAccountAlias', aliasRecord);
    const list = new sdk.ListAccountAliasesCommand({});
    await expectRecord(iam.send(list), 'ListAccountAliases', nothing);
    const unname = new sdk.DeleteAccountAliasCommand(alias);
    await expectRecord(iam.send(unname), 'DeleteAccountAlias', aliasRecord);
    const summary = new sdk.GetAccountSummaryCommand({});
    await expectRecord(iam.send(summary), 'GetAccountSummary', nothing);
  });
});
