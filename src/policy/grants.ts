import type { Grant } from '../keys/grants';
import type { GrantConstraints, GrantOperation } from '../shapes/kms.generated';
import type { PolicyAnswer, PrincipalMatch, PrincipalNames, ResourcePolicy } from './policy';

type Pairs = Readonly<Record<string, string>>;

/** What a grant allows, whomever it allows it to. */
export type GrantScope = Pick<Grant, 'operations' | 'constraints'>;

/** What grants are asked. */
export interface GrantQuestion {
  /** `kms:<Operation>`. */
  readonly action: string;
  /** That of the request; absent is empty. */
  readonly encryptionContext?: Pairs | undefined;
  /** aws:SourceArn: the resource on whose behalf a service calls. Never what any other caller says of itself. */
  readonly sourceArn?: string | undefined;
  /** Of CreateGrant: the grant to be created. */
  readonly child?: GrantScope | undefined;
}

const noPairs: Pairs = {};

/**
 * Operations without an encryption context, on which its constraints are not held (kms-semantics §7.3). A child of the
 * grant is held to them instead.
 */
const withoutContext: ReadonlySet<string> = new Set<GrantOperation>([
  'CreateGrant',
  'DescribeKey',
  'GetPublicKey',
]);

/**
 * Does a grant allow its grantee the operation? Default is no. RetireGrant is not asked here: a grant that lists it lets
 * its grantee retire this one grant and no other (mayRetire).
 */
export function grantAllows(grant: GrantScope, question: GrantQuestion): boolean {
  const { operations, constraints = {} } = grant;
  const operation = operationOf(question.action);
  if (!isGrantable(question.action) || !operations.some((listed) => listed === operation)) {
    return false;
  }
  if (constraints.SourceArn !== undefined && constraints.SourceArn !== question.sourceArn) {
    return false;
  }
  if (operation === 'CreateGrant') {
    return question.child !== undefined && allowsChild(grant, question.child);
  }
  const context = question.encryptionContext ?? noPairs;
  return withoutContext.has(operation) || contextMeets(constraints, context);
}

/** Every operation that the child lists the parent has, and the child's constraints are as strict (kms-semantics §7.5). */
export function allowsChild(parent: GrantScope, child: GrantScope): boolean {
  return (
    child.operations.every((operation) => parent.operations.includes(operation)) &&
    isAsStrict(parent.constraints ?? {}, child.constraints ?? {})
  );
}

/** The principals whose grants are the caller's: itself, its role, its account. */
export function granteeNames(names: PrincipalNames): readonly string[] {
  const { caller, role, account, service } = names;
  const all = [...caller, role, account, service];
  return [...new Set(all.filter((name) => name !== undefined))];
}

/**
 * The nearest way in which any of the grants allows it. A grant to an account is a delegation, as a key policy's
 * statement is: identity policies must allow the action too, to all but its root.
 */
export function askGrants(
  grants: readonly Grant[],
  question: GrantQuestion,
  names: PrincipalNames,
): PrincipalMatch {
  let best: PrincipalMatch = 'none';
  for (const grant of grants) {
    const match = nearer(matchOf(grant.grantee, names), best);
    if (match !== best && grantAllows(grant, question)) best = match;
    if (best === 'caller') break;
  }
  return best;
}

/**
 * Who may retire a grant (kms-semantics §7.5): its retiring principal; its grantee, when it lists RetireGrant; the root
 * of the account that issued it. `account` is a member of an account of these, whose identity policies must allow
 * kms:RetireGrant.
 */
export function mayRetire(grant: Grant, names: PrincipalNames): PrincipalMatch {
  let best = matchOf(grant.retiringPrincipal, names);
  if (grant.operations.includes('RetireGrant')) best = nearer(matchOf(grant.grantee, names), best);
  const issuedByOwn = names.account?.endsWith(`::${grant.issuingAccount}:root`) === true;
  return issuedByOwn ? nearer(matchOf(names.account, names), best) : best;
}

/** A grant's word on its own retirement, in the form in which a resource's policy has its word. It never denies. */
export function retirement(grant: Grant): ResourcePolicy {
  return {
    text: '',
    principals: [],
    ask: (_question, names): PolicyAnswer => ({ denied: false, allowed: mayRetire(grant, names) }),
  };
}

/** Can any grant allow the action? Where none can, none is looked for. */
export function isGrantable(action: string): boolean {
  return grantable.has(operationOf(action));
}

const grantable: ReadonlySet<string> = new Set<Exclude<GrantOperation, 'RetireGrant'>>([
  'CreateGrant',
  'Decapsulate',
  'Decrypt',
  'DeriveSharedSecret',
  'DescribeKey',
  'Encapsulate',
  'Encrypt',
  'GenerateDataKey',
  'GenerateDataKeyPair',
  'GenerateDataKeyPairWithoutPlaintext',
  'GenerateDataKeyWithoutPlaintext',
  'GenerateMac',
  'GetPublicKey',
  'ReEncryptFrom',
  'ReEncryptTo',
  'Sign',
  'Verify',
  'VerifyMac',
]);

function operationOf(action: string): string {
  return action.slice(action.indexOf(':') + 1);
}

function contextMeets(constraints: GrantConstraints, context: Pairs): boolean {
  const { EncryptionContextEquals: equals, EncryptionContextSubset: subset } = constraints;
  return (
    (equals === undefined || (includes(context, equals) && includes(equals, context))) &&
    (subset === undefined || includes(context, subset))
  );
}

/** What meets the child's constraints meets the parent's. */
function isAsStrict(parent: GrantConstraints, child: GrantConstraints): boolean {
  if (parent.SourceArn !== undefined && child.SourceArn !== parent.SourceArn) return false;
  const { EncryptionContextEquals: equals, EncryptionContextSubset: subset } = child;
  if (equals !== undefined) return contextMeets(parent, equals);
  if (parent.EncryptionContextEquals !== undefined) return false;
  const required = parent.EncryptionContextSubset;
  return required === undefined || (subset !== undefined && includes(subset, required));
}

/** Keys and values compare exactly: the guide's word against the API model's (kms-semantics §7.3). */
function includes(all: Pairs, some: Pairs): boolean {
  return Object.keys(some).every((key) => Object.hasOwn(all, key) && all[key] === some[key]);
}

const nearness = ['none', 'account', 'role', 'caller'] as const satisfies readonly PrincipalMatch[];

function nearer(one: PrincipalMatch, other: PrincipalMatch): PrincipalMatch {
  return nearness.indexOf(one) > nearness.indexOf(other) ? one : other;
}

function matchOf(principal: string | undefined, names: PrincipalNames): PrincipalMatch {
  if (principal === undefined) return 'none';
  if (names.caller.includes(principal) || principal === names.service) return 'caller';
  if (principal === names.role) return 'role';
  return principal === names.account ? 'account' : 'none';
}
