import type { Grant } from '../../src/keys/grants';
import { accountRootArn } from '../../src/keys/identifiers';
import {
  type GrantScope,
  allowsChild,
  askGrants,
  grantAllows,
  granteeNames,
  mayRetire,
  retirement,
} from '../../src/policy/grants';
import type { PrincipalNames } from '../../src/policy/policy';
import type { GrantConstraints, GrantOperation } from '../../src/shapes/kms.generated';
import { accountId, keyId, otherAccountId, place } from '../support/sample-keys';

const rootArn = accountRootArn(place, accountId);
const otherRootArn = accountRootArn(place, otherAccountId);
const alice = `arn:aws:iam::${accountId}:user/alice`;
const role = `arn:aws:iam::${accountId}:role/team/app`;
const session = `arn:aws:sts::${accountId}:assumed-role/app/one`;
const service = 'build.claviger.internal';

const nobody: PrincipalNames = {
  caller: [],
  role: undefined,
  account: undefined,
  uniqueId: undefined,
  service: undefined,
  federated: undefined,
};
const names = {
  alice: { ...nobody, caller: [alice], account: rootArn, uniqueId: 'AIDACKCEVSQ6C2EXAMPLE' },
  session: { ...nobody, caller: [session], role, account: rootArn, uniqueId: 'AROAEXAMPLE' },
  root: { ...nobody, caller: [rootArn], account: rootArn },
  otherRoot: { ...nobody, caller: [otherRootArn], account: otherRootArn },
  service: { ...nobody, caller: [service], service },
} satisfies Record<string, PrincipalNames>;

const scope = (operations: readonly GrantOperation[], constraints?: GrantConstraints) =>
  ({ operations, constraints }) satisfies GrantScope;

function grant(different: Partial<Grant> = {}): Grant {
  return {
    grantId: 'ab'.repeat(32),
    keyId,
    name: undefined,
    grantee: alice,
    retiringPrincipal: undefined,
    issuingAccount: otherAccountId,
    operations: ['Decrypt'],
    constraints: undefined,
    createdAt: new Date('2026-11-24T12:00:00Z'),
    ...different,
  };
}

describe('an operation by a grant', () => {
  const all: readonly GrantOperation[] = [
    'Decrypt',
    'Encrypt',
    'GenerateDataKey',
    'GenerateDataKeyWithoutPlaintext',
    'ReEncryptFrom',
    'ReEncryptTo',
    'Sign',
    'Verify',
    'GetPublicKey',
    'DescribeKey',
    'GenerateDataKeyPair',
    'GenerateDataKeyPairWithoutPlaintext',
    'GenerateMac',
    'VerifyMac',
    'DeriveSharedSecret',
    'Encapsulate',
    'Decapsulate',
  ];

  test.each(all)('%s is allowed where the grant lists it, and only there', (operation) => {
    const action = `kms:${operation}`;
    expect(grantAllows(scope([operation]), { action })).toBe(true);
    const others = all.filter((other) => other !== operation);
    expect(grantAllows(scope(others), { action })).toBe(false);
    expect(grantAllows(scope([]), { action })).toBe(false);
  });

  test.each(['kms:DisableKey', 'kms:ScheduleKeyDeletion', 'kms:ListGrants', 'kms:*', 'Decryptx'])(
    '%s is none that grants allow',
    (action) => {
      expect(grantAllows(scope([...all, 'CreateGrant', 'RetireGrant']), { action })).toBe(false);
    },
  );

  test('RetireGrant in a grant is about this grant, so it allows no retirement in general', () => {
    expect(grantAllows(scope(['RetireGrant']), { action: 'kms:RetireGrant' })).toBe(false);
  });
});

describe('a constraint of the encryption context', () => {
  const pair = { app: 'pay' };
  const two = { app: 'pay', env: 'prod' };
  const cases: readonly [
    GrantConstraints,
    Readonly<Record<string, string>> | undefined,
    allowed: boolean,
  ][] = [
    [{}, undefined, true],
    [{}, two, true],
    [{ EncryptionContextEquals: pair }, pair, true],
    [{ EncryptionContextEquals: pair }, two, false],
    [{ EncryptionContextEquals: two }, { env: 'prod', app: 'pay' }, true],
    [{ EncryptionContextEquals: two }, pair, false],
    [{ EncryptionContextEquals: pair }, undefined, false],
    [{ EncryptionContextEquals: pair }, {}, false],
    [{ EncryptionContextEquals: pair }, { app: 'Pay' }, false],
    [{ EncryptionContextEquals: pair }, { App: 'pay' }, false],
    [{ EncryptionContextEquals: {} }, undefined, true],
    [{ EncryptionContextEquals: {} }, pair, false],
    [{ EncryptionContextSubset: pair }, pair, true],
    [{ EncryptionContextSubset: pair }, two, true],
    [{ EncryptionContextSubset: two }, pair, false],
    [{ EncryptionContextSubset: pair }, undefined, false],
    [{ EncryptionContextSubset: pair }, { app: 'PAY', env: 'prod' }, false],
    [{ EncryptionContextSubset: pair }, { APP: 'pay' }, false],
    [{ EncryptionContextSubset: {} }, undefined, true],
    [{ EncryptionContextSubset: { toString: 'x' } }, {}, false],
    [{ EncryptionContextSubset: pair }, JSON.parse('{"__proto__":{"app":"pay"}}'), false],
  ];

  test.each(cases)('%j on a request with %j: %s', (constraints, encryptionContext, allowed) => {
    for (const operation of ['Encrypt', 'Decrypt', 'GenerateDataKey', 'ReEncryptTo'] as const) {
      const question = { action: `kms:${operation}`, encryptionContext };
      expect(grantAllows(scope([operation], constraints), question)).toBe(allowed);
    }
  });

  test.each(['DescribeKey', 'GetPublicKey'] as const)('is not held on %s', (operation) => {
    const constrained = scope([operation], { EncryptionContextEquals: pair });
    expect(grantAllows(constrained, { action: `kms:${operation}` })).toBe(true);
  });
});

