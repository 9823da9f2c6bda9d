import { DatabaseError, type Queryable } from '../db';
import { KmsError } from '../errors';
import type { summaryKeyType } from '../shapes/iam.generated';
import { quotas } from './quotas';

/** The account's alias, of which it has at most one. */
export async function findAccountAlias(
  db: Queryable,
  accountId: string,
): Promise<string | undefined> {
  const [row] = await db.query<{ alias: string | null }>({
    name: 'account-alias-find',
    text: 'select alias from account where account_id = $1::text',
    values: [accountId],
  });
  return row?.alias ?? undefined;
}

/**
 * Replaces the alias that the account has, as AWS does. Throws EntityAlreadyExists for one that is taken, by the account
 * itself too.
 */
export async function setAccountAlias(
  db: Queryable,
  accountId: string,
  alias: string,
): Promise<void> {
  const taken = new KmsError('EntityAlreadyExists', `The account alias ${alias} already exists.`);
  try {
    const changed = await db.execute({
      name: 'account-alias-set',
      text: `
        update account set alias = $2::text
        where account_id = $1::text and alias is distinct from $2::text`,
      values: [accountId, alias],
    });
    if (changed === 0) throw taken;
  } catch (error) {
    throw error instanceof DatabaseError && error.code === 'unique-violation' ? taken : error;
  }
}

/** Throws NoSuchEntity when the account's alias is another, or it has none. */
export async function removeAccountAlias(
  db: Queryable,
  accountId: string,
  alias: string,
): Promise<void> {
  const changed = await db.execute({
    name: 'account-alias-remove',
    text: 'update account set alias = null where account_id = $1::text and alias = $2::text',
    values: [accountId, alias],
  });
  if (changed === 0) {
    throw new KmsError('NoSuchEntity', `The account alias with name ${alias} cannot be found.`);
  }
}

interface Counts {
  readonly users: number;
  readonly groups: number;
  readonly roles: number;
  readonly policies: number;
  readonly versions: number;
  readonly providers: number;
  readonly root_keys: number;
}

/** What the account has and may have, by IAM's names (API reference, GetAccountSummary). */
export async function summarise(
  db: Queryable,
  accountId: string,
): Promise<Record<summaryKeyType, number>> {
  const [counts] = await db.query<Counts>({
    name: 'account-summary',
    text: `
      select count(*) filter (where kind = 'user')::int as users,
        count(*) filter (where kind = 'group')::int as groups,
        count(*) filter (where kind = 'role')::int as roles,
        (select count(*)::int from managed_policy where account_id = $1::text) as policies,
        (select count(*)::int from managed_policy_version join managed_policy using (policy_id)
          where account_id = $1::text) as versions,
        (select count(*)::int from oidc_provider where account_id = $1::text) as providers,
        (select count(*)::int from access_key
          where account_id = $1::text and principal_id = $1::text) as root_keys
      from principal where account_id = $1::text`,
    values: [accountId],
  });
  if (counts === undefined) throw new Error('an aggregate has no row');
  return {
    Users: counts.users,
    UsersQuota: quotas.UsersPerAccount,
    Groups: counts.groups,
    GroupsQuota: quotas.GroupsPerAccount,
    GroupsPerUserQuota: quotas.GroupsPerUser,
    AccessKeysPerUserQuota: quotas.AccessKeysPerUser,
    Roles: counts.roles,
    RolesQuota: quotas.RolesPerAccount,
    Policies: counts.policies,
    PoliciesQuota: quotas.PoliciesPerAccount,
    PolicyVersionsInUse: counts.versions,
    AttachedPoliciesPerUserQuota: quotas.PoliciesPerUser,
    AttachedPoliciesPerRoleQuota: quotas.PoliciesPerRole,
    AttachedPoliciesPerGroupQuota: quotas.PoliciesPerGroup,
    Providers: counts.providers,
    AccountAccessKeysPresent: counts.root_keys > 0 ? 1 : 0,
    ...constants,
  };
}

/** Sizes and numbers that Claviger holds policies to, and what IAM counts and Claviger has not. */
const constants = {
  UserPolicySizeQuota: 2048,
  GroupPolicySizeQuota: 5120,
  RolePolicySizeQuota: 10_240,
  AssumeRolePolicySizeQuota: 2048,
  PolicySizeQuota: 6144,
  VersionsPerPolicyQuota: 5,
  PolicyVersionsInUseQuota: 10_000,
  MFADevices: 0,
  MFADevicesInUse: 0,
  AccountMFAEnabled: 0,
  AccountPasswordPresent: 0,
  AccountSigningCertificatesPresent: 0,
  SigningCertificatesPerUserQuota: 2,
  ServerCertificates: 0,
  ServerCertificatesQuota: 20,
  InstanceProfiles: 0,
  InstanceProfilesQuota: 1000,
  GlobalEndpointTokenVersion: 2,
} as const;
