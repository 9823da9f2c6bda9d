import {
  AttachRolePolicyCommand,
  CreateOpenIDConnectProviderCommand,
  CreateRoleCommand,
  DeleteAccessKeyCommand,
  DeleteOpenIDConnectProviderCommand,
  DeleteRoleCommand,
  DeleteRolePolicyCommand,
  DeleteUserCommand,
  DetachRolePolicyCommand,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
  RemoveClientIDFromOpenIDConnectProviderCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam';
import {
  AssumeRoleCommand,
  AssumeRoleWithWebIdentityCommand,
  GetSessionTokenCommand,
} from '@aws-sdk/client-sts';
import type { TestCredentials } from './daemon';
import { trusting } from './iam-documents';
import { audience } from './oidc-issuer';
import { type Access, type Revocation, type Stage, asking, encrypting } from './revocation-stage';
import {
  denied,
  mayEncrypt,
  mayList,
  newGrant,
  newPolicy,
  newUser,
  unrecognised,
} from './revocations';
import { callSts, makeService, presign } from './services';
import { assume, stsClient, taken } from './sts-client';

interface Role {
  readonly RoleName: string;
}

async function newRole({ iam, accountId }: Stage, name: string, trust?: string): Promise<Role> {
  const AssumeRolePolicyDocument = trust ?? trusting({ AWS: accountId });
  const role = { RoleName: name };
  await iam.send(new CreateRoleCommand({ ...role, AssumeRolePolicyDocument }));
  return role;
}

/** A session of a role whose access rests on what `prepare` makes, which gives the call that takes it back. */
function ofRole(
  name: string,
  refusal: string,
  prepare: (stage: Stage, role: Role) => Promise<Access['revoke']>,
): Revocation {
  return {
    name,
    refusal,
    arrange: async (stage, RoleName) => {
      const role = await newRole(stage, RoleName);
      const revoke = await prepare(stage, role);
      const RoleArn = stage.arn(`role/${RoleName}`);
      const credentials = await assume(stsClient(stage.first, stage.assuming), { RoleArn });
      return { open: encrypting(credentials, stage.keyId), revoke };
    },
  };
}

async function withInlinePolicy({ iam }: Stage, role: Role) {
  const policy = { ...role, PolicyName: 'p' };
  await iam.send(new PutRolePolicyCommand({ ...policy, PolicyDocument: mayEncrypt }));
  return policy;
}

/** What the console of IAM puts on a role as AWSRevokeOlderSessions. */
function olderSessionsDenied(): string {
  const Condition = { DateLessThan: { 'aws:TokenIssueTime': new Date().toISOString() } };
  const Statement = [{ Effect: 'Deny', Action: ['*'], Resource: ['*'], Condition }];
  return JSON.stringify({ Version: '2012-10-17', Statement });
}

const ofRoles: readonly Revocation[] = [
  ofRole('DeleteRolePolicy', denied, async (stage, role) => {
    const policy = await withInlinePolicy(stage, role);
    return () => stage.iam.send(new DeleteRolePolicyCommand(policy));
  }),
  ofRole('DetachRolePolicy', denied, async (stage, role) => {
    const attachment = { ...role, PolicyArn: await newPolicy(stage, role.RoleName) };
    await stage.iam.send(new AttachRolePolicyCommand(attachment));
    return () => stage.iam.send(new DetachRolePolicyCommand(attachment));
  }),
  ofRole('PutRolePermissionsBoundary', denied, async (stage, role) => {
    await withInlinePolicy(stage, role);
    const bounded = {
      ...role,
      PermissionsBoundary: await newPolicy(stage, role.RoleName, mayList),
    };
    return () => stage.iam.send(new PutRolePermissionsBoundaryCommand(bounded));
  }),
  ofRole('AWSRevokeOlderSessions', denied, async (stage, role) => {
    await withInlinePolicy(stage, role);
    const policy = { ...role, PolicyName: 'AWSRevokeOlderSessions' };
    return () =>
      stage.iam.send(
        new PutRolePolicyCommand({ ...policy, PolicyDocument: olderSessionsDenied() }),
      );
  }),
  ofRole('DeleteRole, with a session in use', unrecognised, async (stage, role) => {
    await newGrant(stage, stage.arn(`role/${role.RoleName}`));
    return () => stage.iam.send(new DeleteRoleCommand(role));
  }),
];

const ofPrincipals: readonly Revocation[] = [
  {
    name: 'DeleteUser, with a session in use',
    refusal: unrecognised,
    arrange: async (stage, UserName) => {
      const { accessKeyId: AccessKeyId, ...secret } = await newUser(stage, UserName);
      const sts = stsClient(stage.first, { accessKeyId: AccessKeyId, ...secret });
      const session = taken((await sts.send(new GetSessionTokenCommand({}))).Credentials);
      await newGrant(stage, stage.arn(`user/${UserName}`));
      await stage.iam.send(new DeleteAccessKeyCommand({ UserName, AccessKeyId }));
      return {
        open: encrypting(session, stage.keyId),
        revoke: () => stage.iam.send(new DeleteUserCommand({ UserName })),
      };
    },
  },
  {
    name: 'claviger service delete, with a forwarded session in use',
    refusal: unrecognised,
    rounds: 1,
    arrange: async (stage, UserName) => {
      const service = `${UserName}.claviger.internal`;
      const serviceKey = await makeService(stage.first, service);
      const credentials = await newUser(stage, UserName);
      const policy = { UserName, PolicyName: 'p', PolicyDocument: mayEncrypt };
      await stage.iam.send(new PutUserPolicyCommand(policy));
      const session = await forwarded(stage, credentials, { name: service, key: serviceKey });
      return {
        open: encrypting(session, stage.keyId),
        revoke: () => stage.first.run('service', 'delete', service),
      };
    },
  },
];

async function forwarded(
  { first }: Stage,
  credentials: TestCredentials,
  service: { readonly name: string; readonly key: TestCredentials },
): Promise<TestCredentials> {
  const headers = { 'x-claviger-service': service.name };
  const answer = await callSts(first, service.key, {
    Action: 'GetForwardedSession',
    PresignedCallerIdentity: await presign(first, credentials, { headers }),
  });
  const read = (element: string): string => answer.text(element) ?? '';
  return taken({
    AccessKeyId: read('AccessKeyId'),
    SecretAccessKey: read('SecretAccessKey'),
    SessionToken: read('SessionToken'),
    Expiration: undefined,
  });
}

/** Whoever asks for new sessions of a role by a token of an OIDC provider, which is changed so that the token is none. */
function ofProvider(
  name: string,
  end: (stage: Stage, provider: { OpenIDConnectProviderArn: string }) => Promise<unknown>,
): Revocation {
  return {
    name,
    refusal: 'InvalidIdentityTokenException',
    arrange: async (stage, RoleName) => {
      const { iam, issuer } = stage;
      const provider = { OpenIDConnectProviderArn: stage.arn(`oidc-provider/${issuer.name}`) };
      const made = { Url: issuer.url, ClientIDList: [audience] };
      await iam.send(new CreateOpenIDConnectProviderCommand(made));
      const Federated = provider.OpenIDConnectProviderArn;
      await newRole(stage, RoleName, trusting({ Federated }, 'sts:AssumeRoleWithWebIdentity'));
      const WebIdentityToken = await issuer.token();
      const RoleArn = stage.arn(`role/${RoleName}`);
      const ask = { RoleArn, RoleSessionName: 'session', WebIdentityToken };
      return {
        open: asking(stage.assuming, (sts) => sts.send(new AssumeRoleWithWebIdentityCommand(ask))),
        revoke: () => end(stage, provider),
        undo: () =>
          iam.send(new DeleteOpenIDConnectProviderCommand(provider)).catch(() => undefined),
      };
    },
  };
}

const ofNewSessions: readonly Revocation[] = [
  {
    name: 'UpdateAssumeRolePolicy, for new sessions',
    refusal: 'AccessDenied',
    arrange: async (stage, RoleName) => {
      const role = await newRole(stage, RoleName, trusting({ AWS: stage.arn('user/assuming') }));
      const ask = { RoleArn: stage.arn(`role/${RoleName}`), RoleSessionName: 'session' };
      const PolicyDocument = trusting({ AWS: stage.arn('root') }, 'sts:TagSession');
      return {
        open: asking(stage.assuming, (sts) => sts.send(new AssumeRoleCommand(ask))),
        revoke: () =>
          stage.iam.send(new UpdateAssumeRolePolicyCommand({ ...role, PolicyDocument })),
      };
    },
  },
  ofProvider('DeleteOpenIDConnectProvider, for new sessions', ({ iam }, provider) =>
    iam.send(new DeleteOpenIDConnectProviderCommand(provider)),
  ),
  ofProvider('RemoveClientIDFromOpenIDConnectProvider, for new sessions', ({ iam }, provider) =>
    iam.send(
      new RemoveClientIDFromOpenIDConnectProviderCommand({ ...provider, ClientID: audience }),
    ),
  ),
];

/** Of roles, and of those whose credentials are temporary. */
export const sessionRevocations: readonly Revocation[] = [
  ...ofRoles,
  ...ofPrincipals,
  ...ofNewSessions,
];
