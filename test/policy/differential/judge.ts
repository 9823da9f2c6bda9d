import { runSimulation } from '@cloud-copilot/iam-simulate';
import { type Case, accountId } from './cases';

/** What an independent evaluator says: of each kind of policy, and of all together. */
export interface Verdict {
  readonly identity: string;
  readonly boundary: string;
  readonly session: string;
  readonly key: string;
  readonly overall: string;
}

const named = (policies: Case['identity']): { name: string; policy: unknown }[] =>
  policies.map((policy, i) => ({ name: `policy-${i}`, policy }));

export async function judge({
  caller,
  action,
  resource,
  context,
  ...policies
}: Case): Promise<Verdict> {
  const { boundary, session } = policies;
  const answer = await runSimulation(
    {
      request: {
        principal: caller.arn,
        action,
        resource: { resource, accountId },
        contextVariables: context,
      },
      identityPolicies: named(policies.identity),
      ...(boundary && { permissionBoundaryPolicies: named([boundary]) }),
      sessionPolicy: session,
      resourcePolicy: policies.key,
      serviceControlPolicies: [],
      resourceControlPolicies: [],
    },
    {},
  );
  if (answer.resultType !== 'single') throw new Error(JSON.stringify(answer));
  const { analysis, ignoredContextKeys = [] } = answer.result;
  if (ignoredContextKeys.length > 0) throw new Error(`ignored: ${ignoredContextKeys.join()}`);
  return {
    identity: analysis.identityAnalysis?.result ?? 'none',
    boundary: analysis.permissionBoundaryAnalysis?.result ?? 'none',
    session: analysis.sessionAnalysis?.result ?? 'none',
    // A Deny of the account denies whoever is in it (kms-semantics §6.5).
    key: (analysis.resourceAnalysis?.result ?? 'none').replace(
      'DeniedForAccount',
      'ExplicitlyDenied',
    ),
    overall: analysis.result,
  };
}
