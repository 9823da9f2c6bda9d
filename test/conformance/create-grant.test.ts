import { type KMSClient, ListGrantsCommand } from '@aws-sdk/client-kms';
import type { TestDaemon } from '../support/daemon';
import { type GrantStage, type Terms, foreignRoot, openGrantStage } from '../support/grants';
import { createKey, putIntoState, sdkRefusal } from '../support/kms';
import { administer } from '../support/postgres';
import { type TestUser } from '../support/principals';
import { badRequest, refused } from '../support/wire';

describe('CreateGrant', () => {
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

  test('answers an id and a token, and ListGrants shows the grant', async () => {
    const bare = await stage.create();
    expect(bare.GrantId).toMatch(/^[0-9a-f]{64}$/);
    const full = await stage.create({
      Name: 'full',
      GranteePrincipal: role,
      RetiringPrincipal: bob.arn,
      Operations: ['Decrypt', 'Encrypt', 'Decrypt'],
      Constraints: { EncryptionContextSubset: { B: '2', a: '1' } },
    });
    const CreationDate = expect.any(Date) as Date;
    const IssuingAccount = `arn:aws:iam::${daemon.accountId}:root`;
    const entries = await stage.grants();
    expect(entries).toHaveLength(2);
    expect(entries).toEqual(
      expect.arrayContaining([
        {
          ...{
            KeyId: stage.key.arn,
            GrantId: bare.GrantId,
            Name: '',
            CreationDate,
            IssuingAccount,
          },
          GranteePrincipal: alice.arn,
          Operations: ['Encrypt'],
        },
        {
          ...{ KeyId: stage.key.arn, GrantId: full.GrantId, Name: 'full', CreationDate },
          IssuingAccount,
          GranteePrincipal: role,
          RetiringPrincipal: bob.arn,
          Operations: ['Decrypt', 'Encrypt'],
          Constraints: { EncryptionContextSubset: { B: '2', a: '1' } },
        },
      ]),
    );
  });

  test('of the same name and terms is the same grant with another token, of others a new one', async () => {
    const terms = { Name: 'n', RetiringPrincipal: bob.arn };
    const first = await stage.create(terms);
    const again = await stage.create(terms);
    expect(again.GrantId).toBe(first.GrantId);
    expect(again.GrantToken).not.toBe(first.GrantToken);
    const others = [
      await stage.create({ ...terms, Operations: ['Decrypt'] }),
      await stage.create({ ...terms, Name: 'N' }),
      await stage.create({ Name: 'n' }),
      await stage.create(),
      await stage.create(),
    ];
    const ids = new Set([first, ...others].map(({ GrantId }) => GrantId));
    expect(ids.size).toBe(6);
    expect(await stage.grants()).toHaveLength(6);
  });

  test('of one name many times at once makes one grant', async () => {
    const made = await Promise.all(
      Array.from({ length: 12 }, () => stage.create({ Name: 'at-once' })),
    );
    expect(new Set(made.map(({ GrantId }) => GrantId)).size).toBe(1);
    expect(new Set(made.map(({ GrantToken }) => GrantToken)).size).toBe(12);
    expect(await stage.grants()).toHaveLength(1);
  });

  test('makes no more than 50,000 on a key', async () => {
    await administer(
      daemon.databaseUrl,
      `insert into kms_grant (grant_id, key_id, grantee, issuing_account, operations, name)
       select encode(sha256((n || $1)::bytea), 'hex'), $1, $2, $3, '{Encrypt}', case n when 1 then 'there' end
       from generate_series(1, 49999) n`,
      [stage.key.id, bob.arn, daemon.accountId],
    );
    await stage.create();
    const full = badRequest(
      'LimitExceededException',
      'Grants per key quota for this account in this region is 50000, current usage is 50000.',
    );
    const input = { KeyId: stage.key.id, GranteePrincipal: bob.arn, Operations: ['Encrypt'] };
    expect(await refused(daemon, 'CreateGrant', input)).toEqual(full);
    // The one that is there already needs no room.
    await stage.create({ Name: 'there', GranteePrincipal: bob.arn });
    const page = await kms.send(new ListGrantsCommand({ KeyId: stage.key.id }));
    expect(page.Grants).toHaveLength(50);
    expect(page.Truncated).toBe(true);
  });

  const principals: readonly [string, (daemon: TestDaemon) => string][] = [
    ['a user that is not there', () => `arn:aws:iam::111122223333:user/nobody`],
    ['a user by another case', () => alice.arn.replace('alice', 'Alice')],
    ['an account that is not there', () => 'arn:aws:iam::999988887777:root'],
    ['an account’s number', ({ accountId }) => accountId],
    ['a group', () => 'arn:aws:iam::111122223333:group/admins'],
    ['a user id', () => alice.id],
    ['a session of no role', () => 'arn:aws:sts::111122223333:assumed-role/nobody/s1'],
    [
      'a session of a role with its path',
      () => 'arn:aws:sts::111122223333:assumed-role/team/deployer/s1',
    ],
    ['a session without a name', () => 'arn:aws:sts::111122223333:assumed-role/deployer/'],
    ['another partition', () => alice.arn.replace('arn:aws:', 'arn:aws-cn:')],
    ['another partition’s session', () => 'arn:aws-cn:sts::111122223333:assumed-role/deployer/s1'],
    ['a service', () => 'build.claviger.internal'],
    ['a KMS key', () => stage.key.arn],
    ['everyone', () => 'arn:aws:iam::111122223333:user/+'],
  ];
  test.each(principals)('takes no %s for a principal', async (_, principal) => {
    const arn = principal(daemon);
    const terms = { KeyId: stage.key.id, Operations: ['Encrypt'] };
    const refusal = badRequest(
      'InvalidArnException',
      `${arn} does not refer to a valid principal.`,
    );
    const grantee = { ...terms, GranteePrincipal: arn };
    expect(await refused(daemon, 'CreateGrant', grantee)).toEqual(refusal);
    const retiring = { ...terms, GranteePrincipal: alice.arn, RetiringPrincipal: arn };
    expect(await refused(daemon, 'CreateGrant', retiring)).toEqual(refusal);
    expect(await stage.grants()).toEqual([]);
  });

  test('takes roots, users, roles and sessions of roles', async () => {
    const session = `arn:aws:sts::${daemon.accountId}:assumed-role/deployer/s1`;
    for (const GranteePrincipal of [foreignRoot, bob.arn, role, session]) {
      await stage.create({ GranteePrincipal });
    }
    expect(await stage.grants()).toHaveLength(4);
  });

  test.each([
    ['GranteeServicePrincipal', { GranteePrincipal: undefined }],
    ['RetiringServicePrincipal', { RetiringPrincipal: undefined }],
  ])('takes for %s registered services only', async (member, without) => {
    for (const name of ['nobody.claviger.internal', alice.arn, 'a\0b', 'x']) {
      const input = {
        ...{ KeyId: stage.key.id, Operations: ['Encrypt'], GranteePrincipal: alice.arn },
        ...{ RetiringPrincipal: bob.arn, Constraints: { SourceArn: 'arn:aws:s3:::artifacts' } },
        ...without,
        [member]: name,
      };
      expect(await refused(daemon, 'CreateGrant', input)).toEqual(
        badRequest('InvalidArnException', `${name} does not refer to a valid principal.`),
      );
    }
  });

  test('needs a key that is enabled and not about to go', async () => {
    const input = { KeyId: stage.key.id, GranteePrincipal: alice.arn, Operations: ['Encrypt'] };
    for (const [state, refusal] of [
      ['Disabled', badRequest('DisabledException', `${stage.key.arn} is disabled.`)],
      [
        'PendingDeletion',
        badRequest('KMSInvalidStateException', `${stage.key.arn} is pending deletion.`),
      ],
    ] as const) {
      await putIntoState(daemon, stage.key.id, state);
      expect(await refused(daemon, 'CreateGrant', input)).toEqual(refusal);
    }
  });

  test('takes operations of the kind of key, and a context for symmetric ones', async () => {
    const input = { KeyId: stage.key.id, GranteePrincipal: alice.arn };
    const sign = { ...input, Operations: ['Encrypt', 'Sign'] };
    expect(await refused(daemon, 'CreateGrant', sign)).toEqual(
      badRequest(
        'ValidationException',
        'The operation Sign cannot be granted on a key with key spec SYMMETRIC_DEFAULT and key usage ENCRYPT_DECRYPT.',
      ),
    );
    expect(await stage.grants()).toEqual([]);
  });

  test('names the key by id or ARN, and not by an alias', async () => {
    const input = { KeyId: 'alias/x', GranteePrincipal: alice.arn, Operations: ['Encrypt'] };
    expect(await refused(daemon, 'CreateGrant', input)).toEqual(
      badRequest('InvalidArnException', 'Key Aliases are not supported for this operation.'),
    );
  });

  test('by another account, where policies there and here allow it, is issued by it', async () => {
    const Policy = JSON.stringify({
      Statement: [{ Effect: 'Allow', Principal: '*', Action: 'kms:*', Resource: '*' }],
    });
    stage.key = await createKey(kms, { Policy });
    const { GrantId } = await stage.create({}, foreign);
    expect(await stage.grants()).toEqual([
      expect.objectContaining({ IssuingAccount: foreignRoot }),
    ]);
    await stage.retire(foreign, GrantId);
    expect(await stage.grants()).toEqual([]);
  });

  test('supplies what the grant is to be to policies', async () => {
    const only = (Condition: object) =>
      JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          {
            ...{ Effect: 'Allow', Principal: { AWS: daemon.accountId } },
            ...{ Action: 'kms:*', Resource: '*' },
          },
          {
            ...{ Effect: 'Allow', Principal: { AWS: alice.arn } },
            ...{ Action: 'kms:CreateGrant', Resource: '*', Condition },
          },
        ],
      });
    const conditions: readonly [object, wrong: Terms][] = [
      [{ StringEquals: { 'kms:GranteePrincipal': bob.arn } }, { GranteePrincipal: role }],
      [{ StringEquals: { 'kms:RetiringPrincipal': role } }, { RetiringPrincipal: bob.arn }],
      [
        { 'ForAllValues:StringEquals': { 'kms:GrantOperations': ['Encrypt', 'Decrypt'] } },
        { Operations: ['Encrypt', 'DescribeKey'] },
      ],
      [
        { StringEquals: { 'kms:GrantConstraintType': 'EncryptionContextEquals' } },
        { Constraints: { EncryptionContextSubset: { app: 'pay' } } },
      ],
      [
        { StringEquals: { 'kms:EncryptionContext:app': 'pay' } },
        { Constraints: { EncryptionContextEquals: { app: 'other' } } },
      ],
      [
        { 'ForAnyValue:StringEquals': { 'kms:EncryptionContextKeys': 'app' } },
        { Constraints: undefined },
      ],
      [
        { ArnEquals: { 'kms:GrantConstraintSourceArn': 'arn:aws:s3:::artifacts' } },
        { Constraints: { SourceArn: 'arn:aws:s3:::something' } },
      ],
    ];
    const right: Terms = {
      GranteePrincipal: bob.arn,
      RetiringPrincipal: role,
      Operations: ['Encrypt', 'Decrypt'],
      Constraints: {
        EncryptionContextEquals: { app: 'pay' },
        SourceArn: 'arn:aws:s3:::artifacts',
      },
    };
    for (const [condition, wrong] of conditions) {
      stage.key = await createKey(kms, { Policy: only(condition) });
      await stage.create(right, alice.kms);
      expect(await sdkRefusal(stage.create({ ...right, ...wrong }, alice.kms))).toMatchObject({
        code: 'AccessDeniedException',
      });
    }
  });
});
