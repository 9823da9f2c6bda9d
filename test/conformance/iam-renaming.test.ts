import {
  CreateRoleCommand,
  CreateUserCommand,
  DeleteRoleCommand,
  DeleteUserCommand,
  GetRoleCommand,
  type IAMClient,
  UpdateUserCommand,
} from '@aws-sdk/client-iam';
import { DescribeKeyCommand, GetKeyPolicyCommand } from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient, makeAccessKey, makeIamUser } from '../support/iam-client';
import { clientOf, createKey, sdkRefusal } from '../support/kms';
import { administer } from '../support/postgres';
import { letIdentity, newRole, newUser } from '../support/principals';
import { assume, stsClient } from '../support/sts-client';

let daemon: TestDaemon;
let iam: IAMClient;

beforeAll(async () => {
  daemon = await startDaemon();
  iam = iamClient(daemon);
});
afterAll(() => daemon.remove());

const arn = (rest: string) => `arn:aws:iam::${daemon.accountId}:${rest}`;

describe('What names a user or role in key policies, grants and trust policies', () => {
  const statement = (principal: string, action: string) => ({
    Effect: 'Allow',
    Principal: { AWS: principal },
    Action: action,
    ...(action === 'sts:AssumeRole' ? {} : { Resource: '*' }),
  });
  const policyOf = (...statements: object[]) =>
    JSON.stringify({ Version: '2012-10-17', Statement: statements });
  const makeRole = async (RoleName: string, principal: string) => {
    const AssumeRolePolicyDocument = policyOf(statement(principal, 'sts:AssumeRole'));
    await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument }));
  };
  const trustOf = async (RoleName: string) => {
    const { Role } = await iam.send(new GetRoleCommand({ RoleName }));
    return decodeURIComponent(Role?.AssumeRolePolicyDocument ?? '');
  };

  test('follows the user to another name, and never falls to who takes the old one', async () => {
    const kms = daemon.client();
    await makeIamUser(iam, 'reader');
    const reader = clientOf(daemon, await makeAccessKey(iam, 'reader'));
    const byPolicy = await createKey(kms, {
      Policy: policyOf(
        statement(arn('root'), 'kms:*'),
        statement(arn('user/reader'), 'kms:DescribeKey'),
      ),
    });
    const byGrant = await createKey(kms);
    await administer(
      daemon.databaseUrl,
      `insert into kms_grant (grant_id, key_id, grantee, issuing_account, operations)
       values (repeat('a', 64), $1::text, $2::text, $3::text, '{DescribeKey}')`,
      [byGrant.id, arn('user/reader'), daemon.accountId],
    );
    await makeRole('readers', arn('user/reader'));
    const path = `/${'long/'.repeat(100)}`;
    const rename = { UserName: 'reader', NewUserName: 'lector', NewPath: path };
    await iam.send(new UpdateUserCommand(rename));
    for (const { id } of [byPolicy, byGrant]) {
      await reader.send(new DescribeKeyCommand({ KeyId: id }));
    }
    expect(await trustOf('readers')).toContain(arn(`user${path}lector`));
    await makeIamUser(iam, 'reader');
    const impostor = clientOf(daemon, await makeAccessKey(iam, 'reader'));
    for (const { arn: KeyId } of [byPolicy, byGrant]) {
      const describe = impostor.send(new DescribeKeyCommand({ KeyId }));
      expect((await sdkRefusal(describe)).code).toBe('AccessDeniedException');
    }
  });

  test('becomes the id of a user that is deleted, and another of its name gets nothing', async () => {
    const kms = daemon.client();
    const { User } = await iam.send(new CreateUserCommand({ UserName: 'ghost' }));
    const key = await createKey(kms, {
      Policy: policyOf(
        statement(arn('root'), 'kms:*'),
        statement(arn('user/ghost'), 'kms:DescribeKey'),
      ),
    });
    await makeRole('haunted', arn('user/ghost'));
    await iam.send(new DeleteUserCommand({ UserName: 'ghost' }));
    const { Policy } = await kms.send(new GetKeyPolicyCommand({ KeyId: key.id }));
    expect(Policy).toContain(User?.UserId);
    expect(Policy).not.toContain(arn('user/ghost'));
    expect(await trustOf('haunted')).toContain(User?.UserId);
    await makeIamUser(iam, 'ghost');
    const second = clientOf(daemon, await makeAccessKey(iam, 'ghost'));
    const describe = second.send(new DescribeKeyCommand({ KeyId: key.arn }));
    expect((await sdkRefusal(describe)).code).toBe('AccessDeniedException');
  });

  test('becomes the id of a role that is deleted where it names a session of it, too', async () => {
    const kms = daemon.client();
    const starter = await newUser(daemon, 'starter');
    await letIdentity(daemon, starter, { Effect: 'Allow', Action: 'sts:*' });
    const RoleName = 'Nightly';
    const session = async () => {
      const RoleArn = await newRole(daemon, RoleName);
      const sts = stsClient(daemon, starter.credentials);
      return clientOf(daemon, await assume(sts, { RoleArn, RoleSessionName: 'backup' }));
    };
    const first = await session();
    const named = arn(`assumed-role/${RoleName}/backup`).replace(':iam:', ':sts:');
    const key = await createKey(kms, {
      Policy: policyOf(statement(arn('root'), 'kms:*'), statement(named, 'kms:DescribeKey')),
    });
    await makeRole('triggered', named);
    const describe = new DescribeKeyCommand({ KeyId: key.id });
    await first.send(describe);
    const { Role } = await iam.send(new GetRoleCommand({ RoleName }));
    await iam.send(new DeleteRoleCommand({ RoleName }));
    const gone = `${Role?.RoleId ?? ''}:backup`;
    const { Policy } = await kms.send(new GetKeyPolicyCommand({ KeyId: key.id }));
    expect(Policy).toContain(`"AWS" : "${gone}"`);
    expect(await trustOf('triggered')).toContain(`"AWS":"${gone}"`);
    const second = await session();
    expect(await sdkRefusal(second.send(describe))).toMatchObject({
      code: 'AccessDeniedException',
      message: `User: ${named} is not authorized to perform: kms:DescribeKey on resource: ${key.arn} because no identity-based policy allows the kms:DescribeKey action`,
    });
  });
});
