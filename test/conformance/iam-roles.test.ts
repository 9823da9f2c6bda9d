import {
  AttachRolePolicyCommand,
  CreateRoleCommand,
  type CreateRoleCommandInput,
  DeleteRoleCommand,
  DeleteRolePolicyCommand,
  DetachRolePolicyCommand,
  GetRoleCommand,
  type IAMClient,
  ListInstanceProfilesForRoleCommand,
  ListRolesCommand,
  PutRolePolicyCommand,
  UpdateRoleCommand,
  UpdateRoleDescriptionCommand,
  paginateListRoles,
} from '@aws-sdk/client-iam';
import { type Terminal, openTerminal } from '../support/aws-cli';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient, iamRefusal, makeAccessKey, makeIamUser } from '../support/iam-client';
import { allowing, trusting } from '../support/iam-documents';
import { auditOf, otherAccount } from '../support/kms';
import { administer } from '../support/postgres';

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

const arn = (rest: string) => `arn:aws:iam::${daemon.accountId}:${rest}`;
const trust = () => trusting({ AWS: arn('root') });
const create = (input: Partial<CreateRoleCommandInput> & { RoleName: string }) =>
  iam.send(new CreateRoleCommand({ AssumeRolePolicyDocument: trust(), ...input }));
const get = async (RoleName: string) => (await iam.send(new GetRoleCommand({ RoleName }))).Role;
const decoded = (text: string | undefined) => decodeURIComponent(text ?? '');
const noSuchRole = (name: string) => ({
  code: 'NoSuchEntity',
  message: `The role with name ${name} cannot be found.`,
  status: 404,
});

