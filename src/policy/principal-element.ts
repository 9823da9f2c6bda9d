import { type Place, accountRootArn } from '../keys/identifiers';
import { type JsonValue, isList, isObject } from './json';
import { PolicyError, type PrincipalMatch, type PrincipalNames } from './policy';

/** A Principal or NotPrincipal element, compiled (kms-semantics §6.5). */
export interface PrincipalElement {
  /** ARNs and unique ids under AWS, account ids as root ARNs; without `*`. */
  readonly aws: ReadonlySet<string>;
  readonly services: ReadonlySet<string>;
  readonly federated: ReadonlySet<string>;
  match(names: PrincipalNames): PrincipalMatch;
}

export interface ElementOptions {
  readonly place: Place;
  readonly deny: boolean;
  /** The element is NotPrincipal. */
  readonly not: boolean;
}

interface Named {
  readonly everyone: boolean;
  readonly aws: ReadonlySet<string>;
  readonly services: ReadonlySet<string>;
  readonly federated: ReadonlySet<string>;
}

const accountId = /^[0-9]{12}$/;
/** Of a user or role that was deleted, or of a session of it: its ARN is not given to a new one of the same name. */
const uniqueId = /^A(IDA|ROA)[A-Z0-9]{12,124}(:[\w+=,.@-]+)?$/;
/** Paths may hold any visible ASCII; `*` and `?` would read as wildcards, which principals cannot have. */
const principalArn =
  /^arn:[a-z0-9-]+:(iam::[0-9]{12}:(root|(user|role)\/([!-)+->@-~]+\/)?[\w+=,.@-]+)|sts::[0-9]{12}:(assumed-role\/[\w+=,.@-]+|federated-user)\/[\w+=,.@-]+)$/;
const serviceName = /^[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+$/i;
const federatedName =
  /^(arn:[a-z0-9-]+:iam::[0-9]{12}:(oidc|saml)-provider\/[!-~]{1,512}|[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+)$/i;

/** Kinds of principals: what a value must look like, and as what it is kept. */
const kinds: ReadonlyMap<string, (value: string, place: Place) => string> = new Map([
  ['AWS', awsPrincipal],
  ['Service', matching('Service', serviceName)],
  ['Federated', matching('Federated', federatedName)],
  // Only S3 has such callers, so that nobody here is one.
  ['CanonicalUser', matching('CanonicalUser', /^[0-9a-f]{64}$/i)],
]);

/** Throws PolicyError for what cannot be a principal. */
export function compilePrincipal(
  value: JsonValue,
  { place, deny, not }: ElementOptions,
): PrincipalElement {
  const named = readNamed(value, place);
  const { aws, services, federated } = named;
  if (!not) return { aws, services, federated, match: (names) => nearest(named, names) };
  // Whoever is not wholly excepted is denied; whoever is named at all is not allowed.
  const excepted = deny
    ? (names: PrincipalNames) => isExcepted(named, names)
    : (names: PrincipalNames) => nearest(named, names) !== 'none';
  const match = (names: PrincipalNames) => (excepted(names) ? 'none' : 'caller');
  return { aws, services, federated, match };
}

function nearest(
  { everyone, aws, services, federated }: Named,
  names: PrincipalNames,
): PrincipalMatch {
  if (everyone || includesAny(aws, names.caller)) return 'caller';
  if (has(services, names.service) || has(federated, names.federated)) return 'caller';
  if (has(aws, names.uniqueId)) return names.role === undefined ? 'caller' : 'role';
  if (has(aws, names.role)) return 'role';
  return has(aws, names.account) ? 'account' : 'none';
}

/**
 * NotPrincipal with Deny is asked of the account first, then of the role, then of the session (IAM User Guide,
 * "NotPrincipal"): a caller is excepted only when each of them is.
 */
function isExcepted({ everyone, aws, services, federated }: Named, names: PrincipalNames): boolean {
  if (names.bounded === true) return false;
  if (everyone || has(services, names.service) || has(federated, names.federated)) return true;
  if (!has(aws, names.account)) return false;
  if (names.role !== undefined && !has(aws, names.role)) return false;
  // A root is its account and has no other name.
  return names.caller.length === 0 || includesAny(aws, names.caller);
}

function has(set: ReadonlySet<string>, name: string | undefined): boolean {
  return name !== undefined && set.has(name);
}

function includesAny(set: ReadonlySet<string>, names: readonly string[]): boolean {
  for (const name of names) if (set.has(name)) return true;
  return false;
}

function readNamed(value: JsonValue, place: Place): Named {
  const byKind = new Map<string, readonly string[]>();
  if (value === '*') {
    byKind.set('AWS', ['*']);
  } else if (isObject(value) && value.size > 0) {
    for (const [kind, principals] of value) {
      const read = kinds.get(kind);
      if (read === undefined) throw new PolicyError('syntax', 'Syntax errors in policy.');
      byKind.set(
        kind,
        texts(principals).map((principal) => read(principal, place)),
      );
    }
  } else {
    throw new PolicyError('syntax', 'Syntax errors in policy.');
  }
  const aws = byKind.get('AWS') ?? [];
  return {
    everyone: aws.includes('*'),
    aws: new Set(aws.filter((name) => name !== '*')),
    services: new Set(byKind.get('Service')),
    federated: new Set(byKind.get('Federated')),
  };
}

function texts(value: JsonValue): readonly string[] {
  const list = isList(value) ? value : [value];
  if (list.length === 0 || !list.every((one) => typeof one === 'string')) {
    throw new PolicyError('syntax', 'Syntax errors in policy.');
  }
  return list;
}

/** A bare account id means the account's root, as AWS stores it. */
export function normalisePrincipal(value: string, place: Place): string {
  return accountId.test(value) ? accountRootArn(place, value) : value;
}

function awsPrincipal(value: string, place: Place): string {
  const name = normalisePrincipal(value, place);
  if (name === '*' || uniqueId.test(name) || principalArn.test(name)) return name;
  throw invalid(name.startsWith('arn:') ? 'arn' : 'principal', 'AWS', value);
}

function matching(kind: string, form: RegExp): (value: string) => string {
  return (value) => {
    if (form.test(value)) return value;
    throw invalid(value.startsWith('arn:') ? 'arn' : 'principal', kind, value);
  };
}

function invalid(fault: 'arn' | 'principal', kind: string, value: string): PolicyError {
  return new PolicyError(fault, `Invalid principal in policy: "${kind.toUpperCase()}":"${value}"`);
}
