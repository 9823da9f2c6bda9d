import { type KMSClient, ListGrantsCommand, ListRetirableGrantsCommand } from '@aws-sdk/client-kms';
import type { TestDaemon } from '../support/daemon';
import { type GrantStage, foreignRoot, missingGrant, openGrantStage } from '../support/grants';
import { createKey } from '../support/kms';
import { type TestUser, newUser } from '../support/principals';
import { accessDenied, badRequest, refused } from '../support/wire';

describe('ListGrants and ListRetirableGrants', () => {
  let stage: GrantStage;
  let daemon: TestDaemon;
  let kms: KMSClient;
  let foreign: KMSClient;
  let alice: TestUser;
  let bob: TestUser;
  let role: string;
  beforeAll(async () => {
    stage = await openGrantStage();
    ({ daemon, kms, foreign, alice, bob, role } = stage);
  });
  beforeEach(async () => {
    stage.key = await createKey(kms);
  });
  afterAll(() => stage.remove());

  test('of a key are whole over all pages, and of one grantee or one grant', async () => {
    const made: string[] = [];
    for (let i = 0; i < 7; i++) {
      made.push((await stage.create({ GranteePrincipal: i < 3 ? alice.arn : role })).GrantId);
    }
    const seen: string[] = [];
    let Marker: string | undefined;
    do {
      const page = await kms.send(
        new ListGrantsCommand({ KeyId: stage.key.arn, Limit: 3, Marker }),
      );
      seen.push(...(page.Grants ?? []).map(({ GrantId }) => GrantId!));
      Marker = page.NextMarker;
      expect(page.Truncated).toBe(Marker !== undefined);
    } while (Marker !== undefined);
    expect(seen.sort()).toEqual([...made].sort());
    const of = async (filter: object) => {
      const input = { KeyId: stage.key.arn, ...filter };
      const { Grants = [] } = await kms.send(new ListGrantsCommand(input));
      return Grants.map(({ GrantId }) => GrantId!).sort();
    };
    expect(await of({ GranteePrincipal: alice.arn })).toEqual(made.slice(0, 3).sort());
    expect(await of({ GranteePrincipal: 'arn:aws:iam::111122223333:user/nobody' })).toEqual([]);
    const [GrantId] = made;
    expect(await of({ GrantId })).toEqual([GrantId]);
    expect(await of({ GrantId, GranteePrincipal: alice.arn })).toEqual([GrantId]);
    expect(await of({ GrantId, GranteePrincipal: role })).toEqual([]);
  });

  test('of what a principal may retire have keys of every account', async () => {
    const retiring = await newUser(daemon, 'carol');
    const own = await stage.create({ RetiringPrincipal: retiring.arn });
    const theirs = await createKey(foreign);
    const other = await stage.create(
      { KeyId: theirs.arn, RetiringPrincipal: retiring.arn },
      foreign,
    );
    const list = (input: object = {}) =>
      kms.send(new ListRetirableGrantsCommand({ RetiringPrincipal: retiring.arn, ...input }));
    const { Grants = [], Truncated } = await list();
    expect(Truncated).toBe(false);
    const expected = [
      { GrantId: own.GrantId, KeyId: stage.key.arn },
      { GrantId: other.GrantId, KeyId: theirs.arn },
    ].sort((a, b) => (a.GrantId < b.GrantId ? -1 : 1));
    expect(Grants.map(({ GrantId, KeyId }) => ({ GrantId, KeyId }))).toEqual(expected);
    const first = await list({ Limit: 1 });
    const second = await list({ Limit: 1, Marker: first.NextMarker });
    expect([...first.Grants!, ...second.Grants!]).toEqual(Grants);
    expect(second.NextMarker).toBeUndefined();
  });

  test('of what may be retired are for principals of one’s own account, and need an identity policy', async () => {
    const list = (RetiringPrincipal: string, credentials = daemon.credentials) =>
      refused(daemon, 'ListRetirableGrants', { RetiringPrincipal }, { credentials });
    expect(await list(foreignRoot)).toEqual(
      accessDenied(
        `User: arn:aws:iam::${daemon.accountId}:root is not authorized to perform: kms:ListRetirableGrants on resource: ${foreignRoot} because no resource-based policy allows the kms:ListRetirableGrants action`,
      ),
    );
    expect(await list(alice.arn, alice.credentials)).toEqual(
      accessDenied(
        `User: ${alice.arn} is not authorized to perform: kms:ListRetirableGrants on resource: * because no identity-based policy allows the kms:ListRetirableGrants action`,
      ),
    );
    expect(await list('alice')).toEqual(badRequest('InvalidArnException', 'Invalid arn alice'));
  });

  const oneOf = (operation: string, members: object) => refused(daemon, operation, members);
  test('take one principal in one way, and that of a service from services alone', async () => {
    const RetiringServicePrincipal = 'build.claviger.internal';
    const both = 'Exactly one of RetiringPrincipal and RetiringServicePrincipal must be specified.';
    for (const members of [{}, { RetiringPrincipal: alice.arn, RetiringServicePrincipal }]) {
      expect(await oneOf('ListRetirableGrants', members)).toEqual(
        badRequest('ValidationException', both),
      );
    }
    expect(await oneOf('ListRetirableGrants', { RetiringServicePrincipal })).toEqual(
      badRequest(
        'ValidationException',
        'RetiringServicePrincipal can be specified by service principals only.',
      ),
    );
    const GranteeServicePrincipal = 'build.claviger.internal';
    const input = { KeyId: stage.key.id, GranteeServicePrincipal };
    expect(await oneOf('ListGrants', input)).toEqual(
      badRequest(
        'ValidationException',
        'GranteeServicePrincipal can be specified by service principals only.',
      ),
    );
    expect(await oneOf('ListGrants', { ...input, GranteePrincipal: alice.arn })).toEqual(
      badRequest(
        'ValidationException',
        'GranteePrincipal and GranteeServicePrincipal cannot both be specified.',
      ),
    );
  });

  test('take a Marker of theirs for the same question only', async () => {
    for (let i = 0; i < 3; i++) await stage.create({ RetiringPrincipal: bob.arn });
    const other = await createKey(kms);
    const { NextMarker: Marker } = await kms.send(
      new ListGrantsCommand({ KeyId: stage.key.id, Limit: 1 }),
    );
    const invalid = badRequest('InvalidMarkerException');
    for (const [operation, input] of [
      ['ListGrants', { KeyId: other.id }],
      ['ListGrants', { KeyId: stage.key.id, GranteePrincipal: alice.arn }],
      ['ListGrants', { KeyId: stage.key.id, GrantId: missingGrant }],
      ['ListRetirableGrants', { RetiringPrincipal: bob.arn }],
      ['ListKeys', {}],
    ] as const) {
      expect(await refused(daemon, operation, { ...input, Marker })).toEqual(invalid);
    }
  });
});
