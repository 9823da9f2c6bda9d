import { type Pattern, matchesPattern } from '../policy/wildcard';
import { type Principal, databaseId } from '../policy/principal';
import type { Group } from './groups';

/** Requests a second by group; of a group that is not there, as many as come. */
export type GroupRates = ReadonlyMap<Group, number>;

export interface RateLimits {
  /** The first that matches a principal's ARN decides. */
  readonly rules: readonly { readonly arns: readonly Pattern[]; readonly rates: GroupRates }[];
  /** Of every other principal. */
  readonly others: GroupRates;
}

/**
 * Whose requests are counted together. All sessions of a role are one: whoever may assume it could make as many as it likes.
 * What a service does for a principal is the principal's, and so is what comes with an API token.
 */
export function counterOf(caller: Principal): string {
  return databaseId(caller);
}

/** The ARN that rules match: of a role's session the role's. */
export function countedArn(caller: Principal): string {
  return caller.session?.role?.arn ?? caller.arn;
}

export function ratesOf({ rules, others }: RateLimits, arn: string): GroupRates {
  const rule = rules.find(({ arns }) => arns.some((pattern) => matchesPattern(pattern, arn)));
  return rule?.rates ?? others;
}
