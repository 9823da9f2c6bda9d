import { compileIdentityPolicy, compileKeyPolicy } from '../../../src/policy/compile';
import type { PolicyAnswer, PolicyQuestion, PrincipalNames } from '../../../src/policy/policy';
import { type Case, type Document, keyArn, rootArn } from './cases';
import type { Verdict } from './judge';

const place = { partition: 'aws', region: 'us-east-1' };

/** What our evaluator says, in the judge's words. */
export function ours(one: Case): Verdict {
  const context = new Map(Object.entries(one.context).map(([k, v]) => [k.toLowerCase(), v]));
  const question: PolicyQuestion = {
    action: one.action.toLowerCase(),
    resource: one.resource,
    context: { get: (key) => context.get(key) },
  };
  const names: PrincipalNames = {
    ...{ caller: [one.caller.arn], role: one.caller.role, account: rootArn(one.caller.account) },
    ...{ uniqueId: undefined, service: undefined, federated: undefined },
    bounded: one.boundary !== undefined,
  };
  return {
    identity: layer(one.identity, question) ?? 'ImplicitlyDenied',
    boundary: layer(one.boundary && [one.boundary], question) ?? 'none',
    session: layer(one.session && [one.session], question) ?? 'none',
    key: keyWords(compileKeyPolicy(JSON.stringify(one.key), place, keyArn).ask(question, names)),
  };
}

function layer(
  documents: readonly Document[] | undefined,
  question: PolicyQuestion,
): string | undefined {
  const answers = documents?.map((text) =>
    compileIdentityPolicy(JSON.stringify(text)).ask(question),
  );
  if (answers === undefined) return undefined;
  if (answers.some(({ denied }) => denied)) return 'ExplicitlyDenied';
  return answers.some(({ allowed }) => allowed !== 'none') ? 'Allowed' : 'ImplicitlyDenied';
}

const words = {
  none: 'ImplicitlyDenied',
  account: 'AllowedForAccount',
  role: 'Allowed',
  caller: 'Allowed',
} as const;

function keyWords({ denied, allowed }: PolicyAnswer): string {
  return denied ? 'ExplicitlyDenied' : words[allowed];
}
