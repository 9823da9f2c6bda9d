import { KmsError } from '../../src/errors';
import type { Principal } from '../../src/policy/principal';
import { OwnRates } from '../../src/rates/own-rates';
import { type Group, awsRates } from '../../src/request-rates/groups';
import type { RateLimits } from '../../src/request-rates/limits';
import { type KeyedRequest, RequestRates } from '../../src/request-rates/request-rates';
import { parsePattern } from '../../src/policy/wildcard';
import { accountId, keyWith, rootOf, userOf } from '../support/sample-keys';

const alice = userOf(accountId, 'alice');
const message =
  'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.';

interface Trial {
  readonly rates: RequestRates;
  readonly throttled: Group[];
  pass(milliseconds: number): void;
}

function trial(limits: Partial<RateLimits>): Trial {
  let now = 0;
  const throttled: Group[] = [];
  const rates = new RequestRates({
    limits: { rules: [], others: new Map(), ...limits },
    rates: new OwnRates(() => now),
    onThrottled: (group) => throttled.push(group),
  });
  return { rates, throttled, pass: (milliseconds) => (now += milliseconds) };
}

function caught(step: () => void): KmsError | undefined {
  try {
    step();
    return undefined;
  } catch (error) {
    if (error instanceof KmsError) return error;
    throw error;
  }
}

/** How many of so many requests get through. */
function served(step: () => void, asked = 50): number {
  return Array.from({ length: asked }, () => caught(step)).filter((e) => e === undefined).length;
}

const store = (id: string): Partial<ReturnType<typeof keyWith>> => ({
  customKeyStore: { id, connectionState: 'CONNECTED', cloudHsmClusterId: undefined },
});

/** Every group at a rate of one, so that what is charged is what is empty afterwards. */
const ones = new Map([...awsRates.keys()].map((group): [Group, number] => [group, 1]));

function chargedBy(operation: string, request: KeyedRequest): Group[] {
  const charged = new Set<Group>();
  const recording = trial({ others: ones });
  const take = (): void => {
    recording.rates.countOperation(alice, operation);
    recording.rates.countKeys(alice, operation, request);
  };
  take();
  // Each further request is refused by the first group that is empty; let alone, the others are asked next.
  for (;;) {
    const known = charged.size;
    const others = new Map([...ones].filter(([group]) => !charged.has(group)));
    const { rates, throttled } = trial({ others });
    served(() => {
      rates.countOperation(alice, operation);
      rates.countKeys(alice, operation, request);
    }, 2);
    throttled.forEach((group) => charged.add(group));
    if (charged.size === known) return [...charged];
  }
}

test.each<[string, string, KeyedRequest, Group[]]>([
  ['a symmetric key', 'Encrypt', { keys: [keyWith()], input: {} }, ['symmetric']],
  ['an RSA key', 'Decrypt', { keys: [keyWith({ keySpec: 'RSA_3072' })], input: {} }, ['rsa']],
  ['an RSA key', 'Sign', { keys: [keyWith({ keySpec: 'RSA_2048' })], input: {} }, ['rsa']],
  ['an ECC key', 'Verify', { keys: [keyWith({ keySpec: 'ECC_NIST_P384' })], input: {} }, ['ecc']],
  ['an Edwards key', 'Sign', keyed('ECC_NIST_EDWARDS25519'), ['ecc']],
  ['an ML-DSA key', 'Sign', keyed('ML_DSA_65'), ['ml-dsa']],
  ['an HMAC key', 'GenerateMac', keyed('HMAC_256'), ['symmetric']],
  ['an ML-KEM key', 'Decapsulate', keyed('ML_KEM_768'), ['ml-kem']],
  [
    'a key in a store',
    'Encrypt',
    { keys: [keyWith(store('cks-1'))], input: {} },
    ['custom-key-store'],
  ],
  ['no key', 'GenerateRandom', { keys: [], input: {} }, ['symmetric']],
  [
    'a store',
    'GenerateRandom',
    { keys: [], input: { CustomKeyStoreId: 'cks-1' } },
    ['symmetric', 'custom-key-store'],
  ],
  [
    'a data key pair',
    'GenerateDataKeyPairWithoutPlaintext',
    { keys: [keyWith()], input: { KeyPairSpec: 'RSA_4096' } },
    ['GenerateDataKeyPair(RSA_4096)'],
  ],
  [
    'two kinds of keys',
    'ReEncrypt',
    { keys: [keyWith({ keySpec: 'RSA_2048' }), keyWith()], input: {} },
    ['rsa', 'symmetric'],
  ],
  ['two keys of a kind', 'ReEncrypt', { keys: [keyWith(), keyWith()], input: {} }, ['symmetric']],
  ['a key, and nothing of it', 'DescribeKey', { keys: [keyWith()], input: {} }, ['DescribeKey']],
  ['an entity of IAM', 'CreateUser', { keys: [], input: {} }, []],
])('%s counts for %s in its groups', (_, operation, request, expected) => {
  expect(chargedBy(operation, request)).toEqual(expected);
});

