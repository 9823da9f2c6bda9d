import { defaultKeyPolicy } from '../../src/policy/compile';
import { KeyPolicies } from '../../src/policy/key-policies';
import { PolicyError } from '../../src/policy/policy';
import { accountId, otherAccountId, place } from '../support/sample-keys';

const text = defaultKeyPolicy(place, accountId);
const other = defaultKeyPolicy(place, otherAccountId);

test('keys of the same text share one compiled policy, and the text', () => {
  const policies = new KeyPolicies(place);
  const compiled = policies.compile(text);
  expect(policies.compile(Buffer.from(text).toString())).toBe(compiled);
  expect(compiled.text).toBe(text);
  expect(policies.compile(other)).not.toBe(compiled);
  expect(policies.compile(other).principals).toEqual([`arn:aws:iam::${otherAccountId}:root`]);
});

test('the one that was asked for longest ago is forgotten first, and compiled again', () => {
  const policies = new KeyPolicies(place, 2);
  const third = defaultKeyPolicy(place, '999988887777');
  const [first, second] = [policies.compile(text), policies.compile(other)];
  policies.compile(text);
  policies.compile(third);
  expect(policies.compile(text)).toBe(first);
  expect(policies.compile(other)).not.toBe(second);
});

test('what is no policy is refused each time, and never kept', () => {
  const policies = new KeyPolicies(place);
  for (let asked = 0; asked < 2; asked += 1) {
    expect(() => policies.compile('{')).toThrow(PolicyError);
  }
});
