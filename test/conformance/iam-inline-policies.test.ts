import {
  AddUserToGroupCommand,
  CreateGroupCommand,
  CreateRoleCommand,
  CreateUserCommand,
  DeleteGroupPolicyCommand,
  DeleteRolePolicyCommand,
  DeleteUserPolicyCommand,
  GetGroupPolicyCommand,
  GetRolePolicyCommand,
  GetUserPolicyCommand,
  type IAMClient,
  ListGroupPoliciesCommand,
  ListRolePoliciesCommand,
  ListUserPoliciesCommand,
  PutGroupPolicyCommand,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
  paginateListUserPolicies,
} from '@aws-sdk/client-iam';
import { type Terminal, openTerminal } from '../support/aws-cli';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient, iamRefusal, makeAccessKey, makeIamUser } from '../support/iam-client';
import { allowing, malformedPolicies, padded, trusting } from '../support/iam-documents';
import { auditOf, otherAccount } from '../support/kms';

let daemon: TestDaemon;
let iam: IAMClient;
let terminal: Terminal;

beforeAll(async () => {
  daemon = await startDaemon();
  iam = iamClient(daemon);
  terminal = await openTerminal(daemon);
});
afterAll(async () => {
  await terminal.close();
  await daemon.remove();
});

/** The four operations on one kind of owner. */
const kinds = {
  user: {
    make: (name: string) => iam.send(new CreateUserCommand({ UserName: name })),
    put: (UserName: string, PolicyName: string, PolicyDocument: string) =>
      iam.send(new PutUserPolicyCommand({ UserName, PolicyName, PolicyDocument })),
    get: (UserName: string, PolicyName: string) =>
      iam.send(new GetUserPolicyCommand({ UserName, PolicyName })),
    list: (UserName: string) => iam.send(new ListUserPoliciesCommand({ UserName })),
    remove: (UserName: string, PolicyName: string) =>
      iam.send(new DeleteUserPolicyCommand({ UserName, PolicyName })),
  },
  role: {
    make: (name: string) => {
      const AssumeRolePolicyDocument = trusting({ AWS: daemon.accountId });
      return iam.send(new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument }));
    },
    put: (RoleName: string, PolicyName: string, PolicyDocument: string) =>
      iam.send(new PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument })),
    get: (RoleName: string, PolicyName: string) =>
      iam.send(new GetRolePolicyCommand({ RoleName, PolicyName })),
    list: (RoleName: string) => iam.send(new ListRolePoliciesCommand({ RoleName })),
    remove: (RoleName: string, PolicyName: string) =>
      iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName })),
  },
  group: {
    make: (name: string) => iam.send(new CreateGroupCommand({ GroupName: name })),
    put: (GroupName: string, PolicyName: string, PolicyDocument: string) =>
      iam.send(new PutGroupPolicyCommand({ GroupName, PolicyName, PolicyDocument })),
    get: (GroupName: string, PolicyName: string) =>
      iam.send(new GetGroupPolicyCommand({ GroupName, PolicyName })),
    list: (GroupName: string) => iam.send(new ListGroupPoliciesCommand({ GroupName })),
    remove: (GroupName: string, PolicyName: string) =>
      iam.send(new DeleteGroupPolicyCommand({ GroupName, PolicyName })),
  },
};

const document = allowing('kms:Encrypt');

