import { type Terminal, openTerminal } from '../support/aws-cli';
import { type TestDaemon, startDaemon } from '../support/daemon';

/** Each command starts a Python, which takes seconds where processors are few. */
jest.setTimeout(120_000);

describe('aws iam', () => {
  let daemon: TestDaemon;
  let terminal: Terminal;
  beforeAll(async () => {
    daemon = await startDaemon();
    terminal = await openTerminal(daemon);
  });
  afterAll(async () => {
    await terminal.close();
    await daemon.remove();
  });

  /** The answer of a command that succeeds; undefined where it prints nothing. */
  const answer = async (...args: string[]): Promise<unknown> => {
    const { code, stdout, stderr } = await terminal.aws('iam', ...args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout === '' ? undefined : JSON.parse(stdout);
  };
  const failure = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await terminal.aws('iam', ...args);
    expect({ failed: code !== 0, stdout }).toEqual({ failed: true, stdout: '' });
    return stderr;
  };

  test('makes a user with an access key that the CLI can sign with', async () => {
    const tags = ['--tags', 'Key=team,Value=blue'];
    const made = (await answer('create-user', '--user-name', 'ann', '--path', '/a/', ...tags)) as {
      User: { Arn: string; UserId: string };
    };
    expect(await answer('get-user', '--user-name', 'ann')).toEqual(made);
    expect(await answer('list-user-tags', '--user-name', 'ann')).toMatchObject({
      Tags: [{ Key: 'team', Value: 'blue' }],
    });
    const { AccessKey } = (await answer('create-access-key', '--user-name', 'ann')) as {
      AccessKey: { AccessKeyId: string; SecretAccessKey: string };
    };
    const asAnn = await terminal.run('aws', ['sts', 'get-caller-identity'], {
      AWS_ACCESS_KEY_ID: AccessKey.AccessKeyId,
      AWS_SECRET_ACCESS_KEY: AccessKey.SecretAccessKey,
      AWS_DEFAULT_REGION: daemon.region,
      AWS_ENDPOINT_URL: daemon.endpoint,
    });
    expect(JSON.parse(asAnn.stdout)).toEqual({
      UserId: made.User.UserId,
      Account: daemon.accountId,
      Arn: made.User.Arn,
    });
    const disable = ['--access-key-id', AccessKey.AccessKeyId, '--status', 'Inactive'];
    await answer('update-access-key', '--user-name', 'ann', ...disable);
    expect(await answer('list-access-keys', '--user-name', 'ann')).toMatchObject({
      AccessKeyMetadata: [{ AccessKeyId: AccessKey.AccessKeyId, Status: 'Inactive' }],
    });
    expect(await failure('delete-user', '--user-name', 'ann')).toContain(
      'An error occurred (DeleteConflict) when calling the DeleteUser operation: Cannot delete entity, must delete access keys first.',
    );
  });

  test('puts users into groups and lists them page by page', async () => {
    await answer('create-group', '--group-name', 'all');
    for (const name of ['b', 'c', 'd']) {
      await answer('create-user', '--user-name', name);
      await answer('add-user-to-group', '--group-name', 'all', '--user-name', name);
    }
    const listed = (await answer('get-group', '--group-name', 'all', '--page-size', '2')) as {
      Users: { UserName: string }[];
    };
    expect(listed.Users.map(({ UserName }) => UserName)).toEqual(['b', 'c', 'd']);
    expect(await failure('delete-group', '--group-name', 'all')).toContain(
      'An error occurred (DeleteConflict) when calling the DeleteGroup operation: Cannot delete entity, must remove users from group first.',
    );
  });

  test('names the account', async () => {
    await answer('create-account-alias', '--account-alias', 'on-premises');
    expect(await answer('list-account-aliases')).toEqual({ AccountAliases: ['on-premises'] });
    expect(await answer('get-account-summary')).toMatchObject({
      SummaryMap: { UsersQuota: 5000, AccessKeysPerUserQuota: 2 },
    });
    expect(await failure('get-user', '--user-name', 'nobody')).toContain(
      'An error occurred (NoSuchEntity) when calling the GetUser operation: The user with name nobody cannot be found.',
    );
  });
});
