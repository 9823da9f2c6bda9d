import {
  CreateOpenIDConnectProviderCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  DeletePolicyCommand,
  GetUserCommand,
  type IAMClient,
  ListOpenIDConnectProviderTagsCommand,
  ListPolicyTagsCommand,
  ListRoleTagsCommand,
  ListUserTagsCommand,
  TagOpenIDConnectProviderCommand,
  TagPolicyCommand,
  TagRoleCommand,
  TagUserCommand,
  UntagOpenIDConnectProviderCommand,
  UntagPolicyCommand,
  UntagRoleCommand,
  UntagUserCommand,
  paginateListUserTags,
} from '@aws-sdk/client-iam';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient, iamRefusal, makeAccessKey, makeIamUser } from '../support/iam-client';
import { auditOf } from '../support/kms';

let daemon: TestDaemon;
let iam: IAMClient;

beforeAll(async () => {
  daemon = await startDaemon();
  iam = iamClient(daemon);
});
afterAll(() => daemon.remove());

const tag = (Key: string, Value = '') => ({ Key, Value });
const tags = async (UserName: string) =>
  (await iam.send(new ListUserTagsCommand({ UserName }))).Tags;
const put = (UserName: string, ...Tags: ReturnType<typeof tag>[]) =>
  iam.send(new TagUserCommand({ UserName, Tags }));
const noUser = {
  code: 'NoSuchEntity',
  message: 'The user with name nobody cannot be found.',
  status: 404,
};

test('Tags of a user are added, replaced without regard to case, removed, and shown by GetUser', async () => {
  await makeIamUser(iam, 'ann');
  const { $metadata } = await put('ann', tag('team', 'blue'), tag('Zone', 'z'));
  await put('ann', tag('TEAM', 'red'), tag('cost', '1'));
  const expected = [tag('cost', '1'), tag('TEAM', 'red'), tag('Zone', 'z')];
  expect(await tags('ann')).toEqual(expected);
  const { User } = await iam.send(new GetUserCommand({ UserName: 'ann' }));
  expect(User?.Tags).toEqual(expected);
  await iam.send(new UntagUserCommand({ UserName: 'ann', TagKeys: ['Team', 'never-there'] }));
  expect(await tags('ann')).toEqual([tag('cost', '1'), tag('Zone', 'z')]);
  const record = await auditOf(daemon, $metadata.requestId ?? '');
  expect(record).toMatchObject({
    eventName: 'TagUser',
    requestParameters: {
      userName: 'ann',
      tags: [
        { key: 'team', value: 'blue' },
        { key: 'Zone', value: 'z' },
      ],
    },
  });
});

test('Tags of any script are kept, and listed page by page', async () => {
  await makeIamUser(iam, 'pages');
  await put('pages', tag('naïve', 'é'), tag('b', '_.:/=+-@ '), tag('日本', '語'));
  const pages: string[][] = [];
  for await (const { Tags = [] } of paginateListUserTags(
    { client: iam, pageSize: 2 },
    { UserName: 'pages' },
  )) {
    pages.push(Tags.map(({ Key = '' }) => Key));
  }
  expect(pages).toEqual([['b', 'naïve'], ['日本']]);
  const { Marker } = await iam.send(new ListUserTagsCommand({ UserName: 'pages', MaxItems: 1 }));
  await makeIamUser(iam, 'others');
  const elsewhere = iam.send(new ListUserTagsCommand({ UserName: 'others', Marker }));
  expect(await iamRefusal(elsewhere)).toEqual({
    code: 'ValidationError',
    message: 'Invalid Marker.',
    status: 400,
  });
});

test('A user has fifty tags at most, also when two requests add at once', async () => {
  const Tags = Array.from({ length: 49 }, (_, n) => tag(`k${n}`));
  await iam.send(new CreateUserCommand({ UserName: 'full', Tags }));
  const both = await Promise.allSettled([put('full', tag('x')), put('full', tag('y'))]);
  expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(await iamRefusal(put('full', tag('z')))).toEqual({
    code: 'LimitExceeded',
    message: 'Cannot exceed quota for TagsPerUser: 50',
    status: 409,
  });
  await put('full', tag('K0', 'replaced'));
  expect(await tags('full')).toHaveLength(50);
});

describe('Bad tags', () => {
  beforeAll(() => makeIamUser(iam, 'strict'));

  test.each([
    [
      [tag('a'), tag('A')],
      'Duplicate tag keys found. Please note that Tag keys are case insensitive.',
    ],
    [[tag('AWS:x')], "Tag keys that start with 'aws:' are reserved."],
  ])('%j are refused', async (bad, message) => {
    expect(await iamRefusal(put('strict', ...bad))).toEqual({
      code: 'InvalidInput',
      message,
      status: 400,
    });
    expect(await tags('strict')).toEqual([]);
  });

  test.each([
    [[tag('x'.repeat(129))], 'length less than or equal to 128'],
    [[tag('k', 'x'.repeat(257))], 'length less than or equal to 256'],
    [[tag('no*star')], 'regular expression pattern'],
    [Array.from({ length: 51 }, (_, n) => tag(`k${n}`)), 'length less than or equal to 50'],
  ])('that break the shape are refused', async (bad, message) => {
    const refusal = await iamRefusal(put('strict', ...bad));
    expect(refusal).toMatchObject({ code: 'ValidationError', status: 400 });
    expect(refusal.message).toContain(message);
  });

  test('cannot be removed when they are reserved', async () => {
    const untag = new UntagUserCommand({ UserName: 'strict', TagKeys: ['aws:x'] });
    expect(await iamRefusal(iam.send(untag))).toEqual({
      code: 'InvalidInput',
      message: "Tag keys that start with 'aws:' are reserved.",
      status: 400,
    });
  });
});

