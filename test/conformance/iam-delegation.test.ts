import {
  AttachRolePolicyCommand,
  AttachUserPolicyCommand,
  CreatePolicyCommand,
  CreatePolicyVersionCommand,
  CreateRoleCommand,
  CreateUserCommand,
  DeletePolicyCommand,
  DeleteRolePermissionsBoundaryCommand,
  DetachUserPolicyCommand,
  GetPolicyCommand,
  type IAMClient,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient, iamRefusal, makeAccessKey, makeIamUser } from '../support/iam-client';
import { allowing, trusting } from '../support/iam-documents';

/** Administrators who may do some of what an administrator may: the conditions that IAM has for them. */
let daemon: TestDaemon;
let iam: IAMClient;

beforeAll(async () => {
  daemon = await startDaemon();
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
const readOnly = 'arn:aws:iam::aws:policy/IAMReadOnlyAccess';
const administrator = 'arn:aws:iam::aws:policy/AdministratorAccess';

/** A client of a new user that may what the statements say. */
async function userWith(name: string, ...statements: Statement[]): Promise<IAMClient> {
  await makeIamUser(iam, name);
  const Statement = statements.map((one) => ({ Effect: 'Allow', Resource: '*', ...one }));
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
  await iam.send(new PutUserPolicyCommand({ UserName: name, PolicyName: 'p', PolicyDocument }));
  return iamClient(daemon, await makeAccessKey(iam, name));
}

const makeRole = (client: IAMClient, RoleName: string, PermissionsBoundary?: string, Path = '/') =>
  client.send(
    new CreateRoleCommand({
      ...{ RoleName, Path, PermissionsBoundary },
      AssumeRolePolicyDocument: trusting({ AWS: daemon.accountId }),
    }),
  );

const denial = async (sending: Promise<unknown>) => {
  const { code, message, status } = await iamRefusal(sending);
  expect({ code, status }).toEqual({ code: 'AccessDenied', status: 403 });
  return / is not authorized to perform: (\S+) on resource: (\S+) /.exec(message)?.slice(1);
};

test('iam:PolicyARN says which policies may be attached and detached', async () => {
  const admin = await userWith('attacher', {
    Action: ['iam:AttachUserPolicy', 'iam:DetachUserPolicy'],
    Condition: { ArnEquals: { 'iam:PolicyARN': readOnly } },
  });
  await makeIamUser(iam, 'target');
  const target = { UserName: 'target' };
  await admin.send(new AttachUserPolicyCommand({ ...target, PolicyArn: readOnly }));
  const wide = { ...target, PolicyArn: administrator };
  expect(await denial(admin.send(new AttachUserPolicyCommand(wide)))).toEqual([
    'iam:AttachUserPolicy',
    arn('user/target'),
  ]);
  expect(await denial(admin.send(new DetachUserPolicyCommand(wide)))).toEqual([
    'iam:DetachUserPolicy',
    arn('user/target'),
  ]);
  await admin.send(new DetachUserPolicyCommand({ ...target, PolicyArn: readOnly }));
});

test('A policy is attached by its exact ARN, so that a Deny of it cannot be passed by', async () => {
  const admin = await userWith(
    'denied-attacher',
    { Action: 'iam:*' },
    {
      Effect: 'Deny',
      Action: 'iam:AttachUserPolicy',
      Condition: { ArnEquals: { 'iam:PolicyARN': administrator } },
    },
  );
  for (const PolicyArn of [
    'arn:aws:iam::aws:policy/administratoraccess',
    'arn:aws:iam::AWS:policy/AdministratorAccess',
    'arn:aws:iam::aws:policy//AdministratorAccess',
    'arn:aws-cn:iam::aws:policy/AdministratorAccess',
  ]) {
    const attaching = new AttachUserPolicyCommand({ UserName: 'denied-attacher', PolicyArn });
    const { code } = await iamRefusal(admin.send(attaching));
    expect(['NoSuchEntity', 'ValidationError']).toContain(code);
  }
});

test('iam:PermissionsBoundary keeps an administrator to roles that are bounded', async () => {
  const condition = { StringEquals: { 'iam:PermissionsBoundary': readOnly } };
  const admin = await userWith('bounding', {
    Action: [
      ...['iam:CreateRole', 'iam:PutRolePolicy', 'iam:AttachRolePolicy'],
      ...['iam:PutRolePermissionsBoundary', 'iam:DeleteRolePermissionsBoundary'],
    ],
    Condition: condition,
  });
  await makeRole(admin, 'bounded', readOnly);
  expect(await denial(makeRole(admin, 'unbounded'))).toEqual([
    'iam:CreateRole',
    arn('role/unbounded'),
  ]);
  expect(await denial(makeRole(admin, 'wide', administrator))).toEqual([
    'iam:CreateRole',
    arn('role/wide'),
  ]);
  await makeRole(iam, 'free');
  const inline = { PolicyName: 'p', PolicyDocument: allowing('*') };
  await admin.send(new PutRolePolicyCommand({ RoleName: 'bounded', ...inline }));
  const onFree = new PutRolePolicyCommand({ RoleName: 'free', ...inline });
  expect(await denial(admin.send(onFree))).toEqual(['iam:PutRolePolicy', arn('role/free')]);
  const attached = { PolicyArn: administrator };
  await admin.send(new AttachRolePolicyCommand({ RoleName: 'bounded', ...attached }));
  const attaching = new AttachRolePolicyCommand({ RoleName: 'free', ...attached });
  expect(await denial(admin.send(attaching))).toEqual(['iam:AttachRolePolicy', arn('role/free')]);
  const widened = new PutRolePermissionsBoundaryCommand({
    RoleName: 'bounded',
    PermissionsBoundary: administrator,
  });
  expect(await denial(admin.send(widened))).toEqual([
    'iam:PutRolePermissionsBoundary',
    arn('role/bounded'),
  ]);
  const bind = { RoleName: 'free', PermissionsBoundary: readOnly };
  await admin.send(new PutRolePermissionsBoundaryCommand(bind));
  await admin.send(new DeleteRolePermissionsBoundaryCommand({ RoleName: 'free' }));
  const unbinding = new DeleteRolePermissionsBoundaryCommand({ RoleName: 'free' });
  expect(await denial(admin.send(unbinding))).toEqual([
    'iam:DeleteRolePermissionsBoundary',
    arn('role/free'),
  ]);
});

test('The path of a role delimits who may change whom it trusts', async () => {
  const admin = await userWith('truster', {
    Action: 'iam:UpdateAssumeRolePolicy',
    Resource: arn('role/team/*'),
  });
  await makeRole(iam, 'inside', undefined, '/team/');
  await makeRole(iam, 'outside');
  const PolicyDocument = trusting({ AWS: arn('user/truster') });
  const update = (RoleName: string) =>
    admin.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument }));
  await update('INSIDE');
  expect(await denial(update('outside'))).toEqual([
    'iam:UpdateAssumeRolePolicy',
    arn('role/outside'),
  ]);
});

