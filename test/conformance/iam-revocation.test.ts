import {
  AddUserToGroupCommand,
  AttachGroupPolicyCommand,
  AttachRolePolicyCommand,
  AttachUserPolicyCommand,
  CreateGroupCommand,
  CreatePolicyCommand,
  CreatePolicyVersionCommand,
  CreateRoleCommand,
  CreateUserCommand,
  DeleteGroupPolicyCommand,
  DeleteRoleCommand,
  DeleteRolePermissionsBoundaryCommand,
  DeleteRolePolicyCommand,
  DeleteUserCommand,
  DeleteUserPermissionsBoundaryCommand,
  DeleteUserPolicyCommand,
  DetachGroupPolicyCommand,
  DetachRolePolicyCommand,
  DetachUserPolicyCommand,
  GetRoleCommand,
  type IAMClient,
  PutGroupPolicyCommand,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
  PutUserPermissionsBoundaryCommand,
  PutUserPolicyCommand,
  SetDefaultPolicyVersionCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { GenerateRandomCommand, type KMSClient } from '@aws-sdk/client-kms';
import { type TestCredentials, type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient, iamRefusal, makeAccessKey, makeIamUser } from '../support/iam-client';
import { allowing, trusting } from '../support/iam-documents';
import { clientOf } from '../support/kms';
import {
  assume,
  makeRole as makeAssumableRole,
  makeUserAllowed,
  stsClient,
} from '../support/sts-client';

/** What changes in IAM decides about the next request, whichever worker it meets. */
let daemon: TestDaemon;
let iam: IAMClient;

beforeAll(async () => {
  daemon = await startDaemon({ workers: 2 });
  iam = iamClient(daemon);
});
afterAll(() => daemon.remove());

const arn = (rest: string) => `arn:aws:iam::${daemon.accountId}:${rest}`;
const random = allowing('kms:GenerateRandom');
const nothing = allowing('kms:ListKeys');

/** A user, and what becomes of its GenerateRandom now. */
async function newUser(name: string): Promise<() => Promise<string>> {
  await makeIamUser(iam, name);
  return outcomeFor(await makeAccessKey(iam, name));
}

/** What becomes of GenerateRandom now, on connections enough to meet every worker. */
function outcomeFor(credentials: TestCredentials): () => Promise<string> {
  const ask = async (client: KMSClient) => {
    try {
      await client.send(new GenerateRandomCommand({ NumberOfBytes: 8 }));
      return 'allowed';
    } catch (error) {
      return error instanceof Error ? error.name : 'thrown';
    } finally {
      client.destroy();
    }
  };
  return async () => {
    const clients = Array.from({ length: 8 }, () => clientOf(daemon, credentials));
    return [...new Set(await Promise.all(clients.map(ask)))].join();
  };
}

async function newPolicy(PolicyName: string, PolicyDocument: string): Promise<string> {
  await iam.send(new CreatePolicyCommand({ PolicyName, PolicyDocument }));
  return arn(`policy/${PolicyName}`);
}

const denied = 'AccessDeniedException';

test('An inline policy', async () => {
  const outcome = await newUser('inline');
  const policy = { UserName: 'inline', PolicyName: 'p' };
  expect(await outcome()).toBe(denied);
  await iam.send(new PutUserPolicyCommand({ ...policy, PolicyDocument: random }));
  expect(await outcome()).toBe('allowed');
  await iam.send(new PutUserPolicyCommand({ ...policy, PolicyDocument: nothing }));
  expect(await outcome()).toBe(denied);
  await iam.send(new PutUserPolicyCommand({ ...policy, PolicyDocument: random }));
  expect(await outcome()).toBe('allowed');
  await iam.send(new DeleteUserPolicyCommand(policy));
  expect(await outcome()).toBe(denied);
});

test('A managed policy, attached and detached, and its default version', async () => {
  const outcome = await newUser('managed');
  const PolicyArn = await newPolicy('managed', random);
  const attachment = { UserName: 'managed', PolicyArn };
  await iam.send(new AttachUserPolicyCommand(attachment));
  expect(await outcome()).toBe('allowed');
  const SetAsDefault = true;
  const second = { PolicyArn, PolicyDocument: nothing, SetAsDefault };
  await iam.send(new CreatePolicyVersionCommand(second));
  expect(await outcome()).toBe(denied);
  await iam.send(new SetDefaultPolicyVersionCommand({ PolicyArn, VersionId: 'v1' }));
  expect(await outcome()).toBe('allowed');
  await iam.send(new SetDefaultPolicyVersionCommand({ PolicyArn, VersionId: 'v2' }));
  expect(await outcome()).toBe(denied);
  await iam.send(new SetDefaultPolicyVersionCommand({ PolicyArn, VersionId: 'v1' }));
  expect(await outcome()).toBe('allowed');
  await iam.send(new DetachUserPolicyCommand(attachment));
  expect(await outcome()).toBe(denied);
});

test('A policy of a group, inline and attached, and its default version', async () => {
  const outcome = await newUser('member');
  const PolicyArn = await newPolicy('of-group', random);
  const group = { GroupName: 'ruled' };
  await iam.send(new CreateGroupCommand(group));
  await iam.send(new AddUserToGroupCommand({ ...group, UserName: 'member' }));
  expect(await outcome()).toBe(denied);
  const inline = { ...group, PolicyName: 'p' };
  await iam.send(new PutGroupPolicyCommand({ ...inline, PolicyDocument: random }));
  expect(await outcome()).toBe('allowed');
  await iam.send(new DeleteGroupPolicyCommand(inline));
  expect(await outcome()).toBe(denied);
  await iam.send(new AttachGroupPolicyCommand({ ...group, PolicyArn }));
  expect(await outcome()).toBe('allowed');
  const second = { PolicyArn, PolicyDocument: nothing, SetAsDefault: true };
  await iam.send(new CreatePolicyVersionCommand(second));
  expect(await outcome()).toBe(denied);
  await iam.send(new SetDefaultPolicyVersionCommand({ PolicyArn, VersionId: 'v1' }));
  expect(await outcome()).toBe('allowed');
  await iam.send(new DetachGroupPolicyCommand({ ...group, PolicyArn }));
  expect(await outcome()).toBe(denied);
});

test('A policy of a group with more members than announcements have room for', async () => {
  const outcome = await newUser('crowd-first');
  const group = { GroupName: 'crowd' };
  await iam.send(new CreateGroupCommand(group));
  await iam.send(new AddUserToGroupCommand({ ...group, UserName: 'crowd-first' }));
  for (let number = 0; number < 55; number += 1) {
    const UserName = `crowd-${number}`;
    await iam.send(new CreateUserCommand({ UserName }));
    await iam.send(new AddUserToGroupCommand({ ...group, UserName }));
  }
  const inline = { ...group, PolicyName: 'p' };
  expect(await outcome()).toBe(denied);
  await iam.send(new PutGroupPolicyCommand({ ...inline, PolicyDocument: random }));
  expect(await outcome()).toBe('allowed');
  await iam.send(new DeleteGroupPolicyCommand(inline));
  expect(await outcome()).toBe(denied);
});

test('A permissions boundary, and its default version', async () => {
  const outcome = await newUser('bounded');
  const user = { UserName: 'bounded' };
  const inline = { ...user, PolicyName: 'p', PolicyDocument: random };
  await iam.send(new PutUserPolicyCommand(inline));
  expect(await outcome()).toBe('allowed');
  const PermissionsBoundary = await newPolicy('boundary', nothing);
  await iam.send(new PutUserPermissionsBoundaryCommand({ ...user, PermissionsBoundary }));
  expect(await outcome()).toBe(denied);
  const wider = { PolicyDocument: random, SetAsDefault: true };
  const PolicyArn = PermissionsBoundary;
  await iam.send(new CreatePolicyVersionCommand({ PolicyArn, ...wider }));
  expect(await outcome()).toBe('allowed');
  await iam.send(new SetDefaultPolicyVersionCommand({ PolicyArn, VersionId: 'v1' }));
  expect(await outcome()).toBe(denied);
  await iam.send(new DeleteUserPermissionsBoundaryCommand(user));
  expect(await outcome()).toBe('allowed');
});

test('A policy or boundary of a role, for sessions that have begun', async () => {
  const caller = await makeUserAllowed(daemon, 'session-caller', 'sts:AssumeRole');
  const RoleArn = await makeAssumableRole(daemon, 'worker');
  const outcome = outcomeFor(await assume(stsClient(daemon, caller), { RoleArn }));
  const role = { RoleName: 'worker' };
  expect(await outcome()).toBe(denied);
  await iam.send(new PutRolePolicyCommand({ ...role, PolicyName: 'p', PolicyDocument: random }));
  expect(await outcome()).toBe('allowed');
  const PermissionsBoundary = await newPolicy('session-boundary', nothing);
  await iam.send(new PutRolePermissionsBoundaryCommand({ ...role, PermissionsBoundary }));
  expect(await outcome()).toBe(denied);
  await iam.send(new DeleteRolePermissionsBoundaryCommand(role));
  expect(await outcome()).toBe('allowed');
  await iam.send(new DeleteRolePolicyCommand({ ...role, PolicyName: 'p' }));
  expect(await outcome()).toBe(denied);
  const PolicyArn = await newPolicy('session-policy', random);
  await iam.send(new AttachRolePolicyCommand({ ...role, PolicyArn }));
  expect(await outcome()).toBe('allowed');
  await iam.send(new DetachRolePolicyCommand({ ...role, PolicyArn }));
  expect(await outcome()).toBe(denied);
});

test('A policy that is made wider while it is attached is seen whole', async () => {
  for (let round = 0; round < 5; round += 1) {
    const name = `racing-${round}`;
    const outcome = await newUser(name);
    const PolicyArn = await newPolicy(name, random);
    expect(await outcome()).toBe(denied);
    const narrower = { PolicyArn, PolicyDocument: nothing, SetAsDefault: true };
    await Promise.all([
      iam.send(new AttachUserPolicyCommand({ UserName: name, PolicyArn })),
      iam.send(new CreatePolicyVersionCommand(narrower)),
      outcome(),
    ]);
    expect(await outcome()).toBe(denied);
  }
});

describe('A principal that was deleted', () => {
  const trustOf = async (RoleName: string) => {
    const { Role } = await iam.send(new GetRoleCommand({ RoleName }));
    const text = decodeURIComponent(Role?.AssumeRolePolicyDocument ?? '');
    return (JSON.parse(text) as { Statement: { Principal: unknown }[] }).Statement[0]?.Principal;
  };
  const makeRole = (RoleName: string, AssumeRolePolicyDocument: string) =>
    iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument }));

  test.each([
    ['plain', (document: string) => document],
    ['escaped', (document: string) => document.replaceAll('user/', String.raw`user\/`)],
    ['in digits', (document: string) => document.replace('user/', String.raw`\u0075ser/`)],
  ])('leaves its id in trust policies (%s), which its successor has not', async (_, written) => {
    const UserName = 'mortal';
    const { User } = await iam.send(new CreateUserCommand({ UserName }));
    const document = trusting({ AWS: [arn('user/mortal'), daemon.accountId] });
    await makeRole('trusting', written(document));
    await iam.send(new DeleteUserCommand({ UserName }));
    expect(await trustOf('trusting')).toEqual({ AWS: [User?.UserId, daemon.accountId] });
    const { User: successor } = await iam.send(new CreateUserCommand({ UserName }));
    expect(successor?.UserId).not.toBe(User?.UserId);
    expect(await trustOf('trusting')).toEqual({ AWS: [User?.UserId, daemon.accountId] });
    const again = new UpdateAssumeRolePolicyCommand({
      RoleName: 'trusting',
      PolicyDocument: trusting({ AWS: User?.UserId }),
    });
    expect(await iamRefusal(iam.send(again))).toEqual({
      code: 'MalformedPolicyDocument',
      message: `Invalid principal in policy: "AWS":"${User?.UserId}"`,
      status: 400,
    });
    await iam.send(new DeleteUserCommand({ UserName }));
    await iam.send(new DeleteRoleCommand({ RoleName: 'trusting' }));
  });

  test('leaves its id in trust policies when it was a role', async () => {
    const { Role } = await makeRole('mortal', trusting({ AWS: daemon.accountId }));
    await makeRole('survivor', trusting({ AWS: arn('role/mortal') }));
    await iam.send(new DeleteRoleCommand({ RoleName: 'mortal' }));
    expect(await trustOf('survivor')).toEqual({ AWS: Role?.RoleId });
  });

  test('leaves no ARN of its own in a trust policy that is written at once', async () => {
    await makeRole('hasty', trusting({ AWS: daemon.accountId }));
    for (let round = 0; round < 6; round += 1) {
      const UserName = `brief-${round}`;
      const { User } = await iam.send(new CreateUserCommand({ UserName }));
      const PolicyDocument = trusting({ AWS: arn(`user/${UserName}`) });
      const update = { RoleName: 'hasty', PolicyDocument };
      const [updated] = await Promise.allSettled([
        iam.send(new UpdateAssumeRolePolicyCommand(update)),
        iam.send(new DeleteUserCommand({ UserName })),
      ]);
      const trusted = await trustOf('hasty');
      if (updated.status === 'fulfilled') expect(trusted).toEqual({ AWS: User?.UserId });
      else expect(JSON.stringify(trusted)).not.toContain(arn(`user/${UserName}`));
    }
  });
});
