import { KmsError } from '../errors';

/** How many there may be; fewer than there are already refuses new ones alone (kms-semantics §17.1). */
export interface Limits {
  /** Customer managed keys, in whatever state. */
  readonly keysPerAccount: number;
  readonly aliasesPerKey: number;
  readonly grantsPerKey: number;
  /** Answers of GetParametersForImport that have not expired: each is a pair of keys in the token. */
  readonly importParametersPerAccount: number;
  readonly customKeyStoresPerAccount: number;
  /** Those that have not expired; of a role all of its sessions'. */
  readonly apiTokensPerPrincipal: number;
  readonly keyPolicyBytes: number;
}

/** As AWS calls them in its refusals. */
const quotas = {
  keysPerAccount: 'Key',
  aliasesPerKey: 'Aliases per key',
  grantsPerKey: 'Grants per key',
  importParametersPerAccount: 'Import parameters',
  customKeyStoresPerAccount: 'Custom key stores',
  apiTokensPerPrincipal: 'API tokens per principal',
} as const satisfies Partial<Record<keyof Limits, string>>;

/** LimitExceededException when there are as many as there may be. The caller holds what keeps the number as it is. */
export function requireRoom(limits: Limits, name: keyof typeof quotas, current: number): void {
  const limit = limits[name];
  if (current < limit) return;
  throw new KmsError(
    'LimitExceededException',
    `${quotas[name]} quota for this account in this region is ${limit}, current usage is ${current}.`,
  );
}
