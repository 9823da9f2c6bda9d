import {
  CreateAccessKeyCommand,
  CreateUserCommand,
  IAMClient,
  IAMServiceException,
  type User,
} from '@aws-sdk/client-iam';
import type { TestCredentials, TestDaemon } from './daemon';
import type { SdkRefusal } from './kms';

/** An AWS SDK client of IAM; of the account's root unless a test says whose. It repeats nothing. */
export function iamClient(
  { endpoint, region, ...daemon }: TestDaemon,
  credentials: TestCredentials = daemon.credentials,
): IAMClient {
  return new IAMClient({ endpoint, region, credentials, maxAttempts: 1 });
}

/** Code, message and status of a refusal, as the SDK made them of the answer. */
export async function iamRefusal(sending: Promise<unknown>): Promise<SdkRefusal> {
  try {
    await sending;
  } catch (error) {
    if (!(error instanceof IAMServiceException)) throw error;
    const { name, message, $metadata } = error;
    // The SDK has names of its own for the errors of the model: NoSuchEntityException for NoSuchEntity.
    const code = 'Code' in error && typeof error.Code === 'string' ? error.Code : name;
    return { code, message, status: $metadata.httpStatusCode };
  }
  throw new Error('the request was not refused');
}

/** Makes a user by CreateUser. */
export async function makeIamUser(iam: IAMClient, name: string): Promise<User> {
  const { User } = await iam.send(new CreateUserCommand({ UserName: name }));
  if (User === undefined) throw new Error('CreateUser answered without a user');
  return User;
}

/** An access key of the user by CreateAccessKey. */
export async function makeAccessKey(iam: IAMClient, name: string): Promise<TestCredentials> {
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: name }));
  const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey } = AccessKey ?? {};
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw new Error('CreateAccessKey answered without an access key');
  }
  return { accessKeyId, secretAccessKey };
}
