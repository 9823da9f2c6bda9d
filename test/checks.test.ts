import { type Asker, type Permissions, authorize, requireUsable } from '../src/checks';
import type { Queryable } from '../src/db';
import { KmsError } from '../src/errors';
import type { Grant } from '../src/keys/grants';
import type { Services, Target, TargetedCall } from '../src/operation';
import { operations } from '../src/operations';
import { hiddenKey } from '../src/policy/authorize';
import { compileIdentityPolicy, compileTrustPolicy } from '../src/policy/compile';
import { retirement } from '../src/policy/grants';
import { noIdentity } from '../src/policy/identity';
import type { Principal } from '../src/policy/principal';
import { refusalOf } from './support/refusal';
import {
  accountId,
  keyWith,
  otherAccountId,
  place,
  rootOf,
  userOf,
  callFacts,
} from './support/sample-keys';

const root = rootOf(accountId);
const target = (different: Partial<Target> = {}): Target => ({
  key: keyWith(),
  action: 'kms:Encrypt',
  ...different,
});
const askerOf = (caller: Principal, conditions?: Asker['conditions']): Asker => ({
  call: {
    ...callFacts,
    caller,
    services: { place, grantFinder: { of: () => [] } } as unknown as Services,
  },
  conditions,
});
const permissions = (different: Partial<Permissions> = {}): Permissions => ({
  accountActions: [],
  targets: [],
  crossAccount: false,
  needsNoPermission: false,
  ...different,
});
const refusal = (caller: Principal, different: Partial<Permissions>) =>
  refusalOf(() => authorize(askerOf(caller), permissions(different)));
const allowed = { code: 'nothing was thrown', message: '' };

