import { compileIdentityPolicy, compileKeyPolicy } from '../../src/policy/compile';
import { type Denial, type Matter, decide, decideByGrant, weigh } from '../../src/policy/decide';
import { noIdentity } from '../../src/policy/identity';
import { principalNames } from '../../src/policy/names';
import type { PrincipalMatch } from '../../src/policy/policy';
import type { Principal } from '../../src/policy/principal';
import { accountId, keyWith, otherAccountId, place, rootOf, userOf } from '../support/sample-keys';

const { arn } = keyWith();
const root = rootOf(accountId);
const alice = userOf(accountId, 'alice');
const roleArn = `arn:aws:iam::${accountId}:role/reader`;
const sessionArn = `arn:aws:sts::${accountId}:assumed-role/reader/s`;
const service: Principal = { ...alice, kind: 'service', arn: 's3.amazonaws.com' };

/** Shows an API token whose policy says that. */
const withToken = (caller: Principal, effect: Effect | 'nothing'): Principal => ({
  ...caller,
  apiToken: { tokenId: 'ATKNAAAAAAAAAAAAAAAA', policy: policyOf(effect) },
});

type Effect = 'Allow' | 'Deny';

interface Setting {
  readonly caller?: Principal;
  readonly identity?: Effect;
  readonly boundary?: Effect | 'nothing';
  readonly session?: Effect | 'nothing';
  /** Effect and principals of the key policy's statements. */
  readonly key?: readonly (readonly [Effect, unknown])[];
  /** Account of the key. */
  readonly owner?: string;
}

const document = (Effect: Effect, more: object = {}): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect, Action: 'kms:Encrypt', Resource: '*', ...more }],
  });
const policyOf = (effect: Effect | 'nothing') =>
  compileIdentityPolicy(
    effect === 'nothing' ? document('Allow', { Action: 'kms:Decrypt' }) : document(effect),
  );

function roleSession(policies: readonly (Effect | 'nothing')[] = []): Principal {
  const role = { roleId: 'AROAAAAAAAAAAAAAAAAA1', arn: roleArn, name: 'reader', sessionName: 's' };
  const [issuedAt, expiresAt] = [new Date(0), new Date(1)];
  return {
    ...alice,
    kind: 'assumed-role',
    arn: sessionArn,
    session: {
      ...{ issuedAt, expiresAt, role, tags: {}, transitiveTagKeys: [] },
      policies: policies.map(policyOf),
    },
  };
}

function matter({ caller = alice, identity, boundary, key, owner = accountId }: Setting): Matter {
  const statements = (key ?? []).map(([Effect, Principal]) => ({
    ...{ Effect, Principal, Action: 'kms:*', Resource: '*' },
  }));
  const context = { get: () => undefined };
  return {
    caller,
    identity: {
      ...noIdentity,
      policies: identity === undefined ? [] : [policyOf(identity)],
      boundary: boundary === undefined ? undefined : policyOf(boundary),
    },
    names: principalNames(caller, place),
    action: 'kms:Encrypt',
    resource: arn,
    context,
    ...(key !== undefined && {
      owner: {
        accountId: owner,
        policy: compileKeyPolicy(JSON.stringify({ Statement: statements }), place),
        context,
      },
    }),
  };
}

function outcome(denial: Denial): string {
  if (denial === undefined) return 'allowed';
  return `${denial.explicit ? 'denied by' : 'not allowed by'} ${denial.layer}`;
}

const delegated = [['Allow', { AWS: root.arn }]] as const;
const toAlice = [['Allow', { AWS: alice.arn }]] as const;
const toRole = [['Allow', { AWS: roleArn }]] as const;
const toSession = [['Allow', { AWS: sessionArn }]] as const;
const toOthers = [['Allow', { AWS: rootOf(otherAccountId).arn }]] as const;
const foreign = { owner: otherAccountId } as const;

