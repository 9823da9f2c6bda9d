import {
  AddUserToGroupCommand,
  CreateAccessKeyCommand,
  CreateGroupCommand,
  CreateUserCommand,
  DeleteUserCommand,
  GetAccessKeyLastUsedCommand,
  GetUserCommand,
  type IAMClient,
  ListAccessKeysCommand,
  ListUsersCommand,
  PutGroupPolicyCommand,
  PutUserPolicyCommand,
  RemoveUserFromGroupCommand,
  TagUserCommand,
  UntagUserCommand,
  UpdateUserCommand,
} from '@aws-sdk/client-iam';
import { GenerateRandomCommand } from '@aws-sdk/client-kms';
import { type TestCredentials, type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient, iamRefusal, makeAccessKey, makeIamUser } from '../support/iam-client';
import { clientOf } from '../support/kms';

let daemon: TestDaemon;
let iam: IAMClient;

beforeAll(async () => {
  daemon = await startDaemon({ workers: 2 });
  iam = iamClient(daemon);
});
afterAll(() => daemon.remove());

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource?: string;
  readonly Condition?: object;
  readonly Effect?: 'Allow' | 'Deny';
}

const arn = (rest: string) => `arn:aws:iam::${daemon.accountId}:${rest}`;
const documentOf = (statements: readonly Statement[]) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: statements.map((statement) => ({ Effect: 'Allow', Resource: '*', ...statement })),
  });

/** A client of a new user that may what the statements say. */
async function userWith(name: string, ...statements: Statement[]): Promise<IAMClient> {
  await makeIamUser(iam, name);
  await iam.send(
    new PutUserPolicyCommand({
      UserName: name,
      PolicyName: 'p',
      PolicyDocument: documentOf(statements),
    }),
  );
  return iamClient(daemon, await makeAccessKey(iam, name));
}

const denial = async (sending: Promise<unknown>) => {
  const { code, message, status } = await iamRefusal(sending);
  expect({ code, status }).toEqual({ code: 'AccessDenied', status: 403 });
  return / is not authorized to perform: (\S+) on resource: (\S+) /.exec(message)?.slice(1);
};

/** How GenerateRandom ends for whoever signs it, on connections enough to meet every worker. */
async function outcomes(credentials: TestCredentials): Promise<string[]> {
  const random = new GenerateRandomCommand({ NumberOfBytes: 8 });
  const codes = await Promise.all(
    Array.from({ length: 6 }, async () => {
      const sent = clientOf(daemon, credentials).send(random);
      return sent.then(
        () => 'ok',
        (error: unknown) => (error instanceof Error ? error.name : 'thrown'),
      );
    }),
  );
  return [...new Set(codes)];
}

test('A user manages its own access keys with the policy that AWS documents for it, and nobody else’s', async () => {
  const own = await userWith('self', {
    Action: ['iam:*AccessKey*', 'iam:GetUser'],
    Resource: `${arn('user/')}\${aws:username}`,
  });
  await own.send(new CreateAccessKeyCommand({}));
  const { AccessKeyMetadata = [] } = await own.send(new ListAccessKeysCommand({}));
  expect(AccessKeyMetadata).toHaveLength(2);
  expect((await own.send(new GetUserCommand({ UserName: 'SELF' }))).User?.UserName).toBe('self');
  await makeIamUser(iam, 'other');
  const { accessKeyId } = await makeAccessKey(iam, 'other');
  expect(await denial(own.send(new ListAccessKeysCommand({ UserName: 'other' })))).toEqual([
    'iam:ListAccessKeys',
    arn('user/other'),
  ]);
  const spying = new GetAccessKeyLastUsedCommand({ AccessKeyId: accessKeyId });
  expect(await denial(own.send(spying))).toEqual(['iam:GetAccessKeyLastUsed', arn('user/other')]);
});

test('A path delimits whom an administrator makes, moves and deletes', async () => {
  const admin = await userWith('path-admin', {
    Action: ['iam:CreateUser', 'iam:UpdateUser', 'iam:DeleteUser', 'iam:ListUsers'],
    Resource: arn('user/team/*'),
  });
  await admin.send(new CreateUserCommand({ UserName: 'inside', Path: '/team/' }));
  const { Users } = await admin.send(new ListUsersCommand({ PathPrefix: '/team/' }));
  expect(Users?.map(({ UserName }) => UserName)).toEqual(['inside']);
  expect(await denial(admin.send(new ListUsersCommand({})))).toEqual([
    'iam:ListUsers',
    arn('user/'),
  ]);
  const outside = new CreateUserCommand({ UserName: 'outside', Path: '/other/' });
  expect(await denial(admin.send(outside))).toEqual(['iam:CreateUser', arn('user/other/outside')]);
  const moveOut = new UpdateUserCommand({ UserName: 'inside', NewPath: '/' });
  expect(await denial(admin.send(moveOut))).toEqual(['iam:UpdateUser', arn('user/inside')]);
  await makeIamUser(iam, 'unmoved');
  const moveIn = new UpdateUserCommand({ UserName: 'unmoved', NewPath: '/team/' });
  expect(await denial(admin.send(moveIn))).toEqual(['iam:UpdateUser', arn('user/unmoved')]);
  await admin.send(
    new UpdateUserCommand({ UserName: 'inside', NewPath: '/team/a/', NewUserName: 'deeper' }),
  );
  await admin.send(new DeleteUserCommand({ UserName: 'deeper' }));
});

