import {
  CreateRoleCommand,
  type CreateRoleCommandInput,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam';
import {
  AssumeRoleCommand,
  type AssumeRoleCommandInput,
  type Credentials,
  GetCallerIdentityCommand,
  STSClient,
  STSServiceException,
} from '@aws-sdk/client-sts';
import type { TestCredentials, TestDaemon } from './daemon';
import { iamClient, makeAccessKey, makeIamUser } from './iam-client';
import { allowing, trusting } from './iam-documents';
import type { SdkRefusal } from './kms';

export interface SessionCredentials extends TestCredentials {
  readonly sessionToken: string;
}

/** An AWS SDK client of STS; of the account's root unless a test says whose. It repeats nothing. */
export function stsClient(
  { endpoint, region, ...daemon }: TestDaemon,
  credentials: TestCredentials = daemon.credentials,
): STSClient {
  return new STSClient({ endpoint, region, credentials, maxAttempts: 1 });
}

/** Code, message and status of a refusal, as the SDK made them of the answer. */
export async function stsRefusal(sending: Promise<unknown>): Promise<SdkRefusal> {
  try {
    await sending;
  } catch (error) {
    if (!(error instanceof STSServiceException)) throw error;
    const { name, message, $metadata } = error;
    // The SDK has names of its own for the errors of the model: PackedPolicyTooLargeException for PackedPolicyTooLarge.
    const code = 'Code' in error && typeof error.Code === 'string' ? error.Code : name;
    return { code, message, status: $metadata.httpStatusCode };
  }
  throw new Error('the request was not refused');
}

/** Credentials of an answer, as clients take them. */
export function taken(credentials: Credentials | undefined): SessionCredentials {
  const { AccessKeyId, SecretAccessKey, SessionToken } = credentials ?? {};
  if (AccessKeyId === undefined || SecretAccessKey === undefined || SessionToken === undefined) {
    throw new Error('the answer has no credentials');
  }
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: SessionToken,
  };
}

/** Assumes a role and takes its credentials. */
export async function assume(
  sts: STSClient,
  input: Partial<AssumeRoleCommandInput> & { readonly RoleArn: string },
): Promise<SessionCredentials> {
  const command = new AssumeRoleCommand({ RoleSessionName: 'the-session', ...input });
  return taken((await sts.send(command)).Credentials);
}

/** Who the credentials say that their holder is. */
export async function arnOf(daemon: TestDaemon, credentials: TestCredentials): Promise<string> {
  const { Arn } = await stsClient(daemon, credentials).send(new GetCallerIdentityCommand({}));
  return Arn ?? '';
}

/** A user who may do what is named, with an access key. */
export async function makeUserAllowed(
  daemon: TestDaemon,
  name: string,
  ...actions: readonly string[]
): Promise<TestCredentials> {
  const iam = iamClient(daemon);
  await makeIamUser(iam, name);
  if (actions.length > 0) {
    const PolicyDocument = allowing(...actions);
    await iam.send(
      new PutUserPolicyCommand({ UserName: name, PolicyName: 'allowed', PolicyDocument }),
    );
  }
  return makeAccessKey(iam, name);
}

/** A role that trusts its account's policies and may do what is named, unless a test wants it different. */
export async function makeRole(
  daemon: TestDaemon,
  name: string,
  { actions = [], ...different }: Partial<CreateRoleCommandInput> & { actions?: string[] } = {},
): Promise<string> {
  const iam = iamClient(daemon);
  const AssumeRolePolicyDocument = trusting({ AWS: daemon.accountId }, 'sts:*');
  const { Role } = await iam.send(
    new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument, ...different }),
  );
  if (actions.length > 0) {
    const PolicyDocument = allowing(...actions);
    await iam.send(
      new PutRolePolicyCommand({ RoleName: name, PolicyName: 'allowed', PolicyDocument }),
    );
  }
  if (Role?.Arn === undefined) throw new Error('CreateRole answered without a role');
  return Role.Arn;
}