describe.each([
  ['user', 'UserName', 2048],
  ['role', 'RoleName', 10_240],
  ['group', 'GroupName', 5120],
] as const)('Inline policies of a %s', (kind, nameMember, quota) => {
  const { make, put, get, list, remove } = kinds[kind];
  const noSuchEntity = (message: string) => ({ code: 'NoSuchEntity', message, status: 404 });

  test('are put, found as they were given, put anew, listed and deleted', async () => {
    await make('Owner');
    const given = ` ${document}\r\n\t`;
    expect(Object.keys(await put('Owner', 'second', given))).toEqual(['$metadata']);
    const { $metadata, ...found } = await get('oWNER', 'second');
    expect($metadata.httpStatusCode).toBe(200);
    expect({ ...found, PolicyDocument: decodeURIComponent(found.PolicyDocument ?? '') }).toEqual({
      [nameMember]: 'Owner',
      PolicyName: 'second',
      PolicyDocument: given,
    });
    await put('Owner', 'second', document);
    await put('Owner', 'first', document);
    expect((await list('Owner')).PolicyNames).toEqual(['first', 'second']);
    const again = await get('Owner', 'second');
    expect(decodeURIComponent(again.PolicyDocument ?? '')).toBe(document);
    expect(Object.keys(await remove('Owner', 'second'))).toEqual(['$metadata']);
    expect(await list('Owner')).toMatchObject({ PolicyNames: ['first'], IsTruncated: false });
  });

  test('that do not exist are refused', async () => {
    await make('without');
    const message = `The ${kind} policy with name none cannot be found.`;
    expect(await iamRefusal(get('without', 'none'))).toEqual(noSuchEntity(message));
    expect(await iamRefusal(remove('without', 'none'))).toEqual(noSuchEntity(message));
  });

  test('of an owner that does not exist are refused', async () => {
    const refusal = noSuchEntity(`The ${kind} with name nobody cannot be found.`);
    expect(await iamRefusal(put('nobody', 'p', document))).toEqual(refusal);
    expect(await iamRefusal(get('nobody', 'p'))).toEqual(refusal);
    expect(await iamRefusal(list('nobody'))).toEqual(refusal);
    expect(await iamRefusal(remove('nobody', 'p'))).toEqual(refusal);
  });

  test.each(malformedPolicies)('are refused when they are %s', async (_, text, message) => {
    await make('strict').catch(() => undefined);
    expect(await iamRefusal(put('strict', 'p', text))).toEqual({
      code: 'MalformedPolicyDocument',
      message,
      status: 400,
    });
    expect((await list('strict')).PolicyNames).toEqual([]);
  });

  test(`have at most ${quota} characters together, not counting white space`, async () => {
    await make('full');
    const half = padded(document, quota / 2);
    await put('full', 'a', half);
    await put('full', 'b', half);
    const exceeded = {
      code: 'LimitExceeded',
      message: `Maximum policy size of ${quota} bytes exceeded for ${kind} full`,
      status: 409,
    };
    expect(await iamRefusal(put('full', 'b', padded(document, quota / 2 + 1)))).toEqual(exceeded);
    expect(await iamRefusal(put('full', 'c', document))).toEqual(exceeded);
    await put('full', 'b', document);
    await put('full', 'c', document);
    expect((await list('full')).PolicyNames).toEqual(['a', 'b', 'c']);
  });

  test('keep to their quota when they are put at once', async () => {
    await make('crowded');
    const fifth = padded(document, Math.floor(quota / 5));
    const outcomes = await Promise.allSettled(
      Array.from({ length: 9 }, (_, number) => put('crowded', `p${number}`, fifth)),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
    expect((await list('crowded')).PolicyNames).toHaveLength(5);
  });

  test('are recorded', async () => {
    await make('watched');
    const { $metadata } = await put('watched', 'p', document);
    const member = nameMember.charAt(0).toLowerCase() + nameMember.slice(1);
    expect(await auditOf(daemon, $metadata.requestId ?? '')).toMatchObject({
      readOnly: false,
      requestParameters: { [member]: 'watched', policyName: 'p', policyDocument: document },
      responseElements: null,
      resources: [{ ARN: `arn:aws:iam::${daemon.accountId}:${kind}/watched` }],
    });
  });
});

test('ListUserPolicies pages through names in order, and takes no marker of another list', async () => {
  const { make, put } = kinds.user;
  await make('pages');
  await make('pages-too');
  for (const name of ['c', 'a', 'e', 'b', 'd']) await put('pages', name, document);
  const pages: unknown[] = [];
  for await (const page of paginateListUserPolicies(
    { client: iam, pageSize: 2 },
    { UserName: 'pages' },
  )) {
    pages.push(page.PolicyNames);
  }
  expect(pages).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
  const first = await iam.send(new ListUserPoliciesCommand({ UserName: 'pages', MaxItems: 2 }));
  const { Marker } = first;
  const elsewhere = new ListUserPoliciesCommand({ UserName: 'pages-too', Marker });
  expect(await iamRefusal(iam.send(elsewhere))).toMatchObject({
    code: 'ValidationError',
    status: 400,
  });
});

test('A policy of one account is not seen by another', async () => {
  await kinds.user.make('private');
  await kinds.user.put('private', 'p', document);
  const stranger = iamClient(daemon, await otherAccount(daemon, '222233334444'));
  const get = new GetUserPolicyCommand({ UserName: 'private', PolicyName: 'p' });
  expect(await iamRefusal(stranger.send(get))).toMatchObject({
    code: 'NoSuchEntity',
    message: 'The user with name private cannot be found.',
  });
});

test('A user may not give itself a policy', async () => {
  await makeIamUser(iam, 'climber');
  const own = iamClient(daemon, await makeAccessKey(iam, 'climber'));
  const put = { UserName: 'climber', PolicyName: 'p', PolicyDocument: allowing('*') };
  const arn = `arn:aws:iam::${daemon.accountId}:user/climber`;
  expect(await iamRefusal(own.send(new PutUserPolicyCommand(put)))).toEqual({
    code: 'AccessDenied',
    message: `User: ${arn} is not authorized to perform: iam:PutUserPolicy on resource: ${arn} because no identity-based policy allows the iam:PutUserPolicy action`,
    status: 403,
  });
  expect((await kinds.user.list('climber')).PolicyNames).toEqual([]);
});

test('A policy of a group of many members is put while members come and go', async () => {
  await kinds.group.make('busy');
  const names = Array.from({ length: 5 }, (_, number) => `member-${number}`);
  for (const name of names) await kinds.user.make(name);
  await Promise.all([
    ...names.map((UserName) =>
      iam.send(new AddUserToGroupCommand({ GroupName: 'busy', UserName })),
    ),
    kinds.group.put('busy', 'p', document),
    kinds.group.put('busy', 'q', document),
  ]);
  expect((await kinds.group.list('busy')).PolicyNames).toEqual(['p', 'q']);
});

/** Each command starts a Python, which takes seconds where processors are few. */
test('The AWS CLI puts, gets as JSON, lists and deletes a policy', async () => {
  const owner = ['--user-name', 'Cli', '--policy-name', 'p'];
  await terminal.aws('iam', 'create-user', '--user-name', 'Cli');
  const put = await terminal.aws(
    ...['iam', 'put-user-policy', ...owner, '--policy-document', document],
  );
  expect(put).toEqual({ code: 0, stdout: '', stderr: '' });
  const got = await terminal.aws('iam', 'get-user-policy', ...owner);
  expect(JSON.parse(got.stdout)).toEqual({
    UserName: 'Cli',
    PolicyName: 'p',
    PolicyDocument: JSON.parse(document) as unknown,
  });
  const listed = await terminal.aws('iam', 'list-user-policies', '--user-name', 'Cli');
  expect(JSON.parse(listed.stdout)).toEqual({ PolicyNames: ['p'] });
  expect((await terminal.aws('iam', 'delete-user-policy', ...owner)).code).toBe(0);
  const { code, stderr } = await terminal.aws('iam', 'delete-user-policy', ...owner);
  expect(code).toBe(255);
  expect(stderr.trim()).toBe(
    'An error occurred (NoSuchEntity) when calling the DeleteUserPolicy operation: The user policy with name p cannot be found.',
  );
}, 120_000);