test('Tags that a request gives, names and meets decide', async () => {
  const tagger = await userWith(
    'tagger',
    { Action: 'iam:CreateUser' },
    { Action: 'iam:TagUser', Condition: { StringEquals: { 'aws:RequestTag/team': 'blue' } } },
    {
      Action: 'iam:UntagUser',
      Condition: { 'ForAllValues:StringEquals': { 'aws:TagKeys': ['temporary'] } },
    },
    { Action: 'iam:GetUser', Condition: { StringEquals: { 'aws:ResourceTag/team': 'blue' } } },
    { Action: 'iam:DeleteUser', Condition: { StringEquals: { 'iam:ResourceTag/team': 'blue' } } },
  );
  const team = (Value: string) => [
    { Key: 'team', Value },
    { Key: 'temporary', Value: '' },
  ];
  await tagger.send(new CreateUserCommand({ UserName: 'plain' }));
  await tagger.send(new CreateUserCommand({ UserName: 'blue', Tags: team('blue') }));
  const red = new CreateUserCommand({ UserName: 'red', Tags: team('red') });
  expect(await denial(tagger.send(red))).toEqual(['iam:TagUser', arn('user/red')]);
  const retag = new TagUserCommand({ UserName: 'plain', Tags: team('red') });
  expect(await denial(tagger.send(retag))).toEqual(['iam:TagUser', arn('user/plain')]);
  const untag = (...TagKeys: string[]) =>
    tagger.send(new UntagUserCommand({ UserName: 'blue', TagKeys }));
  await untag('temporary');
  expect(await denial(untag('temporary', 'team'))).toEqual(['iam:UntagUser', arn('user/blue')]);
  expect((await tagger.send(new GetUserCommand({ UserName: 'blue' }))).User?.Tags).toEqual([
    { Key: 'team', Value: 'blue' },
  ]);
  expect(await denial(tagger.send(new GetUserCommand({ UserName: 'plain' })))).toEqual([
    'iam:GetUser',
    arn('user/plain'),
  ]);
  await tagger.send(new DeleteUserCommand({ UserName: 'blue' }));
});

test('An administrator who must set a permissions boundary cannot leave it out or take another', async () => {
  const boundary = 'arn:aws:iam::aws:policy/IAMReadOnlyAccess';
  const admin = await userWith('bounded-admin', {
    Action: 'iam:CreateUser',
    Condition: { StringEquals: { 'iam:PermissionsBoundary': boundary } },
  });
  const make = (UserName: string, PermissionsBoundary?: string) =>
    admin.send(
      new CreateUserCommand({
        UserName,
        ...(PermissionsBoundary === undefined ? {} : { PermissionsBoundary }),
      }),
    );
  await make('well-bounded', boundary);
  expect(await denial(make('unbounded'))).toEqual(['iam:CreateUser', arn('user/unbounded')]);
  expect(await denial(make('wide', 'arn:aws:iam::aws:policy/AdministratorAccess'))).toEqual([
    'iam:CreateUser',
    arn('user/wide'),
  ]);
});

test('A user gains what its group may when it joins, and loses it when it leaves', async () => {
  await iam.send(new CreateGroupCommand({ GroupName: 'randoms' }));
  await iam.send(
    new PutGroupPolicyCommand({
      GroupName: 'randoms',
      PolicyName: 'p',
      PolicyDocument: documentOf([{ Action: 'kms:GenerateRandom' }]),
    }),
  );
  await makeIamUser(iam, 'joining');
  const credentials = await makeAccessKey(iam, 'joining');
  expect(await outcomes(credentials)).toEqual(['AccessDeniedException']);
  const membership = { GroupName: 'randoms', UserName: 'joining' };
  await iam.send(new AddUserToGroupCommand(membership));
  expect(await outcomes(credentials)).toEqual(['ok']);
  await iam.send(new RemoveUserFromGroupCommand(membership));
  expect(await outcomes(credentials)).toEqual(['AccessDeniedException']);
});

test('What a user is tagged with decides at once about its requests', async () => {
  await makeIamUser(iam, 'coloured');
  await iam.send(
    new PutUserPolicyCommand({
      UserName: 'coloured',
      PolicyName: 'p',
      PolicyDocument: documentOf([
        {
          Action: 'kms:GenerateRandom',
          Condition: { StringEquals: { 'aws:PrincipalTag/team': 'blue' } },
        },
      ]),
    }),
  );
  const credentials = await makeAccessKey(iam, 'coloured');
  const named = { UserName: 'coloured' };
  expect(await outcomes(credentials)).toEqual(['AccessDeniedException']);
  await iam.send(new TagUserCommand({ ...named, Tags: [{ Key: 'Team', Value: 'blue' }] }));
  expect(await outcomes(credentials)).toEqual(['ok']);
  await iam.send(new UntagUserCommand({ ...named, TagKeys: ['team'] }));
  expect(await outcomes(credentials)).toEqual(['AccessDeniedException']);
});