describe('a constraint of the source ARN', () => {
  const sourceArn = 'arn:aws:s3:::bucket';
  test.each([
    [sourceArn, true],
    ['arn:aws:s3:::bucket2', false],
    ['arn:aws:s3:::BUCKET', false],
    ['arn:aws:s3:::*', false],
    [undefined, false],
  ])('is met by %s: %s', (given, allowed) => {
    const constrained = scope(['Decrypt', 'DescribeKey'], { SourceArn: sourceArn });
    for (const action of ['kms:Decrypt', 'kms:DescribeKey']) {
      expect(grantAllows(constrained, { action, sourceArn: given })).toBe(allowed);
    }
  });

  test('stands beside one of the encryption context', () => {
    const both = scope(['Decrypt'], { SourceArn: sourceArn, EncryptionContextSubset: { a: 'b' } });
    const question = { action: 'kms:Decrypt', sourceArn };
    expect(grantAllows(both, question)).toBe(false);
    expect(grantAllows(both, { ...question, encryptionContext: { a: 'b' } })).toBe(true);
  });
});

describe('a child grant', () => {
  const one = { a: '1' };
  const two = { a: '1', b: '2' };
  const cases: readonly [GrantConstraints | undefined, GrantConstraints | undefined, boolean][] = [
    [undefined, undefined, true],
    [undefined, { EncryptionContextEquals: one }, true],
    [undefined, { EncryptionContextSubset: one }, true],
    [undefined, { SourceArn: 'arn:aws:s3:::b' }, true],
    [{ EncryptionContextEquals: one }, undefined, false],
    [{ EncryptionContextEquals: one }, { EncryptionContextEquals: one }, true],
    [{ EncryptionContextEquals: one }, { EncryptionContextEquals: two }, false],
    [{ EncryptionContextEquals: two }, { EncryptionContextEquals: one }, false],
    [{ EncryptionContextEquals: one }, { EncryptionContextSubset: one }, false],
    [{ EncryptionContextEquals: one }, { EncryptionContextSubset: two }, false],
    [{ EncryptionContextEquals: {} }, { EncryptionContextSubset: {} }, false],
    [{ EncryptionContextSubset: one }, undefined, false],
    [{ EncryptionContextSubset: one }, {}, false],
    [{ EncryptionContextSubset: one }, { EncryptionContextSubset: one }, true],
    [{ EncryptionContextSubset: one }, { EncryptionContextSubset: two }, true],
    [{ EncryptionContextSubset: two }, { EncryptionContextSubset: one }, false],
    [{ EncryptionContextSubset: one }, { EncryptionContextSubset: { a: '2' } }, false],
    [{ EncryptionContextSubset: one }, { EncryptionContextEquals: one }, true],
    [{ EncryptionContextSubset: one }, { EncryptionContextEquals: two }, true],
    [{ EncryptionContextSubset: two }, { EncryptionContextEquals: one }, false],
    [{ EncryptionContextSubset: one }, { EncryptionContextEquals: { A: '1' } }, false],
    [{ SourceArn: 'arn:aws:s3:::b' }, undefined, false],
    [{ SourceArn: 'arn:aws:s3:::b' }, { SourceArn: 'arn:aws:s3:::c' }, false],
    [{ SourceArn: 'arn:aws:s3:::b' }, { SourceArn: 'arn:aws:s3:::b' }, true],
    [
      { SourceArn: 'arn:aws:s3:::b', EncryptionContextSubset: one },
      { SourceArn: 'arn:aws:s3:::b' },
      false,
    ],
  ];

  test.each(cases)('under %j with %j: %s', (parent, child, allowed) => {
    const operations: readonly GrantOperation[] = ['CreateGrant', 'Decrypt'];
    expect(allowsChild(scope(operations, parent), scope(['Decrypt'], child))).toBe(allowed);
  });

  test('has operations of its parent and no others', () => {
    const parent = scope(['CreateGrant', 'Decrypt', 'Encrypt']);
    const ask = (operations: readonly GrantOperation[]) =>
      grantAllows(parent, { action: 'kms:CreateGrant', child: scope(operations) });
    expect(ask(['Decrypt'])).toBe(true);
    expect(ask(['Encrypt', 'CreateGrant', 'Decrypt'])).toBe(true);
    expect(ask(['Decrypt', 'DescribeKey'])).toBe(false);
    expect(ask(['RetireGrant'])).toBe(false);
  });

  test('needs a parent that lists CreateGrant, and must be known', () => {
    const child = scope(['Decrypt']);
    const action = 'kms:CreateGrant';
    expect(grantAllows(scope(['Decrypt']), { action, child })).toBe(false);
    expect(grantAllows(scope(['CreateGrant', 'Decrypt']), { action })).toBe(false);
  });
});