describe('CreateRole', () => {
  test('makes a role, answers what AWS answers, and GetRole all of it', async () => {
    const document = ` ${trust()}\n`;
    const { Role, $metadata } = await create({
      RoleName: 'Deployer',
      Path: '/ci/',
      AssumeRolePolicyDocument: document,
      Description: 'ships',
      MaxSessionDuration: 7200,
      PermissionsBoundary: 'arn:aws:iam::aws:policy/AdministratorAccess',
      Tags: [{ Key: 'team', Value: 'blue' }],
    });
    const answered = {
      RoleName: 'Deployer',
      Path: '/ci/',
      RoleId: expect.stringMatching(/^AROA[A-Z2-7]{17}$/) as string,
      Arn: arn('role/ci/Deployer'),
      CreateDate: expect.any(Date) as Date,
      AssumeRolePolicyDocument: encodeURIComponent(document),
      PermissionsBoundary: {
        PermissionsBoundaryType: 'Policy',
        PermissionsBoundaryArn: 'arn:aws:iam::aws:policy/AdministratorAccess',
      },
      Tags: [{ Key: 'team', Value: 'blue' }],
    };
    expect({ ...Role, AssumeRolePolicyDocument: '' }).toEqual({
      ...answered,
      AssumeRolePolicyDocument: '',
    });
    expect(decoded(Role?.AssumeRolePolicyDocument)).toBe(document);
    const found = await get('dEPLOYER');
    expect({
      ...found,
      AssumeRolePolicyDocument: decoded(found?.AssumeRolePolicyDocument),
    }).toEqual({
      ...answered,
      AssumeRolePolicyDocument: document,
      RoleId: Role?.RoleId,
      Description: 'ships',
      MaxSessionDuration: 7200,
      RoleLastUsed: {},
    });
    expect(await auditOf(daemon, $metadata.requestId ?? '')).toMatchObject({
      eventName: 'CreateRole',
      readOnly: false,
      requestParameters: {
        roleName: 'Deployer',
        path: '/ci/',
        assumeRolePolicyDocument: document,
        description: 'ships',
        maxSessionDuration: 7200,
      },
      responseElements: { role: { roleName: 'Deployer', roleId: Role?.RoleId } },
    });
  });

  test('without options makes a role of one hour at the root path, without tags', async () => {
    const { Role } = await create({ RoleName: 'plain' });
    expect(Object.keys(Role ?? {}).sort()).toEqual([
      ...['Arn', 'AssumeRolePolicyDocument', 'CreateDate', 'Path', 'RoleId', 'RoleName'],
    ]);
    expect(await get('plain')).toMatchObject({ Path: '/', MaxSessionDuration: 3600 });
  });

  test('refuses a name that is taken, whatever its case', async () => {
    await create({ RoleName: 'taken' });
    expect(await iamRefusal(create({ RoleName: 'TAKEN', Path: '/other/' }))).toEqual({
      code: 'EntityAlreadyExists',
      message: 'Role with name TAKEN already exists.',
      status: 409,
    });
  });

  test('makes one role of many requests for a name at once', async () => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, () => create({ RoleName: 'contested' })),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test.each([
    [
      { MaxSessionDuration: 3599 },
      /at 'maxSessionDuration' failed .* greater than or equal to 3600/,
    ],
    [
      { MaxSessionDuration: 43_201 },
      /at 'maxSessionDuration' failed .* less than or equal to 43200/,
    ],
    [{ RoleName: 'x'.repeat(65) }, /at 'roleName' failed .* less than or equal to 64/],
    [{ Description: 'a\u0000b' }, /at 'description' failed/],
    [
      { AssumeRolePolicyDocument: '' },
      /at 'assumeRolePolicyDocument' failed .* greater than or equal to 1/,
    ],
    [{ PermissionsBoundary: 'AdministratorAccess!' }, /^ARN AdministratorAccess! is not valid\.$/],
  ])('refuses %j', async (input, message) => {
    const refusal = await iamRefusal(create({ RoleName: 'never', ...input }));
    expect(refusal).toMatchObject({ code: 'ValidationError', status: 400 });
    expect(refusal.message).toMatch(message);
  });

  test('refuses the 1001st role of an account', async () => {
    const account = '222233334444';
    const other = iamClient(daemon, await otherAccount(daemon, account));
    await administer(
      daemon.databaseUrl,
      `insert into principal
         (principal_id, account_id, arn, kind, name, trust_policy, max_session_seconds)
       select 'AROAQUOTA' || lpad(n::text, 12, '0'), $1::text, 'arn:aws:iam::' || $1::text || ':role/r' || n, 'role',
         'r' || n, '{}', 3600
       from generate_series(1, 1000) as n`,
      [account],
    );
    const document = trusting({ AWS: account });
    const making = other.send(
      new CreateRoleCommand({ RoleName: 'more', AssumeRolePolicyDocument: document }),
    );
    expect(await iamRefusal(making)).toEqual({
      code: 'LimitExceeded',
      message: 'Cannot exceed quota for RolesPerAccount: 1000',
      status: 409,
    });
  });
});

describe('UpdateRole and UpdateRoleDescription', () => {
  test('change what they name and leave the rest', async () => {
    await create({ RoleName: 'changing', Description: 'one' });
    await iam.send(new UpdateRoleCommand({ RoleName: 'changing', MaxSessionDuration: 43_200 }));
    expect(await get('changing')).toMatchObject({ Description: 'one', MaxSessionDuration: 43_200 });
    await iam.send(new UpdateRoleCommand({ RoleName: 'changing', Description: 'two' }));
    expect(await get('changing')).toMatchObject({ Description: 'two', MaxSessionDuration: 43_200 });
    await iam.send(new UpdateRoleCommand({ RoleName: 'changing' }));
    const { Role } = await iam.send(
      new UpdateRoleDescriptionCommand({ RoleName: 'changing', Description: 'three' }),
    );
    expect(Role).toMatchObject({ RoleName: 'changing', Description: 'three' });
    expect(Role?.MaxSessionDuration).toBeUndefined();
    const after = await get('changing');
    expect(after).toMatchObject({ Description: 'three', MaxSessionDuration: 43_200 });
  });

  test('refuse a role that does not exist', async () => {
    const RoleName = 'nobody';
    const described = new UpdateRoleDescriptionCommand({ RoleName, Description: 'x' });
    expect(await iamRefusal(iam.send(new UpdateRoleCommand({ RoleName })))).toEqual(
      noSuchRole('nobody'),
    );
    expect(await iamRefusal(iam.send(described))).toEqual(noSuchRole('nobody'));
  });
});

