import {
  DeleteRoleCommand,
  DeleteUserCommand,
  DeleteAccessKeyCommand,
  UpdateUserCommand,
} from '@aws-sdk/client-iam';
import { EncryptCommand, type KMSClient } from '@aws-sdk/client-kms';
import type { TestDaemon } from '../support/daemon';
import { type GrantStage, openGrantStage } from '../support/grants';
import { iamClient } from '../support/iam-client';
import { allowing } from '../support/iam-documents';
import { clientOf, createKey, sdkRefusal } from '../support/kms';
import { type TestUser, letIdentity, newRole, newUser } from '../support/principals';
import { assume, stsClient } from '../support/sts-client';

describe('Grants and who comes and goes', () => {
  let stage: GrantStage;
  let daemon: TestDaemon;
  let starter: TestUser;
  beforeAll(async () => {
    stage = await openGrantStage();
    ({ daemon } = stage);
    starter = await newUser(daemon, 'starter');
    await letIdentity(daemon, starter, { Effect: 'Allow', Action: 'sts:*' });
  });
  beforeEach(async () => {
    stage.key = await createKey(stage.kms);
  });
  afterAll(() => stage.remove());

  const session = async (RoleArn: string, RoleSessionName: string, Policy?: string) => {
    const sts = stsClient(daemon, starter.credentials);
    return clientOf(daemon, await assume(sts, { RoleArn, RoleSessionName, Policy }));
  };
  const sessionArn = (role: string, name: string) =>
    `arn:aws:sts::${daemon.accountId}:assumed-role/${role}/${name}`;
  const encrypting = (by: KMSClient) =>
    sdkRefusal(by.send(new EncryptCommand({ KeyId: stage.key.arn, Plaintext: Buffer.from('a') })));

  test('A grant to a role is every session’s, and one to a session is its alone', async () => {
    const role = await newRole(daemon, 'Worker');
    const [one, two] = [await session(role, 'one'), await session(role, 'two')];
    expect((await encrypting(one)).message).toBe(
      `User: ${sessionArn('Worker', 'one')} is not authorized to perform: kms:Encrypt on resource: ${stage.key.arn} because no identity-based policy allows the kms:Encrypt action`,
    );
    const toOne = await stage.create({ GranteePrincipal: sessionArn('Worker', 'one') });
    expect([await stage.mayEncrypt(one), await stage.mayEncrypt(two)]).toEqual([true, false]);
    await stage.create({ GranteePrincipal: role });
    expect([await stage.mayEncrypt(one), await stage.mayEncrypt(two)]).toEqual([true, true]);
    const grants = await stage.grants();
    expect(grants.map(({ GranteePrincipal }) => GranteePrincipal).sort()).toEqual(
      [role, sessionArn('Worker', 'one')].sort(),
    );
    expect(grants.map(({ GrantId }) => GrantId)).toContain(toOne.GrantId);
  });

  test('A session policy limits what the role was granted', async () => {
    const role = await newRole(daemon, 'Limited');
    await stage.create({ GranteePrincipal: role });
    const limited = await session(role, 'limited', allowing('kms:Decrypt'));
    expect((await encrypting(limited)).message).toMatch(
      /because no session policy allows the kms:Encrypt action$/,
    );
    expect(await stage.mayEncrypt(await session(role, 'free', allowing('kms:*')))).toBe(true);
  });

  test('The sessions of a role retire what the role may retire', async () => {
    const role = await newRole(daemon, 'Retiring');
    const { GrantId } = await stage.create({ RetiringPrincipal: role });
    await stage.retire(await session(role, 'any'), GrantId);
    expect(await stage.grants()).toEqual([]);
  });

  test('Who takes the name of a deleted user, role or session has none of its grants', async () => {
    const iam = iamClient(daemon);
    const gone = await newUser(daemon, 'gone');
    const role = await newRole(daemon, 'Gone');
    const named = sessionArn('Gone', 'same');
    for (const GranteePrincipal of [gone.arn, role, named]) {
      await stage.create({ GranteePrincipal, RetiringPrincipal: named });
    }
    expect(await stage.mayEncrypt(gone.kms)).toBe(true);
    expect(await stage.mayEncrypt(await session(role, 'same'))).toBe(true);
    const AccessKeyId = gone.credentials.accessKeyId;
    await iam.send(new DeleteAccessKeyCommand({ UserName: 'gone', AccessKeyId }));
    await iam.send(new DeleteUserCommand({ UserName: 'gone' }));
    await iam.send(new DeleteRoleCommand({ RoleName: 'Gone' }));
    expect(await stage.mayEncrypt(gone.kms)).toBe(false);
    const next = await newUser(daemon, 'gone');
    expect(next.arn).toBe(gone.arn);
    expect(await newRole(daemon, 'Gone')).toBe(role);
    const again = await session(role, 'same');
    expect([await stage.mayEncrypt(next.kms), await stage.mayEncrypt(again)]).toEqual([
      false,
      false,
    ]);
    const names = (await stage.grants()).map(({ GranteePrincipal }) => GranteePrincipal);
    expect(names).toContain(gone.id);
    expect(names.filter((name) => /^AROA[A-Z2-7]{17}(:same)?$/.test(name ?? ''))).toHaveLength(2);
    const [{ GrantId = '' } = {}] = await stage.grants();
    expect((await sdkRefusal(stage.retire(again, GrantId))).code).toBe('AccessDeniedException');
  });

  test('A user that is renamed keeps its grants', async () => {
    const before = await newUser(daemon, 'before');
    await stage.create({ GranteePrincipal: before.arn });
    expect(await stage.mayEncrypt(before.kms)).toBe(true);
    await iamClient(daemon).send(
      new UpdateUserCommand({ UserName: 'before', NewUserName: 'after' }),
    );
    expect(await stage.mayEncrypt(before.kms)).toBe(true);
    const [entry] = await stage.grants();
    expect(entry?.GranteePrincipal).toBe(before.arn.replace('before', 'after'));
  });
});
