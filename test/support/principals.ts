import { PutUserPolicyCommand } from '@aws-sdk/client-iam';
import type { KMSClient } from '@aws-sdk/client-kms';
import type { TestCredentials, TestDaemon } from './daemon';
import { iamClient, makeAccessKey, makeIamUser } from './iam-client';
import { clientOf } from './kms';
import { makeService } from './services';
import { makeRole } from './sts-client';

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
  const { Arn = '', UserId = '' } = await makeIamUser(iam, name);
  const credentials = await makeAccessKey(iam, name);
  return { name, arn: Arn, id: UserId, credentials, kms: clientOf(daemon, credentials) };
}

/** A registered service of the daemon's account, with an access key. */
export async function newService(daemon: TestDaemon, name: string): Promise<TestPrincipal> {
  const credentials = await makeService(daemon, name);
  return { arn: name, credentials, kms: clientOf(daemon, credentials) };
}

/** A role without any policy, which its account's identity policies let assume; its ARN. */
export function newRole(daemon: TestDaemon, name: string): Promise<string> {
  return makeRole(daemon, name, { Path: '/team/' });
}

/** Gives a user one inline policy: it allows or denies an action on everything. */
export async function letIdentity(
  daemon: TestDaemon,
  { name }: TestUser,
  statement: {
    readonly Effect: 'Allow' | 'Deny';
    readonly Action: string;
    readonly Condition?: object;
  },
): Promise<void> {
  const Statement = [{ ...statement, Resource: '*' }];
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
  await iamClient(daemon).send(
    new PutUserPolicyCommand({ UserName: name, PolicyName: 'only', PolicyDocument }),
  );
}
