import { namedOrOwnUser } from '../../../src/operations/iam/own-user';
import type { Principal } from '../../../src/policy/principal';
import { refusalOf } from '../../support/refusal';
import { accountId, rootOf, userOf } from '../../support/sample-keys';

const session: Principal = {
  ...userOf(accountId, 'ignored'),
  kind: 'assumed-role',
  arn: `arn:aws:sts::${accountId}:assumed-role/r/s`,
  userName: undefined,
};

test('The user that a request names is meant, whoever calls', () => {
  const named = { accountId, kind: 'user', name: 'ann' };
  for (const caller of [rootOf(accountId), userOf(accountId, 'bob'), session]) {
    expect(namedOrOwnUser({ caller, input: { UserName: 'ann' } })).toEqual(named);
  }
});

test('Without a name a user means itself, and a root the root', () => {
  const caller = userOf(accountId, 'bob');
  expect(namedOrOwnUser({ caller, input: {} })).toEqual({ accountId, kind: 'user', name: 'bob' });
  expect(namedOrOwnUser({ caller: rootOf(accountId), input: {} })).toBeUndefined();
});

test('A session of a role must name a user', async () => {
  expect(await refusalOf(() => namedOrOwnUser({ caller: session, input: {} }))).toEqual({
    code: 'ValidationException',
    message: 'Must specify userName when calling with non-User credentials',
  });
});
