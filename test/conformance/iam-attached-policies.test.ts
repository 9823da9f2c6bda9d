import {
  AddUserToGroupCommand,
  AttachGroupPolicyCommand,
  AttachRolePolicyCommand,
  AttachUserPolicyCommand,
  CreateGroupCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  DetachGroupPolicyCommand,
  DetachRolePolicyCommand,
  DetachUserPolicyCommand,
  GetPolicyCommand,
  type IAMClient,
  ListAttachedGroupPoliciesCommand,
  ListAttachedRolePoliciesCommand,
  ListAttachedUserPoliciesCommand,
  ListEntitiesForPolicyCommand,
  PutRolePermissionsBoundaryCommand,
  PutUserPermissionsBoundaryCommand,
  paginateListAttachedUserPolicies,
  paginateListEntitiesForPolicy,
} from '@aws-sdk/client-iam';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient, iamRefusal, makeAccessKey, makeIamUser } from '../support/iam-client';
import { allowing, trusting } from '../support/iam-documents';
import { auditOf } from '../support/kms';

let daemon: TestDaemon;
let iam: IAMClient;

const arn = (rest: string) => `arn:aws:iam::${daemon.accountId}:${rest}`;
const policy = (name: string) => arn(`policy/p/${name}`);
const readOnly = 'arn:aws:iam::aws:policy/IAMReadOnlyAccess';

beforeAll(async () => {
  daemon = await startDaemon();
  iam = iamClient(daemon);
  const PolicyDocument = allowing('kms:Encrypt');
  for (let number = 0; number < 12; number += 1) {
    const PolicyName = `p${String(number).padStart(2, '0')}`;
    await iam.send(new CreatePolicyCommand({ PolicyName, Path: '/p/', PolicyDocument }));
  }
});
afterAll(() => daemon.remove());

/** The three operations on one kind of owner. */
const kinds = {
  user: {
    make: (name: string) => iam.send(new CreateUserCommand({ UserName: name })),
    attach: (UserName: string, PolicyArn: string) =>
      iam.send(new AttachUserPolicyCommand({ UserName, PolicyArn })),
    detach: (UserName: string, PolicyArn: string) =>
      iam.send(new DetachUserPolicyCommand({ UserName, PolicyArn })),
    list: (UserName: string, PathPrefix?: string) =>
      iam.send(new ListAttachedUserPoliciesCommand({ UserName, PathPrefix })),
  },
  role: {
    make: (name: string) => {
      const AssumeRolePolicyDocument = trusting({ AWS: daemon.accountId });
      return iam.send(new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument }));
    },
    attach: (RoleName: string, PolicyArn: string) =>
      iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn })),
    detach: (RoleName: string, PolicyArn: string) =>
      iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn })),
    list: (RoleName: string, PathPrefix?: string) =>
      iam.send(new ListAttachedRolePoliciesCommand({ RoleName, PathPrefix })),
  },
  group: {
    make: (name: string) => iam.send(new CreateGroupCommand({ GroupName: name })),
    attach: (GroupName: string, PolicyArn: string) =>
      iam.send(new AttachGroupPolicyCommand({ GroupName, PolicyArn })),
    detach: (GroupName: string, PolicyArn: string) =>
      iam.send(new DetachGroupPolicyCommand({ GroupName, PolicyArn })),
    list: (GroupName: string, PathPrefix?: string) =>
      iam.send(new ListAttachedGroupPoliciesCommand({ GroupName, PathPrefix })),
  },
};

const attachments = async (PolicyArn: string) =>
  (await iam.send(new GetPolicyCommand({ PolicyArn }))).Policy?.AttachmentCount;

