import {
  type KMSClient,
  ListGrantsCommand,
  RetireGrantCommand,
  RevokeGrantCommand,
} from '@aws-sdk/client-kms';
import type { TestDaemon } from '../support/daemon';
import { type GrantStage, foreignRoot, missingGrant, openGrantStage } from '../support/grants';
import { createKey, putIntoState, sdkRefusal } from '../support/kms';
import { type TestUser, letIdentity } from '../support/principals';
import { accessDenied, badRequest, refused } from '../support/wire';

const wouldSucceed = badRequest(
  'DryRunOperationException',
  'The request would have succeeded, but the DryRun option is set.',
);

describe('RetireGrant and RevokeGrant', () => {
  let stage: GrantStage;
  let daemon: TestDaemon;
  let kms: KMSClient;
  let foreign: KMSClient;
  let alice: TestUser;
  let bob: TestUser;
  beforeAll(async () => {
    stage = await openGrantStage();
    ({ daemon, kms, foreign, alice, bob } = stage);
  });
  beforeEach(async () => {
    stage.key = await createKey(kms);
  });
  afterAll(() => stage.remove());

  const deniedTo = (who: string, layer = 'resource-based') => ({
    code: 'AccessDeniedException',
    message: `User: ${who} is not authorized to perform: kms:RetireGrant on resource: ${stage.key.arn} because no ${layer} policy allows the kms:RetireGrant action`,
    status: 400,
  });

  test('is for the retiring principal, which needs no policy', async () => {
    const { GrantId } = await stage.create({ RetiringPrincipal: bob.arn });
    expect(await stage.mayEncrypt(alice.kms)).toBe(true);
    expect(await sdkRefusal(stage.retire(foreign, GrantId))).toEqual(deniedTo(foreignRoot));
    expect(Object.keys(await stage.retire(bob.kms, GrantId))).toEqual(['$metadata']);
    expect(await stage.mayEncrypt(alice.kms)).toBe(false);
    expect(await sdkRefusal(stage.retire(bob.kms, GrantId))).toMatchObject({
      code: 'NotFoundException',
      message: `Grant ID ${GrantId} not found`,
    });
  });

  test('is for the grantee where the grant lists it, and then of this grant alone', async () => {
    const without = await stage.create();
    const own = await stage.create({ Operations: ['Encrypt', 'RetireGrant'] });
    expect(await sdkRefusal(stage.retire(alice.kms, without.GrantId))).toEqual(
      deniedTo(alice.arn, 'identity-based'),
    );
    await stage.retire(alice.kms, own.GrantId);
    expect(await stage.grants()).toHaveLength(1);
  });

  test('is for the account that issued it: its root, and whom its identity policies allow', async () => {
    const { GrantId } = await stage.create();
    expect(await sdkRefusal(stage.retire(bob.kms, GrantId))).toEqual(
      deniedTo(bob.arn, 'identity-based'),
    );
    await letIdentity(daemon, bob, { Effect: 'Allow', Action: 'kms:RetireGrant' });
    await stage.retire(bob.kms, GrantId);
    await letIdentity(daemon, bob, { Effect: 'Allow', Action: 'kms:ListAliases' });
    await stage.retire(kms, (await stage.create()).GrantId);
    expect(await stage.grants()).toEqual([]);
  });

  test('is not what a key policy allows, nor what an identity policy of another account does', async () => {
    const Policy = JSON.stringify({
      Statement: [{ Effect: 'Allow', Principal: '*', Action: 'kms:*', Resource: '*' }],
    });
    stage.key = await createKey(kms, { Policy });
    const { GrantId } = await stage.create();
    expect(await sdkRefusal(stage.retire(alice.kms, GrantId))).toEqual(
      deniedTo(alice.arn, 'identity-based'),
    );
    expect(await sdkRefusal(stage.retire(foreign, GrantId))).toEqual(deniedTo(foreignRoot));
  });

  test('is denied by an explicit deny of an identity policy', async () => {
    const { GrantId } = await stage.create({ RetiringPrincipal: bob.arn });
    await letIdentity(daemon, bob, { Effect: 'Deny', Action: 'kms:Retire*' });
    expect((await sdkRefusal(stage.retire(bob.kms, GrantId))).message).toContain(
      'with an explicit deny in an identity-based policy',
    );
    await letIdentity(daemon, bob, { Effect: 'Allow', Action: 'kms:ListAliases' });
    await stage.retire(bob.kms, GrantId);
  });

  test('takes the grant’s token, any that was given for it', async () => {
    const terms = { Name: 'by-token', RetiringPrincipal: bob.arn };
    const first = await stage.create(terms);
    const second = await stage.create(terms);
    const byToken = (by: KMSClient, GrantToken: string) =>
      by.send(new RetireGrantCommand({ GrantToken }));
    expect(await sdkRefusal(byToken(alice.kms, first.GrantToken))).toEqual(
      deniedTo(alice.arn, 'identity-based'),
    );
    await byToken(bob.kms, first.GrantToken);
    expect(await stage.grants()).toEqual([]);
    expect(await sdkRefusal(byToken(bob.kms, second.GrantToken))).toMatchObject({
      code: 'NotFoundException',
      message: `Grant ID ${first.GrantId} not found`,
    });
  });

  test('works in every state of the key, as RevokeGrant does', async () => {
    for (const state of ['Disabled', 'PendingDeletion']) {
      const [one, other] = [await stage.create(), await stage.create()];
      await putIntoState(daemon, stage.key.id, state);
      await stage.retire(kms, one.GrantId);
      await kms.send(new RevokeGrantCommand({ KeyId: stage.key.id, GrantId: other.GrantId }));
      expect(await stage.grants()).toEqual([]);
      await putIntoState(daemon, stage.key.id, 'Enabled');
    }
  });

  test('names one grant in one way', async () => {
    const { GrantId, GrantToken } = await stage.create();
    const refusal = badRequest(
      'ValidationException',
      'Grant token OR (grant ID, key ID) must be specified',
    );
    for (const input of [
      {},
      { GrantId },
      { KeyId: stage.key.arn },
      { GrantToken, GrantId },
      { GrantToken, KeyId: stage.key.arn },
      { GrantToken, GrantId, KeyId: stage.key.arn },
    ]) {
      expect(await refused(daemon, 'RetireGrant', input)).toEqual(refusal);
    }
  });

  test('hides from another account whether there is such a key', async () => {
    const credentials = await foreign.config.credentials();
    const missingKey = stage.key.arn.replace(stage.key.id, '00000000-1111-2222-3333-444444444444');
    for (const KeyId of [stage.key.arn, missingKey]) {
      const input = { KeyId, GrantId: missingGrant };
      expect(await refused(daemon, 'RetireGrant', input, { credentials })).toEqual(
        accessDenied(
          `User: ${foreignRoot} is not authorized to perform: kms:RetireGrant on this resource because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access`,
        ),
      );
    }
  });

  test.each([
    ['RevokeGrant', (GrantId: string) => ({ KeyId: stage.key.id, GrantId })],
    ['RetireGrant', (GrantId: string) => ({ KeyId: stage.key.id, GrantId })],
    ['ListGrants', (GrantId: string) => ({ KeyId: stage.key.id, GrantId })],
  ])('%s knows what is a grant’s id', async (operation, input) => {
    for (const id of ['x', missingGrant.toUpperCase(), `${missingGrant}0`, 'g'.repeat(64)]) {
      expect(await refused(daemon, operation, input(id))).toEqual(
        badRequest('InvalidGrantIdException', 'The grant ID is not valid.'),
      );
    }
  });

  test('A grant of another key is not there', async () => {
    const { GrantId } = await stage.create();
    const other = await createKey(kms);
    for (const operation of ['RevokeGrant', 'RetireGrant']) {
      expect(await refused(daemon, operation, { KeyId: other.id, GrantId })).toEqual(
        badRequest('NotFoundException', `Grant ID ${GrantId} not found`),
      );
    }
    const { Grants } = await kms.send(new ListGrantsCommand({ KeyId: other.id, GrantId }));
    expect(Grants).toEqual([]);
    expect(await stage.grants()).toHaveLength(1);
  });

  test('DryRun says what would happen, and nothing happens', async () => {
    const { GrantId, GrantToken } = await stage.create({ Name: 'dry' });
    const input = { KeyId: stage.key.id, GranteePrincipal: alice.arn, Operations: ['Encrypt'] };
    const cases: readonly [string, object][] = [
      ['CreateGrant', input],
      ['CreateGrant', { ...input, Name: 'dry' }],
      ['RevokeGrant', { KeyId: stage.key.id, GrantId }],
      ['RetireGrant', { KeyId: stage.key.id, GrantId }],
      ['RetireGrant', { GrantToken }],
    ];
    for (const [operation, members] of cases) {
      const dry = { ...members, DryRun: true };
      expect(await refused(daemon, operation, dry)).toEqual(wouldSucceed);
    }
    expect(await stage.grants()).toEqual([expect.objectContaining({ GrantId })]);
    const wrong = { ...input, GranteePrincipal: `${alice.arn}x`, DryRun: true };
    expect(await refused(daemon, 'CreateGrant', wrong)).toMatchObject({
      __type: 'InvalidArnException',
    });
    const gone = { KeyId: stage.key.id, GrantId: missingGrant, DryRun: true };
    expect(await refused(daemon, 'RevokeGrant', gone)).toMatchObject({
      __type: 'NotFoundException',
    });
  });
});
