import { ListKeysCommand } from '@aws-sdk/client-kms';
import {
  GetAccessKeyInfoCommand,
  GetSessionTokenCommand,
  type GetSessionTokenCommandInput,
} from '@aws-sdk/client-sts';
import { type Terminal, openTerminal } from '../support/aws-cli';
import { type TestCredentials, type TestDaemon, startDaemon } from '../support/daemon';
import { clientOf, otherAccount } from '../support/kms';
import { makeService } from '../support/services';
import {
  arnOf,
  assume,
  makeRole,
  makeUserAllowed,
  stsClient,
  stsRefusal,
  taken,
} from '../support/sts-client';

/** Each command of the AWS CLI starts a Python, which takes seconds where processors are few. */
jest.setTimeout(120_000);

let daemon: TestDaemon;
let terminal: Terminal;
let alice: TestCredentials;

beforeAll(async () => {
  daemon = await startDaemon();
  terminal = await openTerminal(daemon);
  alice = await makeUserAllowed(daemon, 'alice', 'kms:ListKeys', 'sts:*');
});
afterAll(async () => {
  await Promise.all([daemon.remove(), terminal.close()]);
});

const sessionOf = async (who: TestCredentials, input: GetSessionTokenCommandInput = {}) =>
  (await stsClient(daemon, who).send(new GetSessionTokenCommand(input))).Credentials;
const refused = (who: TestCredentials, input: GetSessionTokenCommandInput = {}) =>
  stsRefusal(sessionOf(who, input));
const secondsOf = (expires: Date | undefined): number =>
  Math.round(((expires?.getTime() ?? 0) - Date.now()) / 1000);

describe('GetSessionToken', () => {
  test('gives a user temporary credentials for twelve hours, or for what it asks', async () => {
    const credentials = await sessionOf(alice);
    expect(secondsOf(credentials?.Expiration)).toBeGreaterThan(43_190);
    const session = taken(credentials);
    expect(await arnOf(daemon, session)).toBe('arn:aws:iam::111122223333:user/alice');
    await clientOf(daemon, session).send(new ListKeysCommand({}));
    const short = await sessionOf(alice, { DurationSeconds: 900 });
    expect(secondsOf(short?.Expiration)).toBeLessThanOrEqual(900);
    expect((await refused(alice, { DurationSeconds: 899 })).code).toBe('ValidationError');
    expect((await refused(alice, { DurationSeconds: 129_601 })).code).toBe('ValidationError');
  });

  test('gives a root an hour at most', async () => {
    const credentials = await sessionOf(daemon.credentials, { DurationSeconds: 129_600 });
    expect(secondsOf(credentials?.Expiration)).toBeLessThanOrEqual(3600);
    expect(await arnOf(daemon, taken(credentials))).toBe('arn:aws:iam::111122223333:root');
  });

  test('needs no permission', async () => {
    const poor = await makeUserAllowed(daemon, 'poor');
    expect(await arnOf(daemon, taken(await sessionOf(poor)))).toBe(
      'arn:aws:iam::111122223333:user/poor',
    );
  });

  test('is not for sessions, whoever they are of', async () => {
    const RoleArn = await makeRole(daemon, 'Reader');
    const refusal = {
      code: 'AccessDenied',
      message: 'Cannot call GetSessionToken with session credentials',
      status: 403,
    };
    expect(await refused(taken(await sessionOf(alice)))).toEqual(refusal);
    expect(await refused(await assume(stsClient(daemon, alice), { RoleArn }))).toEqual(refusal);
  });

  test('is not for services', async () => {
    const docs = await makeService(daemon, 'docs.claviger.internal');
    expect(await refused(docs)).toEqual({
      code: 'AccessDenied',
      message: 'GetSessionToken is for users and account roots.',
      status: 403,
    });
  });

  test('knows no multi-factor authentication, and does not pretend to', async () => {
    expect(
      (await refused(alice, { SerialNumber: 'GAHT12345678', TokenCode: '123456' })).message,
    ).toBe('SerialNumber is not supported.');
    expect((await refused(alice, { TokenCode: '123456' })).message).toBe(
      'TokenCode is not supported.',
    );
  });
});

describe('GetAccessKeyInfo', () => {
  const info = async (AccessKeyId: string) =>
    (await stsClient(daemon, alice).send(new GetAccessKeyInfoCommand({ AccessKeyId }))).Account;

  test('names the account of any access key, temporary or not', async () => {
    const theirs = await otherAccount(daemon, '444455556666');
    expect(await info(theirs.accessKeyId)).toBe('444455556666');
    const session = taken(await sessionOf(theirs));
    expect(await info(session.accessKeyId)).toBe('444455556666');
    expect(await info(alice.accessKeyId)).toBe(daemon.accountId);
  });

  test('refuses what is no access key here', async () => {
    const AccessKeyId = 'AKIAIOSFODNN7EXAMPLE';
    const sts = stsClient(daemon, alice);
    expect(await stsRefusal(sts.send(new GetAccessKeyInfoCommand({ AccessKeyId })))).toEqual({
      code: 'ValidationError',
      message: `Invalid AccessKeyId: ${AccessKeyId}`,
      status: 400,
    });
  });
});

describe('An operation of STS outside the subset', () => {
  test('is refused by its name', async () => {
    const { stderr } = await terminal.aws(
      'sts',
      'decode-authorization-message',
      '--encoded-message',
      'x',
    );
    expect(stderr).toContain('InvalidAction');
    expect(stderr).toContain('DecodeAuthorizationMessage');
  });
});

describe('The AWS CLI', () => {
  test('assumes a role by its profile, with an external id and a session name', async () => {
    const policy = {
      Version: '2012-10-17',
      Statement: {
        Effect: 'Allow',
        Principal: { AWS: 'arn:aws:iam::111122223333:user/alice' },
        Action: 'sts:AssumeRole',
        Condition: { StringEquals: { 'sts:ExternalId': 'ours' } },
      },
    };
    const RoleArn = await makeRole(daemon, 'Deployer', {
      AssumeRolePolicyDocument: JSON.stringify(policy),
    });
    const environment = {
      AWS_ACCESS_KEY_ID: alice.accessKeyId,
      AWS_SECRET_ACCESS_KEY: alice.secretAccessKey,
      AWS_ENDPOINT_URL: daemon.endpoint,
      AWS_DEFAULT_REGION: daemon.region,
    };
    const assumed = await terminal.run(
      'aws',
      [
        ...['sts', 'assume-role', '--role-arn', RoleArn, '--role-session-name', 'friday'],
        ...['--external-id', 'ours', '--query', 'AssumedRoleUser.Arn', '--output', 'text'],
      ],
      environment,
    );
    expect(assumed).toEqual({
      code: 0,
      stdout: 'arn:aws:sts::111122223333:assumed-role/Deployer/friday\n',
      stderr: '',
    });
    const refusal = await terminal.run(
      'aws',
      ['sts', 'assume-role', '--role-arn', RoleArn, '--role-session-name', 'friday'],
      environment,
    );
    expect(refusal.stderr).toContain(
      `An error occurred (AccessDenied) when calling the AssumeRole operation: User: arn:aws:iam::111122223333:user/alice is not authorized to perform: sts:AssumeRole on resource: ${RoleArn}`,
    );
  });
});