describe('the grants of a caller', () => {
  test('are those to itself, its role and its account', () => {
    expect(granteeNames(names.alice)).toEqual([alice, rootArn]);
    expect(granteeNames(names.session)).toEqual([session, role, rootArn]);
    expect(granteeNames(names.root)).toEqual([rootArn]);
    expect(granteeNames(names.service)).toEqual([service]);
  });

  const question = { action: 'kms:Decrypt' };
  test.each([
    [alice, names.alice, 'caller'],
    [rootArn, names.alice, 'account'],
    [rootArn, names.root, 'caller'],
    [alice.replace('alice', 'Alice'), names.alice, 'none'],
    ['AIDACKCEVSQ6C2EXAMPLE', names.alice, 'none'],
    [role, names.session, 'role'],
    [session, names.session, 'caller'],
    [session.replace('one', 'two'), names.session, 'none'],
    [otherRootArn, names.alice, 'none'],
    [service, names.service, 'caller'],
    ['other.claviger.internal', names.service, 'none'],
  ])('a grant to %s', (grantee, caller, match) => {
    expect(askGrants([grant({ grantee })], question, caller)).toBe(match);
  });

  test('The nearest grant that allows counts, in whatever order', () => {
    const grants = [
      grant({ grantee: rootArn }),
      grant({ grantee: role }),
      grant({ grantee: session, operations: ['Encrypt'] }),
    ];
    expect(askGrants(grants, question, names.session)).toBe('role');
    expect(askGrants([...grants].reverse(), question, names.session)).toBe('role');
    expect(askGrants([], question, names.session)).toBe('none');
  });
});

describe('a grant may be retired', () => {
  const retire = (different: Partial<Grant>, caller: PrincipalNames) =>
    mayRetire(grant({ grantee: alice, ...different }), caller);

  test('by its retiring principal', () => {
    expect(retire({ retiringPrincipal: alice }, names.alice)).toBe('caller');
    expect(retire({ retiringPrincipal: role }, names.session)).toBe('role');
    expect(retire({ retiringPrincipal: service }, names.service)).toBe('caller');
    expect(retire({ retiringPrincipal: role }, names.alice)).toBe('none');
  });

  test('by its retiring account: its root, and whom identity policies of the account allow', () => {
    expect(retire({ retiringPrincipal: rootArn }, names.root)).toBe('caller');
    expect(retire({ retiringPrincipal: rootArn }, names.session)).toBe('account');
  });

  test('by its grantee only where it lists RetireGrant', () => {
    expect(retire({}, names.alice)).toBe('none');
    expect(retire({ operations: ['Decrypt', 'RetireGrant'] }, names.alice)).toBe('caller');
    expect(retire({ operations: ['RetireGrant'], grantee: rootArn }, names.alice)).toBe('account');
  });

  test('by the account that issued it: its root, and whom identity policies of the account allow', () => {
    expect(retire({ issuingAccount: accountId }, names.root)).toBe('caller');
    expect(retire({ issuingAccount: accountId }, names.session)).toBe('account');
    expect(retire({ issuingAccount: accountId }, names.otherRoot)).toBe('none');
    expect(retire({ issuingAccount: otherAccountId }, names.otherRoot)).toBe('caller');
  });

  test('by nobody else, a service included that has no account', () => {
    expect(retire({}, names.root)).toBe('none');
    expect(retire({}, names.service)).toBe('none');
  });

  test('and says so as a policy that denies nothing', () => {
    const policy = retirement(grant({ retiringPrincipal: alice }));
    const question = {
      action: 'kms:retiregrant',
      resource: '*',
      context: { get: () => undefined },
    };
    expect(policy.ask(question, names.alice)).toEqual({ denied: false, allowed: 'caller' });
    expect(policy.ask(question, names.root)).toEqual({ denied: false, allowed: 'none' });
  });
});
