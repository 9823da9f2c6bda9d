import { type Role, findRoleByArn } from '../../iam/roles';
import { listTags } from '../../iam/tags';
import type { AccountAction, Services } from '../../operation';
import { roleDenied } from '../../policy/authorize';
import { compileTrustPolicy } from '../../policy/compile';
import type { Conditions, ResourcePolicy } from '../../policy/policy';
import type { Principal } from '../../policy/principal';

interface Asked {
  readonly caller: Principal;
  readonly services: Services;
  readonly roleArn: string;
  readonly action: 'sts:AssumeRole' | 'sts:AssumeRoleWithWebIdentity';
  /** The session is to have tags: asked for, or handed on. */
  readonly tagged: boolean;
  /** The session is to have a source identity: asked for, or handed on. */
  readonly sourceIdentity: boolean;
  readonly conditions: Conditions;
}

/**
 * The actions that assuming the role takes, each decided by the role's trust policy too. A role that does not exist is
 * refused as one that trusts nobody. What the input is for is kept until the session is made, so that it is made for
 * the very role whose trust policy was asked.
 */
export async function roleActions(input: object, asked: Asked): Promise<readonly AccountAction[]> {
  const { caller, services, roleArn, action } = asked;
  const role = await findRoleByArn(services.db, roleArn);
  if (role === undefined) throw roleDenied(caller, action, roleArn);
  authorized.set(input, role);
  const tags = await listTags(services.db, role.id);
  const conditions = { ...resourceTags(tags), ...asked.conditions };
  const resourcePolicy = { accountId: role.accountId, policy: trustPolicy(role, services) };
  return [
    action,
    ...(asked.tagged ? ['sts:TagSession'] : []),
    ...(asked.sourceIdentity ? ['sts:SetSourceIdentity'] : []),
  ].map((one) => ({ action: one, resource: role.arn, resourcePolicy, conditions }));
}

const authorized = new WeakMap<object, Role>();

/** The role whose trust policy was asked for this input. */
export function authorizedRole(input: object): Role {
  const role = authorized.get(input);
  if (role === undefined) throw new Error('a role was assumed before anybody was asked');
  return role;
}

function trustPolicy(role: Role, services: Services): ResourcePolicy {
  return compileTrustPolicy(role.trustPolicy, services.place);
}

function resourceTags(
  tags: readonly { readonly Key: string; readonly Value: string }[],
): Conditions {
  return Object.fromEntries(
    tags.flatMap(({ Key, Value }) => [
      [`aws:ResourceTag/${Key}`, Value],
      [`iam:ResourceTag/${Key}`, Value],
    ]),
  );
}