describe('authorize', () => {
  test('denies a request that asked for nothing, unless it needs nothing', async () => {
    expect(await refusal(root, {})).toEqual({
      code: 'AccessDeniedException',
      message: 'No policy decides this operation.',
    });
    expect(await refusal(root, { needsNoPermission: true })).toEqual(allowed);
  });

  test('needs every action, on the account and on each key', async () => {
    const accountActions = [{ action: 'kms:CreateAlias', resource: '*' }];
    const all = { accountActions, targets: [target()] };
    expect(await refusal(root, all)).toEqual(allowed);
    expect((await refusal(userOf(accountId, 'eve'), all)).message).toMatch(
      /is not authorized to perform: kms:CreateAlias on resource: \*/,
    );
    const foreign = target({ key: keyWith({ accountId: otherAccountId }) });
    const both = { ...all, targets: [target(), foreign] };
    expect((await refusal(root, both)).message).toMatch(
      /is not authorized to perform: kms:Encrypt on this resource/,
    );
  });

  test('needs an operation that crosses accounts for another account’s key, whatever its policy says', async () => {
    const Principal = '*';
    const statement = { Effect: 'Allow', Principal, Action: 'kms:*', Resource: '*' };
    const policyText = JSON.stringify({ Statement: statement });
    const open = target({ key: keyWith({ accountId: otherAccountId, policyText }) });
    expect(await refusal(root, { targets: [open], crossAccount: true })).toEqual(allowed);
    expect(await refusal(root, { targets: [open] })).toEqual({
      code: 'AccessDeniedException',
      message: hiddenKey(root, 'kms:Encrypt').message,
    });
  });

  test('says what the target says in place of the ordinary denial', async () => {
    const deniedAs = new KmsError('AccessDeniedException', 'The ciphertext refers to …');
    const hidden = target({ key: keyWith({ accountId: otherAccountId }), deniedAs });
    expect(await refusal(root, { targets: [hidden], crossAccount: true })).toEqual({
      code: deniedAs.code,
      message: deniedAs.message,
    });
  });

  describe('asks grants', () => {
    const alice = userOf(accountId, 'alice');
    const granted = (different: Partial<Grant> = {}): Grant => ({
      grantId: 'ab'.repeat(32),
      keyId: keyWith().keyId,
      name: undefined,
      grantee: alice.arn,
      retiringPrincipal: undefined,
      issuingAccount: accountId,
      operations: ['Encrypt'],
      constraints: undefined,
      createdAt: callFacts.now,
      ...different,
    });
    /** Finds grants in the worker and in a transaction, and says which it was asked for. */
    const asked: string[] = [];
    const askerWith = (caller: Principal, here: Grant[], there: Grant[] = []): Asker => {
      const grantFinder = {
        of: (_keyId: string, grantees: readonly string[]) => {
          asked.push(`cache ${grantees.join(' ')}`);
          return here;
        },
        now: (_db: unknown, _keyId: string, grantees: readonly string[]) => {
          asked.push(`transaction ${grantees.join(' ')}`);
          return Promise.resolve(there);
        },
      };
      const services = { place, grantFinder } as unknown as Services;
      return { call: { ...callFacts, caller, services }, conditions: undefined };
    };
    const decide = (asker: Asker, different: Partial<Permissions>) =>
      refusalOf(() => authorize(asker, permissions(different)));
    beforeEach(() => void asked.splice(0));
    const names = `${alice.arn} ${root.arn}`;
    const lockedIn = {} as Queryable;

    test('where policies do not allow, those of the worker or of the transaction of a change', async () => {
      const targets = [target()];
      expect(await decide(askerWith(alice, [granted()]), { targets })).toEqual(allowed);
      expect(await decide(askerWith(alice, [], [granted()]), { targets, lockedIn })).toEqual(
        allowed,
      );
      expect(asked).toEqual([`cache ${names}`, `transaction ${names}`]);
      const withoutIt = await decide(askerWith(alice, [granted()]), { targets, lockedIn });
      expect(withoutIt.message).toMatch(/because no identity-based policy allows the kms:Encrypt/);
    });

    test('not where policies allow, or deny, or no grant can allow, or something else decides', async () => {
      expect(await decide(askerWith(root, []), { targets: [target()] })).toEqual(allowed);
      const Statement = { Effect: 'Deny', Principal: '*', Action: 'kms:*', Resource: '*' };
      const denied = target({ key: keyWith({ policyText: JSON.stringify({ Statement }) }) });
      const other = target({ action: 'kms:DisableKey' });
      const retiring = granted({ retiringPrincipal: root.arn, issuingAccount: otherAccountId });
      const retired = target({ action: 'kms:RetireGrant', decidedBy: retirement(retiring) });
      for (const one of [denied, other, retired]) {
        const refused = await decide(askerWith(alice, [granted()]), { targets: [one] });
        expect(refused.code).toBe('AccessDeniedException');
      }
      expect(asked).toEqual([]);
    });

    test('of each key in turn, so that the first refusal is the answer', async () => {
      const first = target();
      const second = target({ action: 'kms:Decrypt' });
      for (const different of [{}, { lockedIn }]) {
        const asker = askerWith(alice, [granted()], [granted()]);
        const both = await decide(asker, { targets: [first, second], ...different });
        expect(both.message).toContain('kms:Decrypt');
        const turned = await decide(asker, { targets: [second, first], ...different });
        expect(turned.message).toContain('kms:Decrypt');
      }
      expect(asked).toHaveLength(6);
    });

    test('with the encryption context of the key’s own part of the request', async () => {
      const constraints = { EncryptionContextEquals: { a: 'b' } };
      const asker = askerWith(alice, [granted({ constraints })]);
      const right = target({ encryptionContext: { a: 'b' } });
      expect(await decide(asker, { targets: [right] })).toEqual(allowed);
      const wrong = target({ encryptionContext: { a: 'c' } });
      expect((await decide(asker, { targets: [right, wrong] })).code).toBe('AccessDeniedException');
    });

    test('of keys of another account only for operations that cross accounts', async () => {
      const foreign = target({ key: keyWith({ accountId: otherAccountId }) });
      const asker = askerWith(alice, [granted()]);
      expect(await decide(asker, { targets: [foreign], crossAccount: true })).toEqual(allowed);
      expect(await decide(asker, { targets: [foreign] })).toEqual({
        code: 'AccessDeniedException',
        message: hiddenKey(alice, 'kms:Encrypt').message,
      });
    });
  });

  test('asks a role’s trust policy, and gives no reason when it says no', async () => {
    const alice = userOf(accountId, 'alice');
    const resource = `arn:aws:iam::${accountId}:role/reader`;
    const assume = (AWS: string) => ({
      action: 'sts:AssumeRole',
      resource,
      resourcePolicy: {
        accountId,
        policy: compileTrustPolicy(
          JSON.stringify({
            Version: '2012-10-17',
            Statement: { Effect: 'Allow', Principal: { AWS }, Action: 'sts:AssumeRole' },
          }),
          place,
        ),
      },
    });
    expect(await refusal(alice, { accountActions: [assume(alice.arn)] })).toEqual(allowed);
    expect(await refusal(alice, { accountActions: [assume(root.arn)] })).toEqual({
      code: 'AccessDeniedException',
      message: `User: ${alice.arn} is not authorized to perform: sts:AssumeRole on resource: ${resource}`,
    });
  });

  test('supplies what the key, the target, the operation and the request say of themselves', async () => {
    const alice = userOf(accountId, 'alice');
    const conditions = {
      'kms:KeySpec': 'SYMMETRIC_DEFAULT',
      'kms:CallerAccount': accountId,
      'kms:RequestAlias': 'alias/a',
      'kms:EncryptionContext:Dept': 'x',
      'kms:EncryptionAlgorithm': 'SYMMETRIC_DEFAULT',
      'kms:ReEncryptOnSameKey': 'true',
      'aws:SourceIp': '127.0.0.1/32',
      'aws:username': 'alice',
    };
    const asked = (StringEquals: object, IpAddress: object) => {
      const statement = { Effect: 'Allow', Principal: { AWS: alice.arn }, Action: 'kms:Encrypt' };
      const Condition = { StringEquals, IpAddress };
      const Statement = { ...statement, Resource: '*', Condition };
      const policyText = JSON.stringify({ Version: '2012-10-17', Statement });
      const one = target({
        key: keyWith({ policyText }),
        requestAlias: 'alias/a',
        encryptionContext: { dept: 'x' },
        conditions: { 'kms:ReEncryptOnSameKey': 'true' },
      });
      const asker = askerOf(alice, { 'kms:EncryptionAlgorithm': 'SYMMETRIC_DEFAULT' });
      return refusalOf(() => authorize(asker, permissions({ targets: [one] })));
    };
    const { 'aws:SourceIp': ip, ...texts } = conditions;
    expect(await asked(texts, { 'aws:SourceIp': ip })).toEqual(allowed);
    for (const key of Object.keys(texts)) {
      expect((await asked({ ...texts, [key]: 'other' }, {})).code).toBe('AccessDeniedException');
    }
  });

  test('shows the tags and aliases of a key to identity policies alone', async () => {
    const alice = userOf(accountId, 'alice');
    const Condition = {
      StringEquals: { 'aws:ResourceTag/team': 'a' },
      'ForAnyValue:StringEquals': { 'kms:ResourceAliases': 'alias/a' },
    };
    const statement = { Effect: 'Allow', Action: 'kms:Encrypt', Resource: '*', Condition };
    const text = (more: object) =>
      JSON.stringify({ Version: '2012-10-17', Statement: { ...statement, ...more } });
    const labels = { tags: [{ TagKey: 'team', TagValue: 'a' }], aliases: ['alias/a'] };
    const identity = { ...noIdentity, policies: [compileIdentityPolicy(text({}))] };
    const asker = askerOf(alice);
    const byIdentity = { ...asker, call: { ...asker.call, identity } };
    const delegated = permissions({ targets: [target({ key: keyWith(labels) })] });
    expect(await refusalOf(() => authorize(byIdentity, delegated))).toEqual(allowed);
    const policyText = text({ Principal: { AWS: alice.arn } });
    const named = permissions({ targets: [target({ key: keyWith({ ...labels, policyText }) })] });
    expect((await refusalOf(() => authorize(asker, named))).code).toBe('AccessDeniedException');
  });
});

