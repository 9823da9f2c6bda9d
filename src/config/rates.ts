import { isServiceName } from '../iam/services';
import { parsePattern } from '../policy/wildcard';
import { type Group, awsRates } from '../request-rates/groups';
import type { GroupRates, RateLimits } from '../request-rates/limits';
import { faultOf, readJsonFile } from './json-file';

type Preset = 'aws' | 'unlimited';

interface RatesEntry {
  /** What `groups` changes: AWS's rates, or none. Of a rule, by default what holds for everyone. */
  readonly preset?: Preset;
  readonly groups?: Readonly<Partial<Record<Group, number | 'unlimited'>>>;
}

interface RuleEntry extends RatesEntry {
  readonly principals: readonly string[];
}

interface Entries extends RatesEntry {
  readonly rules?: readonly RuleEntry[];
}

/** Requests a second: from one in a quarter of an hour to more than any token serves. */
const [least, most] = [0.001, 1_000_000] as const;

const ofGroups = {
  preset: { enum: ['aws', 'unlimited'] },
  groups: {
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries([...awsRates.keys()].map((group) => [group, {}])),
  },
} as const;

const schema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    ...ofGroups,
    rules: {
      type: 'array',
      // Each is tried, once for every principal that calls.
      maxItems: 256,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['principals'],
        // One of the others, or it says nothing.
        minProperties: 2,
        properties: {
          ...ofGroups,
          principals: {
            type: 'array',
            minItems: 1,
            maxItems: 256,
            items: { type: 'string', minLength: 1, maxLength: 2048 },
          },
        },
      },
    },
  },
} as const;

const presets: Readonly<Record<Preset, GroupRates>> = { aws: awsRates, unlimited: new Map() };

/**
 * Reads the file of request rates. Throws ConfigError that names the file and every fault's place in it by JSON pointer.
 */
export function readRateLimits(variable: string, file: string): RateLimits {
  const fault = faultOf(variable, file);
  const { rules = [], ...everyone } = readJsonFile(file, schema, fault) as Entries;
  const faults = [...faultsOfGroups(everyone, ''), ...rules.flatMap(faultsOfRule)];
  if (faults.length > 0) throw fault(faults.join('; '));
  const others = ratesOf(everyone, presets.unlimited);
  return {
    rules: rules.map((rule) => ({
      arns: rule.principals.map(parsePattern),
      rates: ratesOf(rule, others),
    })),
    others,
  };
}

function ratesOf({ preset, groups = {} }: RatesEntry, byDefault: GroupRates): GroupRates {
  const rates = new Map(preset === undefined ? byDefault : presets[preset]);
  for (const [group, perSecond] of Object.entries(groups) as [Group, number | 'unlimited'][]) {
    if (perSecond === 'unlimited') rates.delete(group);
    else rates.set(group, perSecond);
  }
  return rates;
}

function faultsOfRule(rule: RuleEntry, index: number): string[] {
  const at = `/rules/${index}`;
  const ofPrincipals = rule.principals.flatMap((pattern, place) => {
    const fault = faultOfPrincipal(pattern);
    return fault === undefined ? [] : [`${at}/principals/${place} ${fault}`];
  });
  return [...faultsOfGroups(rule, at), ...ofPrincipals];
}

function faultsOfGroups({ groups = {} }: RatesEntry, at: string): string[] {
  return Object.entries<unknown>(groups)
    .filter(([, rate]) => rate !== 'unlimited' && !isRate(rate))
    .map(
      ([group]) =>
        `${at}/groups/${group} must be a number from ${least} to ${most}, or 'unlimited'`,
    );
}

function isRate(value: unknown): boolean {
  return typeof value === 'number' && value >= least && value <= most;
}

/** A pattern that can match no principal is a mistake, and one that nobody would notice. */
function faultOfPrincipal(pattern: string): string | undefined {
  if (/:(assumed-role|federated-user)\//.test(pattern)) {
    return 'must be the ARN of the role: its sessions count together';
  }
  return couldBePrincipal(pattern) ? undefined : 'must be the ARN of a principal, or a pattern';
}

/** An IAM ARN as far as it is written out before a wildcard, a service's name, or what may become either. */
function couldBePrincipal(pattern: string): boolean {
  return isServiceName(pattern) || /^(arn:([^:]*\*|[^:]+:(\*|iam:))|[^:]*\*)/.test(pattern);
}
