import { authorizeAccountAction, authorizeKeyAction, hiddenKey } from '../../src/policy/authorize';
import type { Principal } from '../../src/policy/principal';
import { accountId, keyWith, otherAccountId, rootOf, userOf } from '../support/sample-keys';
import { refusalOf } from '../support/refusal';

const root = rootOf(accountId);
const alice = userOf(accountId, 'alice');
const stranger = rootOf(otherAccountId);
const strangerUser = userOf(otherAccountId, 'eve');

function policy(...statements: readonly [effect: string, principal: string][]): string {
  return JSON.stringify({
    Statement: statements.map(([Effect, AWS]) => ({
      ...{ Effect, Principal: { AWS }, Action: 'kms:*', Resource: '*' },
    })),
  });
}

async function answer(
  caller: Principal,
  policyText?: string,
  crossAccount = true,
): Promise<string | undefined> {
  const key = keyWith(policyText === undefined ? {} : { policyText });
  const { code, message } = await refusalOf(() =>
    authorizeKeyAction(caller, 'kms:Encrypt', { key, crossAccount }),
  );
  if (code === 'nothing was thrown') return undefined;
  expect(code).toBe('AccessDeniedException');
  return message;
}

const { arn } = keyWith();

describe('an action on a key of the caller’s account', () => {
  test('is allowed to its root by the default policy', async () => {
    expect(await answer(root)).toBeUndefined();
  });

  test('is allowed to whom the policy names', async () => {
    expect(await answer(alice, policy(['Allow', alice.arn]))).toBeUndefined();
  });

  test('is denied where the policy leaves it to identity policies, of which there are none', async () => {
    expect(await answer(alice)).toBe(
      `User: ${alice.arn} is not authorized to perform: kms:Encrypt on resource: ${arn} because no identity-based policy allows the kms:Encrypt action`,
    );
  });

  test('is denied to the root too that no statement names', async () => {
    expect(await answer(root, policy(['Allow', alice.arn]))).toBe(
      `User: ${root.arn} is not authorized to perform: kms:Encrypt on resource: ${arn} because no resource-based policy allows the kms:Encrypt action`,
    );
  });

  test('is denied by an explicit deny above all', async () => {
    expect(await answer(root, policy(['Allow', root.arn], ['Deny', root.arn]))).toBe(
      `User: ${root.arn} is not authorized to perform: kms:Encrypt on resource: ${arn} with an explicit deny in a resource-based policy`,
    );
  });
});

describe('an action on a key of another account', () => {
  const hidden = (caller: Principal): string => hiddenKey(caller, 'kms:Encrypt').message;

  test('needs the policy, an operation that crosses accounts and the root of the caller’s', async () => {
    expect(await answer(stranger, policy(['Allow', stranger.arn]))).toBeUndefined();
    expect(await answer(stranger, policy(['Allow', '*']))).toBeUndefined();
  });

  test('is denied in one form, whatever is missing', async () => {
    const allowed = policy(['Allow', stranger.arn]);
    const denied = policy(['Allow', '*'], ['Deny', stranger.arn]);
    expect(await answer(stranger)).toBe(hidden(stranger));
    expect(await answer(stranger, allowed, false)).toBe(hidden(stranger));
    expect(await answer(stranger, denied)).toBe(hidden(stranger));
    expect(await answer(strangerUser, allowed)).toBe(hidden(strangerUser));
    expect(await answer(strangerUser, policy(['Allow', '*']))).toBe(hidden(strangerUser));
  });

  test('is not told apart from one on a key that does not exist: the text names no key', () => {
    expect(hidden(stranger)).not.toContain(arn);
    expect(hidden(stranger)).toContain('on this resource because the resource does not exist');
  });
});

describe('an action without a key', () => {
  test('is allowed to the root', async () => {
    const { code } = await refusalOf(() => authorizeAccountAction(root, 'kms:CreateKey'));
    expect(code).toBe('nothing was thrown');
  });

  test('is denied to everyone else, with the resource', async () => {
    expect(await refusalOf(() => authorizeAccountAction(alice, 'kms:ListKeys'))).toEqual({
      code: 'AccessDeniedException',
      message: `User: ${alice.arn} is not authorized to perform: kms:ListKeys on resource: * because no identity-based policy allows the kms:ListKeys action`,
    });
    const resource = 'arn:aws:kms:us-east-1:111122223333:alias/a';
    const refused = () => authorizeAccountAction(alice, 'kms:DeleteAlias', resource);
    expect((await refusalOf(refused)).message).toContain(`on resource: ${resource} because`);
  });
});