describe('GetRole and ListRoles', () => {
  test('GetRole refuses a role that does not exist, and one of another account', async () => {
    expect(await iamRefusal(get('nobody'))).toEqual(noSuchRole('nobody'));
    await create({ RoleName: 'ours' });
    const stranger = iamClient(daemon, await otherAccount(daemon, '333344445555'));
    expect(await iamRefusal(stranger.send(new GetRoleCommand({ RoleName: 'ours' })))).toEqual(
      noSuchRole('ours'),
    );
  });

  test('ListRoles pages through roles in order of name, below a path, without tags and boundary', async () => {
    const PermissionsBoundary = 'arn:aws:iam::aws:policy/AdministratorAccess';
    for (const number of [3, 1, 2, 5, 4]) {
      const Description = `role ${number}`;
      const Tags = [{ Key: 'a', Value: 'b' }];
      const Path = '/listed/deep/';
      await create({ RoleName: `l${number}`, Path, Description, Tags, PermissionsBoundary });
    }
    const pages: (string | undefined)[][] = [];
    const paging = { client: iam, pageSize: 2 };
    for await (const page of paginateListRoles(paging, { PathPrefix: '/listed/' })) {
      pages.push((page.Roles ?? []).map(({ RoleName }) => RoleName));
    }
    expect(pages).toEqual([['l1', 'l2'], ['l3', 'l4'], ['l5']]);
    const { Roles = [] } = await iam.send(new ListRolesCommand({ PathPrefix: '/listed/' }));
    expect(Object.keys(Roles[0] ?? {}).sort()).toEqual([
      ...['Arn', 'AssumeRolePolicyDocument', 'CreateDate', 'Description'],
      ...['MaxSessionDuration', 'Path', 'RoleId', 'RoleName'],
    ]);
    expect((await iam.send(new ListRolesCommand({ PathPrefix: '/none/' }))).Roles).toEqual([]);
  });
});

test('ListInstanceProfilesForRole answers that a role has none, as who deletes it asks first', async () => {
  const profiles = (RoleName: string, Marker?: string) =>
    iam.send(new ListInstanceProfilesForRoleCommand({ RoleName, Marker }));
  await create({ RoleName: 'bare' });
  const { InstanceProfiles, IsTruncated, $metadata } = await profiles('bare');
  expect({ InstanceProfiles, IsTruncated }).toEqual({ InstanceProfiles: [], IsTruncated: false });
  const record = await auditOf(daemon, $metadata.requestId ?? '');
  expect(record).toMatchObject({ readOnly: true, requestParameters: { roleName: 'bare' } });
  expect(await iamRefusal(profiles('nobody'))).toEqual(noSuchRole('nobody'));
  expect(await iamRefusal(profiles('bare', 'elsewhere'))).toEqual({
    code: 'ValidationError',
    message: 'Invalid Marker.',
    status: 400,
  });
});