describe('policies together', () => {
  test.each<[string, Setting, string]>([
    ['nothing says anything without a resource policy', {}, 'not allowed by identity'],
    [
      'an identity policy allows where no resource policy decides',
      { identity: 'Allow' },
      'allowed',
    ],
    ['a root may do all where no resource policy decides', { caller: root }, 'allowed'],
    ['a boundary limits', { identity: 'Allow', boundary: 'nothing' }, 'not allowed by boundary'],
    ['a boundary alone allows nothing', { boundary: 'Allow' }, 'not allowed by identity'],
    [
      'a key policy that names nobody',
      { identity: 'Allow', key: toOthers },
      'not allowed by resource',
    ],
    ['a key policy that names the user', { key: toAlice }, 'allowed'],
    ['… whom a boundary does not limit', { key: toAlice, boundary: 'nothing' }, 'allowed'],
    ['… whom it may forbid', { key: toAlice, boundary: 'Deny' }, 'denied by boundary'],
    [
      '… whom an identity policy may forbid',
      { key: toAlice, identity: 'Deny' },
      'denied by identity',
    ],
    ['delegation needs an identity policy', { key: delegated }, 'not allowed by identity'],
    ['delegation to an identity policy', { key: delegated, identity: 'Allow' }, 'allowed'],
    [
      'delegation within a boundary',
      { key: delegated, identity: 'Allow', boundary: 'nothing' },
      'not allowed by boundary',
    ],
    ['delegation to the root', { caller: root, key: delegated }, 'allowed'],
    ['a root without delegation', { caller: root, key: toAlice }, 'not allowed by resource'],
    [
      'a deny on the account',
      { key: [...toAlice, ['Deny', { AWS: root.arn }]] },
      'denied by resource',
    ],
    [
      'a deny on everyone',
      { caller: root, key: [...delegated, ['Deny', '*']] },
      'denied by resource',
    ],
    ['a role by its ARN', { caller: roleSession(), key: toRole }, 'allowed'],
    [
      '… within its session policy',
      { caller: roleSession(['nothing']), key: toRole },
      'not allowed by session',
    ],
    [
      '… one of whose session policies allows',
      { caller: roleSession(['nothing', 'Allow']), key: toRole },
      'allowed',
    ],
    [
      '… one of whose session policies forbids',
      { caller: roleSession(['Allow', 'Deny']), key: toRole },
      'denied by session',
    ],
    [
      '… within its boundary',
      { caller: roleSession(), key: toRole, boundary: 'nothing' },
      'not allowed by boundary',
    ],
    [
      'a session by its ARN, whatever its session policy',
      { caller: roleSession(['nothing']), key: toSession },
      'allowed',
    ],
    [
      'a session by delegation',
      { caller: roleSession(['Allow']), key: delegated, identity: 'Allow' },
      'allowed',
    ],
    ['another account’s key needs both', { key: toAlice, ...foreign }, 'not allowed by identity'],
    ['another account’s key has both', { key: toAlice, identity: 'Allow', ...foreign }, 'allowed'],
    [
      'another account’s key for the whole account',
      { key: delegated, identity: 'Allow', ...foreign },
      'allowed',
    ],
    [
      'another account’s key for everyone',
      { key: [['Allow', '*']], ...foreign },
      'not allowed by identity',
    ],
    [
      'another account’s key that names nobody',
      { key: toOthers, identity: 'Allow', ...foreign },
      'not allowed by resource',
    ],
    [
      'a service by its name',
      { caller: service, key: [['Allow', { Service: service.arn }]], ...foreign },
      'allowed',
    ],
    ['a service that nobody names', { caller: service, key: delegated }, 'not allowed by resource'],
    ['a service where no resource policy decides', { caller: service }, 'not allowed by identity'],
    [
      'a user is not the service of that name',
      { caller: { ...alice, arn: service.arn }, key: [['Allow', { Service: service.arn }]] },
      'not allowed by resource',
    ],
    [
      'a user by its ARN, whatever the policy of its API token does not allow',
      { caller: withToken(alice, 'nothing'), key: toAlice },
      'not allowed by session',
    ],
    [
      '… or forbids',
      { caller: withToken(alice, 'Deny'), key: toAlice, identity: 'Allow' },
      'denied by session',
    ],
    ['… within its API token', { caller: withToken(alice, 'Allow'), key: toAlice }, 'allowed'],
    [
      'a session by its ARN, within its API token',
      { caller: withToken(roleSession(['nothing']), 'nothing'), key: toSession },
      'not allowed by session',
    ],
    [
      'an API token gives nothing that its session policies do not',
      { caller: withToken(roleSession(['nothing']), 'Allow'), key: toRole },
      'not allowed by session',
    ],
    [
      'a root within its API token',
      { caller: withToken(root, 'nothing'), key: delegated },
      'not allowed by session',
    ],
    [
      'an API token where no resource policy decides',
      { caller: withToken(root, 'nothing') },
      'not allowed by session',
    ],
    [
      'an API token alone allows nothing',
      { caller: withToken(alice, 'Allow') },
      'not allowed by identity',
    ],
    [
      'a service within its API token',
      { caller: withToken(service, 'nothing'), key: [['Allow', { Service: service.arn }]] },
      'not allowed by session',
    ],
    [
      'another account’s key within an API token',
      { caller: withToken(alice, 'nothing'), key: toAlice, identity: 'Allow', ...foreign },
      'not allowed by session',
    ],
  ])('%s', (_title, setting, expected) => {
    expect(outcome(decide(weigh(matter(setting))))).toBe(expected);
  });
});

describe('a grant beside them', () => {
  test.each<[string, Setting, PrincipalMatch, string]>([
    ['to the caller', { key: delegated }, 'caller', 'allowed'],
    ['to nobody here', { key: delegated }, 'none', 'not allowed by resource'],
    ['to the caller, of another account’s key', { key: toOthers, ...foreign }, 'caller', 'allowed'],
    [
      'to the account needs an identity policy',
      { key: toOthers },
      'account',
      'not allowed by identity',
    ],
    [
      'to the account of an identity policy',
      { key: toOthers, identity: 'Allow' },
      'account',
      'allowed',
    ],
    [
      'to a role whose session policy is narrower',
      { caller: roleSession(['nothing']), key: toOthers },
      'role',
      'not allowed by session',
    ],
    [
      'to the caller, within its API token',
      { caller: withToken(alice, 'nothing'), key: toOthers },
      'caller',
      'not allowed by session',
    ],
    [
      'below an explicit deny',
      { key: [...delegated, ['Deny', '*']] },
      'caller',
      'denied by resource',
    ],
  ])('%s', (_title, setting, match, expected) => {
    expect(outcome(decideByGrant(weigh(matter(setting)), match))).toBe(expected);
  });
});
