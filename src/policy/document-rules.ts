import type { Choice, PolicyDocument, Statement } from './document-grammar';
import { PolicyError } from './policy';

/** What a kind of policy demands beyond the grammar, checked in IAM's order. */
export type DocumentRule = (document: PolicyDocument) => void;

const vendor = /^[a-zA-Z0-9.-]+$/;
const sidForm = /^[0-9A-Za-z]*$/;
const arnForm = /^arn:/;

/** What the first statement that is at fault is told. */
type Fault = (statement: Statement) => string | undefined;

const noPrincipal: Fault = ({ principal }) =>
  principal && 'Policy document should not specify a principal.';

const sidText: Fault = ({ sid = '' }) =>
  sidForm.test(sid)
    ? undefined
    : 'Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*';

const someAction: Fault = ({ action }) =>
  isEmpty(action) ? 'Policy statement must contain actions.' : undefined;

const someResource: Fault = ({ resource }) =>
  isEmpty(resource) ? 'Policy statement must contain resources.' : undefined;

const resourcesAreArns: Fault = ({ resource }) => {
  const bad = resource?.values.find((value) => value !== '*' && !arnForm.test(value));
  if (bad !== undefined) return `Resource ${bad} must be in ARN format or "*".`;
  const vague = resource?.values.find(
    (value) => value !== '*' && !vendor.test(value.split(':', 3)[2] ?? ''),
  );
  return vague && 'Resource vendor must be fully qualified and cannot contain regexes.';
};

const actionsHaveVendors: Fault = ({ action }) => {
  for (const value of action?.values ?? []) {
    const [service = '', name, ...more] = value.split(':', 3);
    if (value === '*') continue;
    if (name === undefined) {
      return 'Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.';
    }
    if (more.length > 0) return 'Actions/Condition can contain only one colon.';
    if (!vendor.test(service)) return `Vendor ${service} is not valid`;
  }
  return undefined;
};

const somePrincipal: Fault = ({ principal }) =>
  principal ? undefined : 'Missing required field Principal';

const noNotPrincipal: Fault = ({ principal }) =>
  principal?.not === true ? 'AssumeRole policy must not contain NotPrincipal field.' : undefined;

const noResource: Fault = ({ resource }) =>
  resource &&
  (resource.not
    ? 'AssumeRole policy must not contain resources.'
    : 'Has prohibited field Resource');

const someTrustAction: Fault = ({ action }) =>
  isEmpty(action) ? 'Missing required field Action' : undefined;

const stsActions: Fault = ({ action }) =>
  action?.values.every((value) => /^sts:/i.test(value)) === true
    ? undefined
    : 'AssumeRole policy may only specify STS AssumeRole actions.';

/** A list that is there says something: of a key policy, what is left out is inert and what is empty is a fault. */
const noEmptyLists: Fault = ({ action, resource }) =>
  action?.values.length === 0 || resource?.values.length === 0
    ? 'Syntax errors in policy.'
    : undefined;

export const identityRules: readonly DocumentRule[] = [
  noStatement(noPrincipal),
  noStatement(sidText),
  uniqueSids,
  noStatement(someAction),
  noStatement(someResource),
  noStatement(resourcesAreArns),
  noStatement(actionsHaveVendors),
];

export const keyRules: readonly DocumentRule[] = [
  noStatement(({ principal }) => (principal ? undefined : 'Syntax errors in policy.')),
  noStatement(noEmptyLists),
];

export const trustRules: readonly DocumentRule[] = [
  noStatement(noResource),
  noStatement(somePrincipal),
  noStatement(noNotPrincipal),
  noStatement(sidText),
  uniqueSids,
  noStatement(someTrustAction),
  noStatement(stsActions),
  noStatement(actionsHaveVendors),
];

/** Managed policies; inline policies and session policies may be older. */
export const newestVersion: DocumentRule = ({ version }) => {
  if (version === '2012-10-17') return;
  throw new PolicyError('syntax', 'Policy document must be version 2012-10-17 or greater.');
};

function noStatement(fault: Fault): DocumentRule {
  return ({ statements }) => {
    for (const statement of statements) {
      const message = fault(statement);
      if (message !== undefined) throw new PolicyError('syntax', message);
    }
  };
}

function uniqueSids({ statements }: PolicyDocument): void {
  const sids = statements.map(({ sid }) => sid).filter((sid) => sid !== undefined && sid !== '');
  if (new Set(sids).size === sids.length) return;
  throw new PolicyError('syntax', 'Statement IDs (SID) in a single policy must be unique.');
}

function isEmpty(choice: Choice | undefined): boolean {
  return choice === undefined || choice.values.length === 0;
}
