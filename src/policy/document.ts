import { KmsError } from '../errors';
import { accountRootArn, type Place } from '../keys/identifiers';
import type { Principal } from './principal';
import { matchesWildcard } from './wildcard';

/** What a key policy alone says of a caller and an action (kms-semantics §6.3). */
export type PolicyDecision = 'explicit-deny' | 'allow' | 'delegated' | 'none';

/** A key policy, read and compiled once. */
export interface KeyPolicy {
  readonly text: string;
  /** Principal ARNs that the document names; `*` is none of them. */
  readonly principals: readonly string[];
  /** `action` is `kms:<Operation>`. */
  decide(caller: Principal, action: string): PolicyDecision;
}

interface Statement {
  readonly deny: boolean;
  readonly everyone: boolean;
  readonly principals: ReadonlySet<string>;
  /** In lower case, with wildcards. */
  readonly actions: readonly string[];
}

/** Key policies are at most 32 KiB (kms-semantics §6.2). */
const maxPolicyBytes = 32_768;
const documentMembers = new Set(['Version', 'Id', 'Statement']);
const statementMembers = new Set(['Sid', 'Effect', 'Principal', 'Action', 'Resource']);
const principalArn =
  /^arn:[^:]+:(iam|sts)::([0-9]{12}):(root|(user|role|assumed-role|federated-user)\/[\w+=,.@/-]+)$/;

/** The one-statement policy of a key made without one (kms-semantics §6.1), in AWS's layout. */
export function defaultKeyPolicy(place: Place, accountId: string): string {
  return `{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "${accountRootArn(place, accountId)}"
    },
    "Action" : "kms:*",
    "Resource" : "*"
  } ]
}`;
}

/**
 * Compiles a key policy for the key with `keyArn`. Throws MalformedPolicyDocumentException, InvalidArnException or
 * LimitExceededException as kms-semantics §6.2. What this engine does not evaluate yet (Condition, NotPrincipal,
 * NotAction, NotResource, principals that are no AWS principals) is refused, never ignored.
 */
export function compileKeyPolicy(text: string, place: Place, keyArn: string): KeyPolicy {
  if (Buffer.byteLength(text) > maxPolicyBytes) {
    throw new KmsError('LimitExceededException', 'The key policy is larger than 32768 bytes.');
  }
  const document = parseObject(text);
  if (Object.keys(document).some((member) => !documentMembers.has(member))) throw malformed();
  const version = document['Version'] ?? '2008-10-17';
  if (version !== '2012-10-17' && version !== '2008-10-17') throw malformed();
  const statements = listOf(document['Statement']).map((s) => compileStatement(s, place, keyArn));
  if (statements.length === 0) throw malformed();
  return {
    text,
    principals: [...new Set(statements.flatMap((s) => [...s.principals]))],
    decide: (caller, action) => decide(statements, place, { caller, action }),
  };
}

function decide(
  statements: readonly Statement[],
  place: Place,
  { caller, action }: { caller: Principal; action: string },
): PolicyDecision {
  const root = accountRootArn(place, caller.accountId);
  const lowered = action.toLowerCase();
  let decision: PolicyDecision = 'none';
  for (const statement of statements) {
    if (!statement.actions.some((pattern) => matchesWildcard(pattern, lowered))) continue;
    const named = statement.everyone || statement.principals.has(caller.arn);
    if (statement.deny) {
      // A Deny on the account denies everyone in it.
      if (named || statement.principals.has(root)) return 'explicit-deny';
    } else if (named) {
      decision = 'allow';
    } else if (decision === 'none' && statement.principals.has(root)) {
      decision = 'delegated';
    }
  }
  return decision;
}

function compileStatement(value: unknown, place: Place, keyArn: string): Statement {
  if (!isObject(value)) throw malformed();
  const unknown = Object.keys(value).find((member) => !statementMembers.has(member));
  if (unknown !== undefined) refuseMember(unknown);
  const effect = value['Effect'];
  if (effect !== 'Allow' && effect !== 'Deny') throw malformed();
  const names = principalNames(value['Principal']);
  const applies = listOf(value['Resource'] ?? []).some(
    (resource) => resource === '*' || resource === keyArn,
  );
  return {
    deny: effect === 'Deny',
    everyone: names.includes('*'),
    principals: new Set(names.filter((n) => n !== '*').map((n) => normalisePrincipal(n, place))),
    actions: applies ? listOf(value['Action'] ?? []).map(actionPattern) : [],
  };
}

const unsupportedMembers = new Set(['Condition', 'NotPrincipal', 'NotAction', 'NotResource']);

function refuseMember(member: string): never {
  if (!unsupportedMembers.has(member)) throw malformed();
  throw new KmsError(
    'UnsupportedOperationException',
    `Key policies with the element ${member} are not supported.`,
  );
}

function principalNames(value: unknown): string[] {
  if (value === '*') return ['*'];
  if (!isObject(value)) throw malformed();
  const other = Object.keys(value).find((kind) => kind !== 'AWS');
  if (other !== undefined) {
    throw new KmsError(
      'UnsupportedOperationException',
      'Key policies with principals other than AWS are not supported.',
    );
  }
  const names = listOf(value['AWS']);
  if (names.length === 0 || !names.every((name) => typeof name === 'string')) throw malformed();
  return names;
}

/** A bare account id means its root, as AWS stores it (kms-semantics §6.5). */
function normalisePrincipal(name: string, place: Place): string {
  if (/^[0-9]{12}$/.test(name)) return accountRootArn(place, name);
  if (name.startsWith('arn:') && !principalArn.test(name)) {
    throw new KmsError('InvalidArnException', 'An ARN in the specified key policy is invalid.');
  }
  if (!name.startsWith('arn:')) throw invalidPrincipals();
  return name;
}

/** Actions compare without case (kms-semantics §6.6). */
function actionPattern(value: unknown): string {
  if (typeof value !== 'string') throw malformed();
  return value.toLowerCase();
}

export function invalidPrincipals(): KmsError {
  return new KmsError(
    'MalformedPolicyDocumentException',
    'Policy contains a statement with one or more invalid principals.',
  );
}

function malformed(): KmsError {
  return new KmsError('MalformedPolicyDocumentException');
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new KmsError('MalformedPolicyDocumentException', '', { cause });
  }
  if (!isObject(value)) throw malformed();
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function listOf(value: unknown): unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}
