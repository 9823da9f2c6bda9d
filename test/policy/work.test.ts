import { compileIdentityPolicy, compileKeyPolicy } from '../../src/policy/compile';
import type { Context } from '../../src/policy/policy';
import { namesOf, policyKeyArn } from '../support/policies';
import { accountId, place } from '../support/sample-keys';

/** Bounds on the work of a decision, in reads of the request: the clock tells nothing on a busy machine. */
function counting(values: Readonly<Record<string, string | string[]>> = {}): {
  context: Context;
  reads: () => number;
} {
  let reads = 0;
  const get = (key: string): string | string[] | undefined => {
    reads += 1;
    return values[key];
  };
  return { context: { get }, reads: () => reads };
}

const question = { action: 'kms:encrypt', resource: policyKeyArn };
const statementCount = 10_000;
const policyOf = (members: (i: number) => Readonly<Record<string, unknown>>): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: Array.from({ length: statementCount }, (_, i) => ({
      ...{ Effect: 'Allow', Action: 'kms:*', Resource: '*', ...members(i) },
    })),
  });

test('of ten thousand statements each key is read once', () => {
  const Condition = { StringEquals: { 'a:b': ['x', 'y'] }, Bool: { 'a:c': 'true' } };
  const { context, reads } = counting({ 'a:b': 'y', 'a:c': 'false' });
  const policy = compileIdentityPolicy(policyOf(() => ({ Condition })));
  expect(policy.ask({ ...question, context })).toEqual({ denied: false, allowed: 'none' });
  expect(reads()).toBe(2 * statementCount);
});

test('nothing of a request is read for statements of other actions, resources or principals', () => {
  const Condition = { StringEquals: { 'a:b': '${a:c}' } };
  const others = [
    { Action: 'kms:Decrypt' },
    { Resource: `${policyKeyArn}0` },
    { Principal: { AWS: `arn:aws:iam::${accountId}:user/someone` } },
  ];
  const text = policyOf((i) => ({ Principal: '*', Condition, ...others[i % others.length] }));
  const { context, reads } = counting({ 'a:b': 'x' });
  const policy = compileKeyPolicy(text, place);
  expect(policy.ask({ ...question, context }, namesOf()).allowed).toBe('none');
  expect(reads()).toBe(0);
});

test('a statement that can allow no more is not weighed', () => {
  const Condition = { StringEquals: { 'a:b': 'x' } };
  const { context, reads } = counting({ 'a:b': 'x' });
  const policy = compileIdentityPolicy(policyOf(() => ({ Condition })));
  expect(policy.ask({ ...question, context }).allowed).toBe('caller');
  expect(reads()).toBe(1);
});

test('variables are resolved once for each value in which they stand', () => {
  const value = '${a:v}'.repeat(1000);
  const Condition = { StringLike: { 'a:b': [value, `${value}*`] } };
  const text = JSON.stringify({
    Version: '2012-10-17',
    Statement: { Effect: 'Allow', Action: '*', Resource: '*', Condition },
  });
  const { context, reads } = counting({ 'a:b': 'v'.repeat(1001), 'a:v': 'v' });
  expect(compileIdentityPolicy(text).ask({ ...question, context }).allowed).toBe('caller');
  expect(reads()).toBe(1 + 1000 + 1000);
});

test('a pattern that its variables make longer than the text is not put together', () => {
  const Condition = { StringLike: { 'a:b': `*${'${a:v}'.repeat(1000)}*` } };
  const text = JSON.stringify({
    Version: '2012-10-17',
    Statement: { Effect: 'Allow', Action: '*', Resource: '*', Condition },
  });
  const { context, reads } = counting({ 'a:b': 'v'.repeat(1000), 'a:v': 'v'.repeat(100) });
  expect(compileIdentityPolicy(text).ask({ ...question, context }).allowed).toBe('none');
  expect(reads()).toBe(1 + 11);
});

test('long values of a request meet long values of a policy', () => {
  const long = 'a'.repeat(100_000);
  const Condition = {
    StringLike: { 'a:b': `*${long.slice(1)}` },
    StringEqualsIgnoreCase: { 'a:b': long.toUpperCase() },
    'ForAllValues:StringLike': { 'a:c': [`${'*a'.repeat(10_000)}*b`, `*${long}b*`] },
  };
  const text = JSON.stringify({
    Statement: { Effect: 'Allow', Action: '*', Resource: '*', Condition },
  });
  const { context } = counting({ 'a:b': long, 'a:c': Array.from({ length: 50 }, () => long) });
  expect(compileIdentityPolicy(text).ask({ ...question, context }).allowed).toBe('none');
});

test('evaluation leaves nothing behind: the same question has the same answer', () => {
  const Condition = { StringEquals: { 'a:b': '${a:v}' } };
  const policy = compileIdentityPolicy(
    policyOf((i) => ({ Condition, Effect: i % 2 ? 'Allow' : 'Deny' })),
  );
  for (const value of ['x', 'y', 'x', 'y']) {
    const { context } = counting({ 'a:b': 'x', 'a:v': value });
    const holds = value === 'x';
    expect(policy.ask({ ...question, context })).toEqual({
      denied: holds,
      allowed: holds ? 'caller' : 'none',
    });
  }
});
