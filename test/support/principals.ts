import { CreateRoleCommand, CreateUserCommand, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import type { KMSClient } from '@aws-sdk/client-kms';
import type { TestCredentials, TestDaemon } from './daemon';
import { iamClient, makeAccessKey } from './iam-client';
import { trusting } from './iam-documents';
import { clientOf } from './kms';

/** Who may call, with a client of its own. */
export interface TestPrincipal {
  /** Of a service its name. */
  readonly arn: string;
  readonly credentials: TestCredentials;
  readonly kms: KMSClient;
}

export interface TestUser extends TestPrincipal {
  readonly name: string;
  /** AIDA… */
  readonly id: string;
}

/** A user without any policy. */
export async function newUser(daemon: TestDaemon, name: string): Promise<TestUser> {
  const iam = iamClient(daemon);
  const { User } = await iam.send(new CreateUserCommand({ UserName: name }));
  const credentials = await makeAccessKey(iam, name);
  const kms = clientOf(daemon, credentials);
  return { name, arn: User?.Arn ?? '', id: User?.UserId ?? '', credentials, kms };
}

/** A registered service of the daemon's account, with an access key. */
export async function newService(daemon: TestDaemon, name: string): Promise<TestPrincipal> {
  await daemon.run('service', 'create', name);
  const issued = JSON.parse(await daemon.run('service', 'create-access-key', name)) as Record<
    'AccessKeyId' | 'SecretAccessKey',
    string
  >;
  const credentials = {
    accessKeyId: issued.AccessKeyId,
    secretAccessKey: issued.SecretAccessKey,
  };
  return { arn: name, credentials, kms: clientOf(daemon, credentials) };
}

/** A role without any policy, which its account's identity policies let assume; its ARN. */
export async function newRole(daemon: TestDaemon, name: string): Promise<string> {
  const { Role } = await iamClient(daemon).send(
    new CreateRoleCommand({
      ...{ RoleName: name, Path: '/team/' },
      AssumeRolePolicyDocument: trusting({ AWS: daemon.accountId }, 'sts:*'),
    }),
  );
  return Role?.Arn ?? '';
}

/** Gives a user one inline policy: it allows or denies an action on everything. */
export async function letIdentity(
  daemon: TestDaemon,
  { name }: TestUser,
  statement: { readonly Effect: 'Allow' | 'Deny'; readonly Action: string },
): Promise<void> {
  const Statement = [{ ...statement, Resource: '*' }];
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
  await iamClient(daemon).send(
    new PutUserPolicyCommand({ UserName: name, PolicyName: 'only', PolicyDocument }),
  );
}
