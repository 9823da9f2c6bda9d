import {
  CreateUserCommand,
  GetUserCommand,
  IAMClient,
  IAMServiceException,
} from '@aws-sdk/client-iam';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { type Terminal, openTerminal } from '../support/aws-cli';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { auditOf } from '../support/kms';

/** Each command starts a Python, which takes seconds where processors are few. */
jest.setTimeout(120_000);

let daemon: TestDaemon;
let terminal: Terminal;
let iam: IAMClient;
let sts: STSClient;
let rootArn: string;

beforeAll(async () => {
  daemon = await startDaemon();
  terminal = await openTerminal(daemon);
  const { endpoint, region, credentials } = daemon;
  const options = { endpoint, region, credentials, maxAttempts: 1 };
  [iam, sts] = [new IAMClient(options), new STSClient(options)];
  rootArn = `arn:aws:iam::${daemon.accountId}:root`;
});
afterAll(async () => {
  iam.destroy();
  sts.destroy();
  await terminal.close();
  await daemon.remove();
});

describe('the AWS CLI', () => {
  const answer = async (...args: string[]): Promise<unknown> => {
    const { code, stdout, stderr } = await terminal.aws(...args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return JSON.parse(stdout);
  };
  const failure = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await terminal.aws(...args);
    expect([254, 255]).toContain(code);
    expect(stdout).toBe('');
    return stderr.trim();
  };

  test('is told who the root of an account is', async () => {
    expect(await answer('sts', 'get-caller-identity')).toEqual({
      UserId: daemon.accountId,
      Account: daemon.accountId,
      Arn: rootArn,
    });
  });

  test('makes a user with tags and reads it back', async () => {
    const tags = ['--tags', 'Key=empty,Value=', 'Key=team,Value=a b+c'];
    const made = (await answer('iam', 'create-user', '--user-name', 'Alice', ...tags)) as {
      User: object;
    };
    expect(made.User).toMatchObject({
      UserName: 'Alice',
      Arn: `arn:aws:iam::${daemon.accountId}:user/Alice`,
      Tags: [
        { Key: 'empty', Value: '' },
        { Key: 'team', Value: 'a b+c' },
      ],
    });
    expect(await answer('iam', 'get-user', '--user-name', 'alice')).toEqual(made);
  });

  test('is told which operation is not served', async () => {
    const metadata = '<EntityDescriptor/>'.padEnd(1000);
    const args = ['create-saml-provider', '--name', 'x', '--saml-metadata-document', metadata];
    expect(await failure('iam', ...args)).toBe(
      'An error occurred (InvalidAction) when calling the CreateSAMLProvider operation: ' +
        'Could not find operation CreateSAMLProvider for version 2010-05-08',
    );
    expect(await failure('sts', 'get-federation-token', '--name', 'xy')).toBe(
      'An error occurred (InvalidAction) when calling the GetFederationToken operation: ' +
        'Could not find operation GetFederationToken for version 2011-06-15',
    );
  });

  test('is told that there is no such user', async () => {
    expect(await failure('iam', 'get-user', '--user-name', 'nobody')).toBe(
      'An error occurred (NoSuchEntity) when calling the GetUser operation: ' +
        'The user with name nobody cannot be found.',
    );
  });
});

describe('the AWS SDK', () => {
  test('is told who calls, and the record says that STS did', async () => {
    const { $metadata, ...identity } = await sts.send(new GetCallerIdentityCommand({}));
    expect(identity).toEqual({ UserId: daemon.accountId, Account: daemon.accountId, Arn: rootArn });
    expect(await auditOf(daemon, $metadata.requestId ?? '')).toMatchObject({
      eventSource: 'sts.amazonaws.com',
      eventName: 'GetCallerIdentity',
      userIdentity: { type: 'Root', arn: rootArn },
      requestParameters: null,
      responseElements: null,
      resources: [],
      readOnly: true,
    });
  });

  test('makes an error of what is refused, by its code, status and text', async () => {
    const refused = await iam
      .send(new GetUserCommand({ UserName: 'nobody' }))
      .catch((error: unknown) => error as IAMServiceException);
    expect(refused).toBeInstanceOf(IAMServiceException);
    expect(refused).toMatchObject({
      name: 'NoSuchEntityException',
      $fault: 'client',
      $metadata: { httpStatusCode: 404 },
      message: 'The user with name nobody cannot be found.',
    });
  });

  test('makes a user, and the record names it and says that IAM did', async () => {
    const input = { UserName: 'Bob', Path: '/team/', Tags: [{ Key: 'a', Value: 'é' }] };
    const { $metadata, User } = await iam.send(new CreateUserCommand(input));
    const arn = `arn:aws:iam::${daemon.accountId}:user/team/Bob`;
    expect(User).toMatchObject({ UserName: 'Bob', Path: '/team/', Arn: arn });
    expect(await auditOf(daemon, $metadata.requestId ?? '')).toMatchObject({
      eventSource: 'iam.amazonaws.com',
      eventName: 'CreateUser',
      readOnly: false,
      requestParameters: { userName: 'Bob', path: '/team/', tags: [{ key: 'a', value: 'é' }] },
      responseElements: { user: { userName: 'Bob', arn } },
      resources: expect.arrayContaining([
        { accountId: daemon.accountId, type: 'AWS::IAM::User', ARN: arn },
      ]) as unknown,
    });
  });
});
