import { KmsError } from '../errors';

/** IAM's quotas, as its errors name them. Those that an account may raise are at their defaults or maxima of 2026. */
export const quotas = {
  UsersPerAccount: 5000,
  GroupsPerAccount: 300,
  GroupsPerUser: 10,
  AccessKeysPerUser: 2,
  RolesPerAccount: 1000,
  PoliciesPerAccount: 1500,
  PoliciesPerUser: 10,
  PoliciesPerRole: 10,
  PoliciesPerGroup: 10,
  // Characters of a managed policy's and of a trust policy's document.
  PolicySize: 6144,
  ACLSizePerRole: 2048,
  ClientIdsPerOpenIdConnectProvider: 100,
  OpenIdConnectProvidersPerAccount: 100,
  TagsPerUser: 50,
  TagsPerRole: 50,
  TagsPerPolicy: 50,
  TagsPerOpenIDConnectProvider: 50,
} as const satisfies Record<string, number>;

export type Quota = keyof typeof quotas;

/** Throws LimitExceeded when there are more than the quota. The caller holds a lock under which the count stands. */
export function requireQuota(quota: Quota, count: number): void {
  if (count > quotas[quota]) {
    throw new KmsError('LimitExceeded', `Cannot exceed quota for ${quota}: ${quotas[quota]}`);
  }
}
