import type { Place } from '../keys/identifiers';
import { type Requirement, compileConditions } from './conditions';
import { type Choice, type PolicyDocument, type Statement, readDocument } from './document-grammar';
import {
  type DocumentRule,
  identityRules,
  keyRules,
  newestVersion,
  trustRules,
} from './document-rules';
import type {
  Context,
  Policy,
  PolicyAnswer,
  PolicyQuestion,
  PrincipalMatch,
  ResourcePolicy,
  TrustPolicy,
} from './policy';
import { type PrincipalElement, compilePrincipal } from './principal-element';
import {
  type Template,
  compileTemplate,
  hasVariables,
  parseTemplate,
  resolveText,
} from './template';
import { matchesPattern, parsePattern } from './wildcard';

export { defaultKeyPolicy, formatPolicy } from './format';

/** A statement, compiled: what is cheap to ask comes first. */
interface Rule {
  readonly deny: boolean;
  readonly action: (action: string) => boolean;
  readonly resource: (resource: string, context: Context) => boolean;
  readonly principal: PrincipalElement | undefined;
  readonly conditions: readonly Requirement[];
}

/** From afar to near. */
const nearness: readonly PrincipalMatch[] = ['none', 'account', 'role', 'caller'];
const answers = [false, true].map((denied) => nearness.map((allowed) => ({ denied, allowed })));

/** A policy of a user, group, role or session, or a permissions boundary. Throws PolicyError. */
export function compileIdentityPolicy(text: string): Policy {
  return identityPolicy(text, identityRules);
}

/** As compileIdentityPolicy: IAM takes managed policies of the newest version only. */
export function compileManagedPolicy(text: string): Policy {
  return identityPolicy(text, [newestVersion, ...identityRules]);
}

/**
 * A key policy. It is asked about its own key only, which `*` is; nothing in it depends on which that is, so that keys may
 * share it. Throws PolicyError.
 */
export function compileKeyPolicy(text: string, place: Place): ResourcePolicy {
  return resourcePolicy(readChecked(text, keyRules), { text, place, isKey: true });
}

/** Who may assume a role. Throws PolicyError. */
export function compileTrustPolicy(text: string, place: Place): TrustPolicy {
  return resourcePolicy(readChecked(text, trustRules), { text, place, isKey: false });
}

function identityPolicy(text: string, checks: readonly DocumentRule[]): Policy {
  const document = readChecked(text, checks);
  const rules = document.statements.map((statement) => ({
    ...compileStatement(document, statement, { vendorOfKeys: true, refuseOverlyPermissive: false }),
    principal: undefined,
  }));
  return { text, ask: (question) => ask(rules, question, () => 'caller') };
}

function resourcePolicy(
  document: PolicyDocument,
  { text, place, isKey }: { text: string; place: Place; isKey: boolean },
): TrustPolicy {
  const all = document.statements.map((statement) => ({
    ...compileStatement(
      document,
      // A role's trust policy is about the role: it names no resource and means its own.
      isKey ? statement : { ...statement, resource: { not: false, values: ['*'] } },
      { vendorOfKeys: !isKey, refuseOverlyPermissive: isKey },
    ),
    principal: compilePrincipal(statement.principal?.value ?? '', {
      place,
      deny: statement.deny,
      not: statement.principal?.not ?? false,
    }),
    inert: statement.action === undefined || (isKey && statement.resource === undefined),
  }));
  const rules = all.filter(({ inert }) => !inert);
  return {
    text,
    principals: unique(all.flatMap(({ principal }) => [...principal.aws])),
    services: unique(all.flatMap(({ principal }) => [...principal.services])),
    federated: unique(all.flatMap(({ principal }) => [...principal.federated])),
    ask: (question, names) =>
      ask(rules, question, ({ principal }) => principal?.match(names) ?? 'none'),
  };
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)];
}

function readChecked(text: string, checks: readonly DocumentRule[]): PolicyDocument {
  const document = readDocument(text);
  for (const check of checks) check(document);
  return document;
}

/** Every statement is looked at: an explicit deny counts wherever it stands. */
function ask(
  rules: readonly Rule[],
  { action, resource, context }: PolicyQuestion,
  principalOf: (rule: Rule) => PrincipalMatch,
): PolicyAnswer {
  let denied = 0;
  let allowed = 0;
  for (const rule of rules) {
    if (!rule.action(action)) continue;
    const match = nearness.indexOf(principalOf(rule));
    // What is allowed already cannot be allowed more by a statement that is no nearer.
    if (match === 0 || (rule.deny ? denied === 1 : match <= allowed)) continue;
    if (!rule.resource(resource, context) || !holds(rule.conditions, context)) continue;
    if (rule.deny) denied = 1;
    else allowed = match;
  }
  return answers[denied]?.[allowed] ?? { denied: true, allowed: 'none' };
}

function holds(conditions: readonly Requirement[], context: Context): boolean {
  for (const condition of conditions) if (!condition(context)) return false;
  return true;
}

function compileStatement(
  { version }: PolicyDocument,
  { deny, action, resource, condition }: Statement,
  rules: { readonly vendorOfKeys: boolean; readonly refuseOverlyPermissive: boolean },
): Omit<Rule, 'principal'> {
  const variables = version === '2012-10-17';
  return {
    deny,
    action: compileActions(action ?? { not: false, values: [] }),
    resource: compileResources(resource ?? { not: false, values: [] }, { variables, deny }),
    conditions: compileConditions(condition, { variables, ...rules }),
  };
}

/** Actions compare without case, and have no variables. */
function compileActions({ not, values }: Choice): Rule['action'] {
  const lowered = values.map((value) => value.toLowerCase());
  if (lowered.includes('*')) return () => !not;
  const names = new Set(lowered.filter((value) => !/[*?]/.test(value)));
  const patterns = lowered.filter((value) => /[*?]/.test(value)).map(parsePattern);
  return (action) =>
    (names.has(action) || patterns.some((pattern) => matchesPattern(pattern, action))) !== not;
}

/**
 * The whole text of an ARN is matched (kms-semantics §6.6). A value whose variable has no value matches nothing; of
 * NotResource it would then let everything through, so that such a statement allows nothing.
 */
function compileResources(
  { not, values }: Choice,
  { variables, deny }: { variables: boolean; deny: boolean },
): Rule['resource'] {
  const templates = values.map((value) => parseTemplate(value, { variables, wildcards: true }));
  const tests = templates.map(compileTemplate);
  const matches: Rule['resource'] = (resource, context) =>
    tests.some((test) => test(resource, context));
  if (!not) return matches;
  const variable = templates.filter(hasVariables).map(literally);
  return (resource, context) =>
    !matches(resource, context) &&
    (deny || variable.every((template) => resolveText(template, context) !== undefined));
}

/** The template without its wildcards: what has to have a value in it. */
function literally(template: Template): Template {
  return template.filter((piece) => !('wildcard' in piece));
}
