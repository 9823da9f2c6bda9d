import type { KeyUsage } from '../../src/keys/key-uses';
import type { Call } from '../../src/operation';
import { operations } from '../../src/operations';
import { unusedConditions } from '../../src/operations/key-usage';
import { operationNamesOf } from '../../src/shapes/operations';
import { refusalOf } from '../support/refusal';
import { callFacts, keyWith } from '../support/sample-keys';

const { now } = callFacts;
const before = (ms: number): Date => new Date(now.getTime() - ms);
const day = 86_400_000;

function ask(usage: KeyUsage | undefined): ReturnType<typeof unusedConditions> {
  const services = { keyUses: { of: () => Promise.resolve(usage) } };
  return unusedConditions({ services, now } as unknown as Call<'DisableKey'>, keyWith());
}

const usedAt = (at: Date): KeyUsage => ({
  trackedFrom: before(400 * day),
  lastUse: { operation: 'Sign', at, requestId: 'r', eventId: 'e' },
});

test.each([
  ['now', usedAt(now), '0'],
  ['a moment less than a day ago', usedAt(before(day - 1)), '0'],
  ['a day ago', usedAt(before(day)), '1'],
  ['a year ago', usedAt(before(365 * day)), '365'],
  ['after the request came, by another clock', usedAt(before(-5000)), '0'],
  ['never', { trackedFrom: before(7.5 * day), lastUse: undefined }, '7'],
])('A key last used %s was not used for whole days', async (_when, usage, days) => {
  expect(await ask(usage)).toEqual({ 'kms:TrailingDaysWithoutKeyUsage': days });
});

test('A key that was deleted meanwhile does not exist', async () => {
  expect(await refusalOf(() => ask(undefined))).toEqual({
    code: 'NotFoundException',
    message: `Key '${keyWith().arn}' does not exist`,
  });
});

/** KeyLastUsageTrackingOperation of the API model (kms-semantics §18). */
const tracked = [
  'Decapsulate',
  'Decrypt',
  'DeriveSharedSecret',
  'Encapsulate',
  'Encrypt',
  'GenerateDataKey',
  'GenerateDataKeyPair',
  'GenerateDataKeyPairWithoutPlaintext',
  'GenerateDataKeyWithoutPlaintext',
  'GenerateMac',
  'ReEncrypt',
  'Sign',
  'Verify',
  'VerifyMac',
];

test('Every cryptographic operation that is served uses its key, and no other does', () => {
  const served = operationNamesOf('kms').flatMap((name) => operations[name] ?? []);
  const using = served.filter((operation) => 'usesKey' in operation && operation.usesKey);
  expect(using.map(({ name }) => name).sort()).toEqual(
    served
      .map(({ name }) => name as string)
      .filter((name) => tracked.includes(name))
      .sort(),
  );
});