describe('requireUsable', () => {
  const encrypt = operations.Encrypt;
  if (encrypt === undefined) throw new Error('Encrypt is served');
  const call = (different: Parameters<typeof keyWith>[0]): TargetedCall<'Encrypt'> => ({
    input: { KeyId: 'k', Plaintext: Buffer.from('x') },
    ...callFacts,
    caller: root,
    keys: [keyWith(different)],
    services: {} as TargetedCall<'Encrypt'>['services'],
  });

  test('names a wrong usage before a wrong state', () => {
    expect(() => {
      requireUsable(encrypt, call({ keyUsage: 'SIGN_VERIFY', state: 'Disabled' }));
    }).toThrow(
      new KmsError(
        'InvalidKeyUsageException',
        `${keyWith().arn} key usage is SIGN_VERIFY which is not valid for Encrypt.`,
      ),
    );
  });

  test('names a wrong state before a wrong algorithm', () => {
    expect(() => {
      requireUsable(encrypt, call({ keySpec: 'RSA_2048', state: 'Disabled' }));
    }).toThrow(new KmsError('DisabledException', `${keyWith().arn} is disabled.`));
    expect(() => {
      requireUsable(encrypt, call({ keySpec: 'RSA_2048' }));
    }).toThrow(
      new KmsError(
        'InvalidKeyUsageException',
        'Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.',
      ),
    );
  });
});