describe('DeleteRole', () => {
  const remove = (RoleName: string) => iam.send(new DeleteRoleCommand({ RoleName }));
  const conflict = (what: string) => ({
    code: 'DeleteConflict',
    message: `Cannot delete entity, must ${what} first.`,
    status: 409,
  });

  test('deletes a role with its tags and boundary, and the next of its name is another', async () => {
    const Tags = [{ Key: 'a', Value: 'b' }];
    const PermissionsBoundary = 'arn:aws:iam::aws:policy/AdministratorAccess';
    const first = await create({ RoleName: 'gone', Tags, PermissionsBoundary });
    await remove('GONE');
    expect(await iamRefusal(remove('gone'))).toEqual(noSuchRole('gone'));
    await create({ RoleName: 'gone' });
    const second = await get('gone');
    expect(second?.RoleId).not.toBe(first.Role?.RoleId);
    expect(second?.Tags).toBeUndefined();
    expect(second?.PermissionsBoundary).toBeUndefined();
  });

  test('refuses a role with attached or inline policies', async () => {
    const RoleName = 'holder';
    const PolicyArn = 'arn:aws:iam::aws:policy/IAMReadOnlyAccess';
    const inline = { RoleName, PolicyName: 'p' };
    await create({ RoleName });
    await iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn }));
    await iam.send(new PutRolePolicyCommand({ ...inline, PolicyDocument: allowing('kms:*') }));
    expect(await iamRefusal(remove(RoleName))).toEqual(conflict('detach all policies'));
    await iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn }));
    expect(await iamRefusal(remove(RoleName))).toEqual(conflict('delete policies'));
    await iam.send(new DeleteRolePolicyCommand(inline));
    await remove(RoleName);
  });

  test('does not lose a policy that is attached at once', async () => {
    for (let round = 0; round < 5; round += 1) {
      const RoleName = `raced-${round}`;
      await create({ RoleName });
      const PolicyArn = 'arn:aws:iam::aws:policy/IAMReadOnlyAccess';
      const attaching = iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn }));
      const [attached, removed] = await Promise.allSettled([attaching, remove(RoleName)]);
      expect([attached.status, removed.status].sort()).toEqual(['fulfilled', 'rejected']);
    }
  });
});

test('Who may do nothing may do nothing to roles, and the refusal is recorded', async () => {
  await makeIamUser(iam, 'powerless');
  const own = iamClient(daemon, await makeAccessKey(iam, 'powerless'));
  await create({ RoleName: 'guarded', Path: '/vault/' });
  const refusal = await iamRefusal(own.send(new DeleteRoleCommand({ RoleName: 'guarded' })));
  expect(refusal).toEqual({
    code: 'AccessDenied',
    message: `User: ${arn('user/powerless')} is not authorized to perform: iam:DeleteRole on resource: ${arn('role/vault/guarded')} because no identity-based policy allows the iam:DeleteRole action`,
    status: 403,
  });
  expect(await get('guarded')).toBeDefined();
});

/** Each command starts a Python, which takes seconds where processors are few. */
test('The AWS CLI makes a role, reads its trust policy as JSON, attaches to it and deletes it', async () => {
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await terminal.aws('iam', ...args, '--role-name', 'cli');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout === '' ? undefined : (JSON.parse(stdout) as unknown);
  };
  const document = JSON.parse(trust()) as unknown;
  await run('create-role', '--assume-role-policy-document', trust(), '--description', 'by CLI');
  expect(await run('get-role')).toMatchObject({
    Role: {
      Arn: arn('role/cli'),
      AssumeRolePolicyDocument: document,
      Description: 'by CLI',
      MaxSessionDuration: 3600,
      RoleLastUsed: {},
    },
  });
  const attachment = ['--policy-arn', 'arn:aws:iam::aws:policy/IAMReadOnlyAccess'];
  await run('attach-role-policy', ...attachment);
  expect(await run('list-attached-role-policies')).toEqual({
    AttachedPolicies: [{ PolicyName: 'IAMReadOnlyAccess', PolicyArn: attachment[1] }],
  });
  const refused = await terminal.aws('iam', 'delete-role', '--role-name', 'cli');
  expect(refused.stderr.trim()).toBe(
    'An error occurred (DeleteConflict) when calling the DeleteRole operation: Cannot delete entity, must detach all policies first.',
  );
  await run('detach-role-policy', ...attachment);
  expect(await run('delete-role')).toBeUndefined();
}, 120_000);
