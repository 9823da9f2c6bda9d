import {
  AddUserToGroupCommand,
  AttachGroupPolicyCommand,
  AttachUserPolicyCommand,
  CreateGroupCommand,
  CreatePolicyCommand,
  CreatePolicyVersionCommand,
  DeleteAccessKeyCommand,
  DeleteGroupPolicyCommand,
  DeleteUserPolicyCommand,
  DetachGroupPolicyCommand,
  DetachUserPolicyCommand,
  PutGroupPolicyCommand,
  PutUserPermissionsBoundaryCommand,
  PutUserPolicyCommand,
  RemoveUserFromGroupCommand,
  SetDefaultPolicyVersionCommand,
  UpdateAccessKeyCommand,
} from '@aws-sdk/client-iam';
import {
  CancelKeyDeletionCommand,
  CreateGrantCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  PutKeyPolicyCommand,
  RetireGrantCommand,
  RevokeGrantCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import type { TestCredentials } from './daemon';
import { makeAccessKey, makeIamUser } from './iam-client';
import { allowing } from './iam-documents';
import { type Access, type Revocation, type Stage, encrypting } from './revocation-stage';

export const denied = 'AccessDeniedException';
export const unrecognised = 'UnrecognizedClientException';
export const mayEncrypt = allowing('kms:Encrypt');
export const mayList = allowing('kms:ListKeys');

/** Lets a user in who is new. */
export async function newUser({ iam }: Stage, UserName: string): Promise<TestCredentials> {
  await makeIamUser(iam, UserName);
  return makeAccessKey(iam, UserName);
}

/** A managed policy; its ARN. */
export async function newPolicy(
  { iam, arn }: Stage,
  PolicyName: string,
  PolicyDocument = mayEncrypt,
): Promise<string> {
  await iam.send(new CreatePolicyCommand({ PolicyName, PolicyDocument }));
  return arn(`policy/${PolicyName}`);
}

/** A grant on the key, to encrypt; what names it in calls. */
export async function newGrant(
  { kms, keyId: KeyId, arn }: Stage,
  GranteePrincipal: string,
): Promise<{ KeyId: string; GrantId: string }> {
  const { GrantId = '' } = await kms.send(
    new CreateGrantCommand({
      ...{ KeyId, GranteePrincipal, RetiringPrincipal: arn('root') },
      Operations: ['Encrypt'],
    }),
  );
  return { KeyId, GrantId };
}

/** A user whose access rests on what `prepare` makes, which gives the call that takes it back. */
function ofUser(
  name: string,
  refusal: string,
  prepare: (stage: Stage, user: { UserName: string }) => Promise<Access['revoke']>,
): Revocation {
  return {
    name,
    refusal,
    arrange: async (stage, UserName) => {
      const credentials = await newUser(stage, UserName);
      const revoke = await prepare(stage, { UserName });
      return { open: encrypting(credentials, stage.keyId), revoke };
    },
  };
}

async function withInlinePolicy({ iam }: Stage, user: { UserName: string }) {
  const policy = { ...user, PolicyName: 'p' };
  await iam.send(new PutUserPolicyCommand({ ...policy, PolicyDocument: mayEncrypt }));
  return policy;
}

async function withManagedPolicy(stage: Stage, user: { UserName: string }) {
  const PolicyArn = await newPolicy(stage, user.UserName);
  await stage.iam.send(new AttachUserPolicyCommand({ ...user, PolicyArn }));
  return { ...user, PolicyArn };
}

/** A group of the user's name, and the user in it. */
async function inGroup({ iam }: Stage, { UserName }: { UserName: string }) {
  const group = { GroupName: UserName };
  await iam.send(new CreateGroupCommand(group));
  await iam.send(new AddUserToGroupCommand({ ...group, UserName }));
  const policy = { ...group, PolicyName: 'p' };
  return { group, member: { ...group, UserName }, policy };
}

const ofUsers: readonly Revocation[] = [
  ofUser('DeleteUserPolicy', denied, async (stage, user) => {
    const policy = await withInlinePolicy(stage, user);
    return () => stage.iam.send(new DeleteUserPolicyCommand(policy));
  }),
  ofUser('PutUserPolicy, of a narrower policy', denied, async (stage, user) => {
    const policy = { ...(await withInlinePolicy(stage, user)), PolicyDocument: mayList };
    return () => stage.iam.send(new PutUserPolicyCommand(policy));
  }),
  ofUser('DetachUserPolicy', denied, async (stage, user) => {
    const attachment = await withManagedPolicy(stage, user);
    return () => stage.iam.send(new DetachUserPolicyCommand(attachment));
  }),
  ofUser('CreatePolicyVersion, as the default', denied, async (stage, user) => {
    const { PolicyArn } = await withManagedPolicy(stage, user);
    const version = { PolicyArn, PolicyDocument: mayList, SetAsDefault: true };
    return () => stage.iam.send(new CreatePolicyVersionCommand(version));
  }),
  ofUser('SetDefaultPolicyVersion', denied, async (stage, user) => {
    const { PolicyArn } = await withManagedPolicy(stage, user);
    const version = { PolicyArn, PolicyDocument: mayList };
    await stage.iam.send(new CreatePolicyVersionCommand(version));
    const asDefault = { PolicyArn, VersionId: 'v2' };
    return () => stage.iam.send(new SetDefaultPolicyVersionCommand(asDefault));
  }),
  ofUser('PutUserPermissionsBoundary', denied, async (stage, user) => {
    await withInlinePolicy(stage, user);
    const bounded = {
      ...user,
      PermissionsBoundary: await newPolicy(stage, user.UserName, mayList),
    };
    return () => stage.iam.send(new PutUserPermissionsBoundaryCommand(bounded));
  }),
  ofUser('DeleteGroupPolicy', denied, async (stage, user) => {
    const { policy } = await inGroup(stage, user);
    await stage.iam.send(new PutGroupPolicyCommand({ ...policy, PolicyDocument: mayEncrypt }));
    return () => stage.iam.send(new DeleteGroupPolicyCommand(policy));
  }),
  ofUser('DetachGroupPolicy', denied, async (stage, user) => {
    const { group } = await inGroup(stage, user);
    const attachment = { ...group, PolicyArn: await newPolicy(stage, user.UserName) };
    await stage.iam.send(new AttachGroupPolicyCommand(attachment));
    return () => stage.iam.send(new DetachGroupPolicyCommand(attachment));
  }),
  ofUser('RemoveUserFromGroup', denied, async (stage, user) => {
    const { policy, member } = await inGroup(stage, user);
    await stage.iam.send(new PutGroupPolicyCommand({ ...policy, PolicyDocument: mayEncrypt }));
    return () => stage.iam.send(new RemoveUserFromGroupCommand(member));
  }),
];

const ofGrants: readonly Revocation[] = [
  ofUser('RevokeGrant', denied, async (stage, { UserName }) => {
    const grant = await newGrant(stage, stage.arn(`user/${UserName}`));
    return () => stage.kms.send(new RevokeGrantCommand(grant));
  }),
  ofUser('RetireGrant', denied, async (stage, { UserName }) => {
    const grant = await newGrant(stage, stage.arn(`user/${UserName}`));
    return () => stage.kms.send(new RetireGrantCommand(grant));
  }),
];

/** A user with a policy, whose access key is no longer good. */
function ofAccessKey(
  name: string,
  end: (stage: Stage, key: { UserName: string; AccessKeyId: string }) => Promise<unknown>,
): Revocation {
  return {
    name,
    refusal: unrecognised,
    arrange: async (stage, UserName) => {
      const credentials = await newUser(stage, UserName);
      await withInlinePolicy(stage, { UserName });
      return {
        open: encrypting(credentials, stage.keyId),
        revoke: () => end(stage, { UserName, AccessKeyId: credentials.accessKeyId }),
      };
    },
  };
}

const ofAccessKeys: readonly Revocation[] = [
  ofAccessKey('UpdateAccessKey, as inactive', ({ iam }, key) =>
    iam.send(new UpdateAccessKeyCommand({ ...key, Status: 'Inactive' })),
  ),
  ofAccessKey('DeleteAccessKey', ({ iam }, key) => iam.send(new DeleteAccessKeyCommand(key))),
];

const ofKeys: readonly Revocation[] = [
  {
    name: 'DisableKey',
    refusal: 'DisabledException',
    arrange: async (stage, UserName) => {
      const { kms, keyId: KeyId } = stage;
      const credentials = await newUser(stage, UserName);
      await withInlinePolicy(stage, { UserName });
      return {
        open: encrypting(credentials, KeyId),
        revoke: () => kms.send(new DisableKeyCommand({ KeyId })),
        undo: () => kms.send(new EnableKeyCommand({ KeyId })),
      };
    },
  },
  {
    name: 'ScheduleKeyDeletion',
    refusal: 'KMSInvalidStateException',
    arrange: async (stage, UserName) => {
      const { kms, keyId: KeyId } = stage;
      const credentials = await newUser(stage, UserName);
      await withInlinePolicy(stage, { UserName });
      return {
        open: encrypting(credentials, KeyId),
        revoke: () => kms.send(new ScheduleKeyDeletionCommand({ KeyId })),
        undo: async () => {
          await kms.send(new CancelKeyDeletionCommand({ KeyId }));
          await kms.send(new EnableKeyCommand({ KeyId }));
        },
      };
    },
  },
  {
    name: 'PutKeyPolicy',
    refusal: denied,
    arrange: async (stage, UserName) => {
      const { kms, policedKeyId: KeyId } = stage;
      const credentials = await newUser(stage, UserName);
      const of = (...users: string[]) => {
        const Policy = keyPolicy(stage, users);
        return kms.send(new PutKeyPolicyCommand({ KeyId, Policy }));
      };
      await of(UserName);
      return { open: encrypting(credentials, KeyId), revoke: () => of() };
    },
  },
];

/** The account may do all, and these users may encrypt. */
function keyPolicy({ arn }: Stage, users: readonly string[]): string {
  const allow = (AWS: string, Action: string) => ({
    ...{ Effect: 'Allow', Principal: { AWS }, Action, Resource: '*' },
  });
  const Statement = [
    allow(arn('root'), 'kms:*'),
    ...users.map((user) => allow(arn(`user/${user}`), 'kms:Encrypt')),
  ];
  return JSON.stringify({ Version: '2012-10-17', Statement });
}

/** Of keys, grants, users and groups. */
export const revocations: readonly Revocation[] = [
  ...ofKeys,
  ...ofGrants,
  ...ofUsers,
  ...ofAccessKeys,
];
