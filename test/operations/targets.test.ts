import type { Call, Services } from '../../src/operation';
import { onlyKey, targetByKeyId, targetByKeyOnly } from '../../src/operations/targets';
import { accountId, keyWith, rootOf, callFacts } from '../support/sample-keys';

const key = keyWith();
const caller = rootOf(accountId);

/** A finder that says how it was asked; the real one has tests of its own. */
function callOf(KeyId: string): { call: Call<'DescribeKey'>; asked: unknown[] } {
  const asked: unknown[] = [];
  const answer =
    (how: string) =>
    (value: string, asking: { action: string }): Promise<object> => {
      asked.push([how, value, asking]);
      return Promise.resolve({ key, action: asking.action, requestAlias: 'alias/a' });
    };
  const finder = { resolve: answer('resolve'), resolveKeyOnly: answer('resolveKeyOnly') };
  const services = { finder } as unknown as Services;
  return { call: { input: { KeyId }, caller, services, ...callFacts }, asked };
}

test('a key by any identifier is a target with the action to authorize', async () => {
  const { call, asked } = callOf('alias/a');
  expect(await targetByKeyId<'DescribeKey'>('kms:DescribeKey')(call)).toEqual([
    { key, requestAlias: 'alias/a', action: 'kms:DescribeKey' },
  ]);
  expect(asked).toEqual([['resolve', 'alias/a', { caller, action: 'kms:DescribeKey' }]]);
});

test('a key by key id or ARN alone is resolved as such', async () => {
  const { call, asked } = callOf('k');
  const [target] = await targetByKeyOnly<'DescribeKey'>('kms:X')(call);
  expect(target).toMatchObject({ key, action: 'kms:X' });
  expect(asked).toEqual([['resolveKeyOnly', 'k', { caller, action: 'kms:X' }]]);
});

test('an operation with one key never works on none', () => {
  expect(onlyKey([key])).toBe(key);
  expect(() => onlyKey([])).toThrow('the operation resolved no key');
});