test('What does not exist has no tags to read or change', async () => {
  expect(await iamRefusal(put('nobody', tag('a')))).toEqual(noUser);
  expect(await iamRefusal(tags('nobody'))).toEqual(noUser);
  const untag = new UntagUserCommand({ UserName: 'nobody', TagKeys: ['a'] });
  expect(await iamRefusal(iam.send(untag))).toEqual(noUser);
  const noRole = {
    code: 'NoSuchEntity',
    message: 'The role with name nobody cannot be found.',
    status: 404,
  };
  const role = { RoleName: 'nobody' };
  expect(await iamRefusal(iam.send(new TagRoleCommand({ ...role, Tags: [tag('a')] })))).toEqual(
    noRole,
  );
  expect(await iamRefusal(iam.send(new ListRoleTagsCommand(role)))).toEqual(noRole);
});

describe('A managed policy', () => {
  const PolicyDocument = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 'kms:Decrypt', Resource: '*' }],
  });
  const list = async (PolicyArn: string) =>
    (await iam.send(new ListPolicyTagsCommand({ PolicyArn }))).Tags;

  test('has tags from its creation on, until it is deleted', async () => {
    const create = new CreatePolicyCommand({
      PolicyName: 'tagged',
      PolicyDocument,
      Tags: [tag('team', 'blue')],
    });
    const PolicyArn = (await iam.send(create)).Policy?.Arn ?? '';
    await iam.send(new TagPolicyCommand({ PolicyArn, Tags: [tag('Team', 'red'), tag('x')] }));
    expect(await list(PolicyArn)).toEqual([tag('Team', 'red'), tag('x')]);
    await iam.send(new UntagPolicyCommand({ PolicyArn, TagKeys: ['TEAM'] }));
    expect(await list(PolicyArn)).toEqual([tag('x')]);
    await iam.send(new DeletePolicyCommand({ PolicyArn }));
    expect(await iamRefusal(list(PolicyArn))).toEqual({
      code: 'NoSuchEntity',
      message: `Policy ${PolicyArn} was not found.`,
      status: 404,
    });
  });

  test('of AWS has no tags, and is given none', async () => {
    const PolicyArn = 'arn:aws:iam::aws:policy/AdministratorAccess';
    expect(await list(PolicyArn)).toEqual([]);
    const command = new TagPolicyCommand({ PolicyArn, Tags: [tag('mine')] });
    expect(await iamRefusal(iam.send(command))).toEqual({
      code: 'AccessDenied',
      message: `User: arn:aws:iam::${daemon.accountId}:root is not authorized to perform: iam:TagPolicy on resource: policy ${PolicyArn}`,
      status: 403,
    });
  });
});

test('An OIDC provider has tags that are added, listed and removed', async () => {
  const { OpenIDConnectProviderArn: arn } = await iam.send(
    new CreateOpenIDConnectProviderCommand({
      Url: 'https://issuer.example.com/tagged',
      ClientIDList: ['audience'],
      ThumbprintList: ['0'.repeat(40)],
      Tags: [tag('env', 'ci')],
    }),
  );
  const named = { OpenIDConnectProviderArn: arn };
  await iam.send(new TagOpenIDConnectProviderCommand({ ...named, Tags: [tag('ENV', 'prod')] }));
  const list = new ListOpenIDConnectProviderTagsCommand(named);
  expect((await iam.send(list)).Tags).toEqual([tag('ENV', 'prod')]);
  await iam.send(new UntagOpenIDConnectProviderCommand({ ...named, TagKeys: ['env'] }));
  expect((await iam.send(list)).Tags).toEqual([]);
  const gone = `${arn}/gone`;
  const missing = new ListOpenIDConnectProviderTagsCommand({ OpenIDConnectProviderArn: gone });
  expect(await iamRefusal(iam.send(missing))).toEqual({
    code: 'NoSuchEntity',
    message: `OpenIDConnect Provider not found for arn ${gone}`,
    status: 404,
  });
});

test('A role has tags that are added, listed and removed', async () => {
  const trust = {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Principal: { AWS: daemon.accountId }, Action: 'sts:AssumeRole' },
    ],
  };
  const role = { RoleName: 'tagged-role' };
  await iam.send(
    new CreateRoleCommand({ ...role, AssumeRolePolicyDocument: JSON.stringify(trust) }),
  );
  await iam.send(new TagRoleCommand({ ...role, Tags: [tag('a', '1'), tag('b', '2')] }));
  await iam.send(new UntagRoleCommand({ ...role, TagKeys: ['A'] }));
  expect((await iam.send(new ListRoleTagsCommand(role))).Tags).toEqual([tag('b', '2')]);
});

test('A user without policies may not tag itself', async () => {
  await makeIamUser(iam, 'vain');
  const own = iamClient(daemon, await makeAccessKey(iam, 'vain'));
  const command = new TagUserCommand({ UserName: 'vain', Tags: [tag('role', 'admin')] });
  const arn = `arn:aws:iam::${daemon.accountId}:user/vain`;
  expect(await iamRefusal(own.send(command))).toEqual({
    code: 'AccessDenied',
    message: `User: ${arn} is not authorized to perform: iam:TagUser on resource: ${arn} because no identity-based policy allows the iam:TagUser action`,
    status: 403,
  });
});
