import {
  CreatePolicyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  DeleteRolePermissionsBoundaryCommand,
  DeleteUserPermissionsBoundaryCommand,
  GetPolicyCommand,
  GetRoleCommand,
  GetUserCommand,
  type IAMClient,
  PutRolePermissionsBoundaryCommand,
  PutUserPermissionsBoundaryCommand,
} from '@aws-sdk/client-iam';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient, iamRefusal, makeAccessKey, makeIamUser } from '../support/iam-client';
import { allowing, trusting } from '../support/iam-documents';
import { auditOf, otherAccount } from '../support/kms';

let daemon: TestDaemon;
let iam: IAMClient;
let other: IAMClient;

beforeAll(async () => {
  daemon = await startDaemon();
  iam = iamClient(daemon);
  other = iamClient(daemon, await otherAccount(daemon, '222233334444'));
  const PolicyDocument = allowing('kms:*');
  await iam.send(new CreatePolicyCommand({ PolicyName: 'limit', PolicyDocument }));
});
afterAll(() => daemon.remove());

const arn = (rest: string) => `arn:aws:iam::${daemon.accountId}:${rest}`;
const limit = () => arn('policy/limit');
const administrator = 'arn:aws:iam::aws:policy/AdministratorAccess';

const kinds = {
  user: {
    make: (name: string, PermissionsBoundary?: string) =>
      iam.send(new CreateUserCommand({ UserName: name, PermissionsBoundary })),
    put: (UserName: string, PermissionsBoundary: string) =>
      iam.send(new PutUserPermissionsBoundaryCommand({ UserName, PermissionsBoundary })),
    remove: (UserName: string) => iam.send(new DeleteUserPermissionsBoundaryCommand({ UserName })),
    get: async (UserName: string) => {
      const { User } = await iam.send(new GetUserCommand({ UserName }));
      return User?.PermissionsBoundary;
    },
  },
  role: {
    make: (name: string, PermissionsBoundary?: string) => {
      const AssumeRolePolicyDocument = trusting({ AWS: daemon.accountId });
      const role = { RoleName: name, AssumeRolePolicyDocument, PermissionsBoundary };
      return iam.send(new CreateRoleCommand(role));
    },
    put: (RoleName: string, PermissionsBoundary: string) =>
      iam.send(new PutRolePermissionsBoundaryCommand({ RoleName, PermissionsBoundary })),
    remove: (RoleName: string) => iam.send(new DeleteRolePermissionsBoundaryCommand({ RoleName })),
    get: async (RoleName: string) => {
      const { Role } = await iam.send(new GetRoleCommand({ RoleName }));
      return Role?.PermissionsBoundary;
    },
  },
};

const boundary = (PermissionsBoundaryArn: string) => ({
  PermissionsBoundaryType: 'Policy',
  PermissionsBoundaryArn,
});

describe.each(['user', 'role'] as const)('The permissions boundary of a %s', (kind) => {
  const { make, put, remove, get } = kinds[kind];
  const notFound = (message: string) => ({ code: 'NoSuchEntity', message, status: 404 });
  const usage = async () =>
    (await iam.send(new GetPolicyCommand({ PolicyArn: limit() }))).Policy
      ?.PermissionsBoundaryUsageCount;

  test('is put, replaced, counted and deleted', async () => {
    const before = (await usage()) ?? 0;
    await make('bounded');
    expect(await get('bounded')).toBeUndefined();
    expect(Object.keys(await put('BOUNDED', limit()))).toEqual(['$metadata']);
    expect(await get('bounded')).toEqual(boundary(limit()));
    expect(await usage()).toBe(before + 1);
    await put('bounded', administrator);
    expect(await get('bounded')).toEqual(boundary(administrator));
    expect(await usage()).toBe(before);
    expect(Object.keys(await remove('bounded'))).toEqual(['$metadata']);
    expect(await get('bounded')).toBeUndefined();
    await remove('bounded');
  });

  test('may be given when it is made', async () => {
    await make('born-bounded', limit());
    expect(await get('born-bounded')).toEqual(boundary(limit()));
  });

  test('that does not exist, or is of another account, is refused', async () => {
    const foreign = new CreatePolicyCommand({
      PolicyName: `of-${kind}`,
      PolicyDocument: allowing('kms:*'),
    });
    const { Policy } = await other.send(foreign);
    await make('strict', administrator);
    for (const missing of [arn('policy/none'), arn('policy/LIMIT'), Policy?.Arn ?? '']) {
      const refusal = notFound(`Scope ARN: ${missing} does not exist or is not attachable.`);
      expect(await iamRefusal(put('strict', missing))).toEqual(refusal);
      expect(await iamRefusal(make('never', missing))).toEqual(refusal);
    }
    expect(await get('strict')).toEqual(boundary(administrator));
  });

  test('that is no ARN of a policy is refused', async () => {
    await make('exact');
    for (const text of ['AdministratorAccess!', arn('group/admins'), `${administrator}\n`]) {
      expect(await iamRefusal(put('exact', text))).toEqual({
        code: 'ValidationError',
        message: `ARN ${text} is not valid.`,
        status: 400,
      });
    }
  });

  test('of one that does not exist is refused', async () => {
    const refusal = notFound(`The ${kind} with name nobody cannot be found.`);
    expect(await iamRefusal(put('nobody', limit()))).toEqual(refusal);
    expect(await iamRefusal(remove('nobody'))).toEqual(refusal);
  });

  test('is recorded', async () => {
    await make('watched');
    const { $metadata } = await put('watched', limit());
    expect(await auditOf(daemon, $metadata.requestId ?? '')).toMatchObject({
      readOnly: false,
      requestParameters: { permissionsBoundary: limit() },
      resources: [{ ARN: arn(`${kind}/watched`) }],
    });
  });
});

test('A user may not take away its own boundary', async () => {
  await makeIamUser(iam, 'caged');
  const own = iamClient(daemon, await makeAccessKey(iam, 'caged'));
  await kinds.user.put('caged', limit());
  const removing = new DeleteUserPermissionsBoundaryCommand({ UserName: 'caged' });
  expect(await iamRefusal(own.send(removing))).toMatchObject({ code: 'AccessDenied', status: 403 });
  expect(await kinds.user.get('caged')).toEqual(boundary(limit()));
});
