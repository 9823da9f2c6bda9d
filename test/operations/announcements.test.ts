import type { WritingOperation } from '../../src/operation';
import { operations } from '../../src/operations';
import type { OperationName } from '../../src/shapes';

/** The operations that change the database, and why each need not announce its change; undefined: it must. */
const reasons = new Map<string, string | undefined>();
for (const operation of Object.values(operations)) {
  if ('write' in operation) {
    const { name, unannounced } = operation as WritingOperation<OperationName>;
    reasons.set(name, unannounced);
  }
}

test('every change is announced, but for these, which take nothing away that a worker may know of', () => {
  const silent = [...reasons].filter(([, reason]) => reason !== undefined);
  expect(Object.fromEntries(silent)).toEqual({
    CreateAccessKey: 'nothing is kept of an access key before it is there',
    CreateAccountAlias: 'no decision rests on the alias of an account',
    CreateCustomKeyStore: 'nothing is kept of a custom key store before it is there',
    CreateGroup: 'a new group has no members',
    CreateKey: 'nothing is kept of a key before it is there',
    CreatePolicy: 'nobody has a policy that is new',
    CreatePolicyVersion: 'those who have the policy are told when the version becomes the default',
    CreateRole: 'nothing is kept of a role before it is there',
    CreateUser: 'nothing is kept of a user before it is there',
    DeleteAccountAlias: 'no decision rests on the alias of an account',
    DeleteGroup: 'a group that has members or policies cannot be deleted',
    DeletePolicy: 'a policy that somebody has cannot be deleted',
    DeletePolicyVersion: 'the default version, which alone decides, cannot be deleted',
    SetDefaultPolicyVersion: 'those who have the policy are told, and there may be none',
    TagOpenIDConnectProvider: 'tags of providers are not kept',
    TagPolicy: 'tags of policies are not kept',
    UntagOpenIDConnectProvider: 'tags of providers are not kept',
    UntagPolicy: 'tags of policies are not kept',
  });
});

test('what says that it changes something changes it in a transaction that must announce it', () => {
  const changing = Object.values(operations).filter(({ readOnly }) => !readOnly);
  expect(changing.map(({ name }) => name).filter((name) => !reasons.has(name))).toEqual([]);
});