function keyed(keySpec: ReturnType<typeof keyWith>['keySpec']): KeyedRequest {
  return { keys: [keyWith({ keySpec })], input: {} };
}

test('each custom key store is a pool of its own, and a request that uses two counts in both', () => {
  const { rates } = trial({ others: new Map([['custom-key-store', 3]]) });
  const use = (...ids: string[]): void =>
    rates.countKeys(alice, 'ReEncrypt', { keys: ids.map((id) => keyWith(store(id))), input: {} });
  expect(served(() => use('cks-1', 'cks-2'))).toBe(3);
  expect(served(() => use('cks-2'))).toBe(0);
  expect(served(() => use('cks-3'))).toBe(3);
});

test('a burst gets as many as a second has, then as many as time brings, and each refusal says how long', () => {
  const { rates, throttled, pass } = trial({ others: new Map([['CreateKey', 0.25]]) });
  const create = (): void => rates.countOperation(alice, 'CreateKey');
  expect(served(create)).toBe(1);
  expect(throttled).toEqual(Array.from({ length: 49 }, () => 'CreateKey'));
  expect(caught(create)).toMatchObject({
    code: 'ThrottlingException',
    message,
    retryAfterSeconds: 4,
  });
  pass(1500);
  expect(caught(create)).toMatchObject({ retryAfterSeconds: 3 });
  pass(2500);
  expect(served(create)).toBe(1);
});

test('a fast rate has one again within a second', () => {
  const { rates } = trial({ others: new Map([['CreateKey', 7]]) });
  const create = (): void => rates.countOperation(alice, 'CreateKey');
  expect(served(create)).toBe(7);
  expect(caught(create)).toMatchObject({ retryAfterSeconds: 1 });
});

test('what is not limited is not counted', () => {
  const { rates } = trial({ others: new Map([['CreateKey', 1]]) });
  expect(served(() => rates.countOperation(alice, 'DescribeKey'))).toBe(50);
});

test('principals have rates of their own, by the first rule that matches', () => {
  const bob: Principal = { ...userOf(accountId, 'bob'), principalId: 'AIDABOB' };
  const { rates } = trial({
    others: new Map([['symmetric', 2]]),
    rules: [{ arns: [parsePattern('*:user/b*')], rates: new Map([['symmetric', 9]]) }],
  });
  const by = (caller: Principal): number =>
    served(() => rates.countOperation(caller, 'GenerateRandom'));
  expect([by(alice), by(rootOf(accountId)), by(bob), by(alice)]).toEqual([2, 2, 9, 0]);
});

test('a renamed principal has the rates of its new name', () => {
  const { rates } = trial({
    others: new Map(),
    rules: [{ arns: [parsePattern('*:user/a*')], rates: new Map([['symmetric', 1]]) }],
  });
  const by = (name: string): number =>
    served(() => rates.countOperation(userOf(accountId, name), 'GenerateRandom'));
  expect([by('alice'), by('carol'), by('alice')]).toEqual([1, 50, 0]);
});

test('sessions of a role count together, as the role', () => {
  const { rates } = trial({
    rules: [{ arns: [parsePattern('*:role/team/x')], rates: new Map([['symmetric', 3]]) }],
  });
  const by = (session: string): number =>
    served(() => rates.countOperation(sessionOf(session), 'GenerateRandom'), 2);
  expect([by('one'), by('two'), by('three')]).toEqual([2, 1, 0]);
});

function sessionOf(sessionName: string): Principal {
  const role = { roleId: 'AROAX', arn: `arn:aws:iam::${accountId}:role/team/x`, name: 'x' };
  return {
    ...userOf(accountId, 'nobody'),
    kind: 'assumed-role',
    arn: `arn:aws:sts::${accountId}:assumed-role/x/${sessionName}`,
    principalId: `AROAX:${sessionName}`,
    session: {
      ...{ issuedAt: new Date(0), expiresAt: new Date(1), policies: [], tags: {} },
      ...{ transitiveTagKeys: [], role: { ...role, sessionName } },
    },
  };
}

test('a request that fails before its key is known counts as symmetric, where a key decides', () => {
  const { rates } = trial({ others: ones });
  expect(served(() => rates.countUnresolved(alice, 'Sign'))).toBe(1);
  expect(served(() => rates.countUnresolved(alice, 'GenerateDataKeyPair'))).toBe(0);
  expect(served(() => rates.countUnresolved(alice, 'DescribeKey'))).toBe(50);
  expect(served(() => rates.countUnresolved(alice, 'GenerateMac'))).toBe(50);
});

test('principals are kept in mind up to a bound, and their counts beyond it', () => {
  const { rates } = trial({ others: new Map([['symmetric', 1]]) });
  const by = (id: number): number =>
    served(() => rates.countOperation({ ...alice, principalId: `AIDA${id}` }, 'GenerateRandom'), 2);
  expect(by(0)).toBe(1);
  for (let id = 1; id <= 10_000; id++) by(id);
  expect(by(0)).toBe(0);
});
