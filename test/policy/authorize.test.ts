import { accessDenied, hiddenKey, roleDenied } from '../../src/policy/authorize';
import type { Layer } from '../../src/policy/decide';
import { accountId, keyWith, userOf } from '../support/sample-keys';

const alice = userOf(accountId, 'alice');
const { arn } = keyWith();
const action = 'kms:Encrypt';
const said = (layer: Layer, explicit: boolean, foreign = false): string => {
  const error = accessDenied(alice, {
    action,
    resource: arn,
    denial: { layer, explicit, foreign },
  });
  expect(error.code).toBe('AccessDeniedException');
  return error.message;
};
const start = `User: ${alice.arn} is not authorized to perform: kms:Encrypt on resource: ${arn}`;

describe('AccessDeniedException', () => {
  test.each<[Layer, string]>([
    ['identity', 'because no identity-based policy allows the kms:Encrypt action'],
    ['resource', 'because no resource-based policy allows the kms:Encrypt action'],
    ['boundary', 'because no permissions boundary allows the kms:Encrypt action'],
    ['session', 'because no session policy allows the kms:Encrypt action'],
  ])('names what does not allow: %s', (layer, reason) => {
    expect(said(layer, false)).toBe(`${start} ${reason}`);
  });

  test.each<[Layer, string]>([
    ['identity', 'with an explicit deny in an identity-based policy'],
    ['resource', 'with an explicit deny in a resource-based policy'],
    ['boundary', 'with an explicit deny in a permissions boundary'],
    ['session', 'with an explicit deny in a session policy'],
  ])('names what denies: %s', (layer, reason) => {
    expect(said(layer, true)).toBe(`${start} ${reason}`);
  });

  test('tells a stranger neither what a key policy says nor that there is a key', () => {
    for (const explicit of [true, false]) {
      expect(said('resource', explicit, true)).toBe(hiddenKey(alice, action).message);
    }
    expect(hiddenKey(alice, action).message).toBe(
      `User: ${alice.arn} is not authorized to perform: kms:Encrypt on this resource because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access`,
    );
    expect(said('identity', false, true)).toContain('because no identity-based policy allows');
  });

  test('of a role gives no reason, and does not name who has no account', () => {
    const role = `arn:aws:iam::${accountId}:role/reader`;
    expect(roleDenied(alice, 'sts:AssumeRole', role).message).toBe(
      `User: ${alice.arn} is not authorized to perform: sts:AssumeRole on resource: ${role}`,
    );
    const stranger = { ...alice, kind: 'web-identity' } as const;
    expect(roleDenied(stranger, 'sts:AssumeRoleWithWebIdentity', role).message).toBe(
      'Not authorized to perform sts:AssumeRoleWithWebIdentity',
    );
  });
});