describe.each([
  ['user', 'UserName', 'PoliciesPerUser'],
  ['role', 'RoleName', 'PoliciesPerRole'],
  ['group', 'GroupName', 'PoliciesPerGroup'],
] as const)('Policies attached to a %s', (kind, nameMember, quota) => {
  const { make, attach, detach, list } = kinds[kind];
  const notFound = (message: string) => ({ code: 'NoSuchEntity', message, status: 404 });

  test('are attached, counted, listed by path and detached', async () => {
    await make('owner');
    const before = (await attachments(policy('p00'))) ?? 0;
    expect(Object.keys(await attach('OWNER', policy('p00')))).toEqual(['$metadata']);
    await attach('owner', readOnly);
    await attach('owner', readOnly);
    expect(await attachments(policy('p00'))).toBe(before + 1);
    const own = { PolicyName: 'p00', PolicyArn: policy('p00') };
    const { AttachedPolicies, IsTruncated } = await list('owner');
    expect(IsTruncated).toBe(false);
    expect(AttachedPolicies).toEqual([
      { PolicyName: 'IAMReadOnlyAccess', PolicyArn: readOnly },
      own,
    ]);
    expect((await list('owner', '/p/')).AttachedPolicies).toEqual([own]);
    expect(Object.keys(await detach('owner', readOnly))).toEqual(['$metadata']);
    expect((await list('owner')).AttachedPolicies).toEqual([own]);
  });

  test('that do not exist are refused, and so is detaching what is not attached', async () => {
    await make('bare');
    expect(await iamRefusal(attach('bare', policy('none')))).toEqual(
      notFound(`Policy ${policy('none')} does not exist or is not attachable.`),
    );
    for (const name of ['none', 'p01']) {
      expect(await iamRefusal(detach('bare', policy(name)))).toEqual(
        notFound(`Policy ${policy(name)} was not found.`),
      );
    }
  });

  test('of an owner that does not exist are refused', async () => {
    const refusal = notFound(`The ${kind} with name nobody cannot be found.`);
    expect(await iamRefusal(attach('nobody', readOnly))).toEqual(refusal);
    expect(await iamRefusal(detach('nobody', readOnly))).toEqual(refusal);
    expect(await iamRefusal(list('nobody'))).toEqual(refusal);
  });

  test('are ten at most, also when they are attached at once', async () => {
    await make('greedy');
    const outcomes = await Promise.allSettled(
      Array.from({ length: 12 }, (_, number) =>
        attach('greedy', policy(`p${String(number).padStart(2, '0')}`)),
      ),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(10);
    const { AttachedPolicies = [] } = await list('greedy');
    expect(AttachedPolicies).toHaveLength(10);
    expect(await iamRefusal(attach('greedy', readOnly))).toEqual({
      code: 'LimitExceeded',
      message: `Cannot exceed quota for ${quota}: 10`,
      status: 409,
    });
    await attach('greedy', AttachedPolicies[0]?.PolicyArn ?? '');
  });

  test('are recorded', async () => {
    await make('watched');
    const { $metadata } = await attach('watched', readOnly);
    const member = nameMember.charAt(0).toLowerCase() + nameMember.slice(1);
    expect(await auditOf(daemon, $metadata.requestId ?? '')).toMatchObject({
      readOnly: false,
      requestParameters: { [member]: 'watched', policyArn: readOnly },
      responseElements: null,
      resources: [{ ARN: arn(`${kind}/watched`) }],
    });
  });
});

test('ListAttachedUserPolicies pages through policies in order of name', async () => {
  await kinds.user.make('pages');
  for (const name of ['p03', 'p01', 'p02']) await kinds.user.attach('pages', policy(name));
  const pages: unknown[] = [];
  const paging = { client: iam, pageSize: 2 };
  for await (const page of paginateListAttachedUserPolicies(paging, { UserName: 'pages' })) {
    pages.push((page.AttachedPolicies ?? []).map(({ PolicyName }) => PolicyName));
  }
  expect(pages).toEqual([['p01', 'p02'], ['p03']]);
});

describe('ListEntitiesForPolicy', () => {
  const listed = async (input: object) => {
    const command = new ListEntitiesForPolicyCommand({ PolicyArn: policy('p11'), ...input });
    const { PolicyGroups = [], PolicyUsers = [], PolicyRoles = [] } = await iam.send(command);
    return [
      ...PolicyGroups.map(({ GroupName }) => `group ${GroupName}`),
      ...PolicyRoles.map(({ RoleName }) => `role ${RoleName}`),
      ...PolicyUsers.map(({ UserName }) => `user ${UserName}`),
    ];
  };
  beforeAll(async () => {
    for (const kind of ['user', 'role', 'group'] as const) {
      await kinds[kind].make('entity');
      await kinds[kind].attach('entity', policy('p11'));
    }
    await iam.send(new CreateUserCommand({ UserName: 'bounded', Path: '/b/' }));
    const PermissionsBoundary = policy('p11');
    for (const UserName of ['bounded', 'entity']) {
      await iam.send(new PutUserPermissionsBoundaryCommand({ UserName, PermissionsBoundary }));
    }
    await kinds.role.make('bounded');
    const bound = { RoleName: 'bounded', PermissionsBoundary };
    await iam.send(new PutRolePermissionsBoundaryCommand(bound));
    const { PolicyArn } = { PolicyArn: policy('p11') };
    for (const kind of ['user', 'role', 'group'] as const) {
      await kinds[kind].detach('greedy', PolicyArn).catch(() => undefined);
    }
  });
  const attached = ['group entity', 'role entity', 'user entity'];
  const bounded = ['role bounded', 'user bounded', 'user entity'];

  test.each([
    [{}, ['group entity', 'role bounded', 'role entity', 'user bounded', 'user entity']],
    [{ PolicyUsageFilter: 'PermissionsPolicy' }, attached],
    [{ PolicyUsageFilter: 'PermissionsBoundary' }, bounded],
    [{ EntityFilter: 'User' }, ['user bounded', 'user entity']],
    [{ EntityFilter: 'Role', PolicyUsageFilter: 'PermissionsBoundary' }, ['role bounded']],
    [{ EntityFilter: 'Group' }, ['group entity']],
    [{ EntityFilter: 'LocalManagedPolicy' }, []],
    [{ EntityFilter: 'AWSManagedPolicy' }, []],
    [{ PathPrefix: '/b/' }, ['user bounded']],
  ])('lists %j', async (input, expected) => {
    expect(await listed(input)).toEqual(expected);
  });

  test('answers names and ids, and empty lists', async () => {
    const command = new ListEntitiesForPolicyCommand({
      PolicyArn: policy('p11'),
      EntityFilter: 'Group',
    });
    expect(await iam.send(command)).toMatchObject({
      PolicyGroups: [{ GroupName: 'entity', GroupId: expect.stringMatching(/^AGPA/) as string }],
      PolicyUsers: [],
      PolicyRoles: [],
      IsTruncated: false,
    });
  });

  test('pages through entities of every kind', async () => {
    const pages: number[] = [];
    const paging = { client: iam, pageSize: 2 };
    const PolicyArn = policy('p11');
    for await (const page of paginateListEntitiesForPolicy(paging, { PolicyArn })) {
      const { PolicyGroups = [], PolicyUsers = [], PolicyRoles = [] } = page;
      pages.push(PolicyGroups.length + PolicyUsers.length + PolicyRoles.length);
    }
    expect(pages).toEqual([2, 2, 1]);
  });

  test('refuses a policy that does not exist', async () => {
    expect(await iamRefusal(listed({ PolicyArn: policy('none') }))).toEqual({
      code: 'NoSuchEntity',
      message: `Policy ${policy('none')} does not exist or is not attachable.`,
      status: 404,
    });
  });
});

test('A policy is attached to a group while users join it', async () => {
  await kinds.group.make('joined');
  const names = Array.from({ length: 4 }, (_, number) => `joiner-${number}`);
  for (const name of names) await kinds.user.make(name);
  const join = (UserName: string) =>
    iam.send(new AddUserToGroupCommand({ GroupName: 'joined', UserName }));
  await Promise.all([...names.map(join), kinds.group.attach('joined', policy('p00'))]);
  expect((await kinds.group.list('joined')).AttachedPolicies).toHaveLength(1);
});

test('A user may not attach a policy to itself', async () => {
  await makeIamUser(iam, 'climber');
  const own = iamClient(daemon, await makeAccessKey(iam, 'climber'));
  const PolicyArn = 'arn:aws:iam::aws:policy/AdministratorAccess';
  const attaching = new AttachUserPolicyCommand({ UserName: 'climber', PolicyArn });
  expect(await iamRefusal(own.send(attaching))).toEqual({
    code: 'AccessDenied',
    message: `User: ${arn('user/climber')} is not authorized to perform: iam:AttachUserPolicy on resource: ${arn('user/climber')} because no identity-based policy allows the iam:AttachUserPolicy action`,
    status: 403,
  });
});