test('The tags of a policy decide who may change it', async () => {
  const admin = await userWith('policy-admin', {
    Action: ['iam:CreatePolicyVersion', 'iam:DeletePolicy', 'iam:GetPolicy'],
    Condition: { StringEquals: { 'aws:ResourceTag/team': 'blue' } },
  });
  const PolicyDocument = allowing('kms:Encrypt');
  const make = (PolicyName: string, team: string) => {
    const Tags = [{ Key: 'team', Value: team }];
    return iam.send(new CreatePolicyCommand({ PolicyName, PolicyDocument, Tags }));
  };
  await make('blue', 'blue');
  await make('red', 'red');
  const [blue, red] = [arn('policy/blue'), arn('policy/red')];
  await admin.send(new GetPolicyCommand({ PolicyArn: blue }));
  expect(await denial(admin.send(new GetPolicyCommand({ PolicyArn: red })))).toEqual([
    'iam:GetPolicy',
    red,
  ]);
  const onRed = new CreatePolicyVersionCommand({ PolicyArn: red, PolicyDocument });
  expect(await denial(admin.send(onRed))).toEqual(['iam:CreatePolicyVersion', red]);
  await admin.send(new DeletePolicyCommand({ PolicyArn: blue }));
});

test('Whoever makes a policy with tags must be allowed to tag it', async () => {
  const admin = await userWith('untagging', { Action: ['iam:CreatePolicy', 'iam:CreateRole'] });
  const policy = { PolicyName: 'tagged', PolicyDocument: allowing('kms:Encrypt') };
  const Tags = [{ Key: 'a', Value: 'b' }];
  expect(await denial(admin.send(new CreatePolicyCommand({ ...policy, Tags })))).toEqual([
    'iam:TagPolicy',
    arn('policy/tagged'),
  ]);
  await admin.send(new CreatePolicyCommand(policy));
  const AssumeRolePolicyDocument = trusting({ AWS: daemon.accountId });
  const role = { RoleName: 'tagged', AssumeRolePolicyDocument, Tags };
  expect(await denial(admin.send(new CreateRoleCommand(role)))).toEqual([
    'iam:TagRole',
    arn('role/tagged'),
  ]);
});

test('Who may read IAM may change nothing of it', async () => {
  await makeIamUser(iam, 'reader');
  await iam.send(new AttachUserPolicyCommand({ UserName: 'reader', PolicyArn: readOnly }));
  const reader = iamClient(daemon, await makeAccessKey(iam, 'reader'));
  await reader.send(new GetPolicyCommand({ PolicyArn: readOnly }));
  expect(await denial(reader.send(new CreateUserCommand({ UserName: 'x' })))).toEqual([
    'iam:CreateUser',
    arn('user/x'),
  ]);
});
