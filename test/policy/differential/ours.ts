import { compileIdentityPolicy, compileKeyPolicy } from '../../../src/policy/compile';
import { type Denial, decide, weigh } from '../../../src/policy/decide';
import { principalNames } from '../../../src/policy/names';
import type { Policy, PolicyAnswer, PolicyQuestion } from '../../../src/policy/policy';
import type { Principal } from '../../../src/policy/principal';
import { type Case, type Document, accountId } from './cases';
import type { Verdict } from './judge';

const place = { partition: 'aws', region: 'us-east-1' };

/** What our evaluator says, in the judge's words. */
export function ours(one: Case): Verdict {
  const values = new Map(Object.entries(one.context).map(([k, v]) => [k.toLowerCase(), v]));
  const context = { get: (key: string) => values.get(key) };
  const { action, resource } = one;
  const question = { action: action.toLowerCase(), resource, context };
  const identity = one.identity.map(compile);
  const boundary = one.boundary && compile(one.boundary);
  const session = one.session && compile(one.session);
  const key = compileKeyPolicy(JSON.stringify(one.key), place);
  const caller = principalOf(one, session);
  const names = principalNames(caller, place);
  const weighed = weigh({
    ...{ caller, names, action, resource, context },
    identity: { arn: caller.arn, tags: {}, policies: identity, boundary },
    owner: { accountId, policy: key, context },
  });
  return {
    identity: layer(identity, question),
    boundary: boundary === undefined ? 'none' : layer([boundary], question),
    session: session === undefined ? 'none' : layer([session], question),
    key: keyWord(key.ask(question, { ...names, bounded: boundary !== undefined })),
    overall: outcome(decide(weighed)),
  };
}

function compile(document: Document): Policy {
  return compileIdentityPolicy(JSON.stringify(document));
}

function principalOf({ caller }: Case, sessionPolicy: Policy | undefined): Principal {
  const common = { arn: caller.arn, accountId: caller.account ?? '', accessKeyId: undefined };
  const service = { kind: 'service', principalId: caller.arn, userName: undefined } as const;
  const user = { kind: 'user', principalId: 'AIDACKCEVSQ6C2EXAMPLE' } as const;
  if (caller.account === undefined) return { ...common, ...service };
  if (caller.role === undefined) return { ...common, ...user, userName: 'alice' };
  const role = { roleId: 'AROACKCEVSQ6C2EXAMPLE', arn: caller.role, name: 'r', sessionName: 's' };
  return {
    ...{ ...common, kind: 'assumed-role', principalId: `${role.roleId}:s`, userName: undefined },
    session: {
      ...{ issuedAt: new Date(0), expiresAt: new Date(1), tags: {}, transitiveTagKeys: [] },
      ...{ role, policies: sessionPolicy === undefined ? [] : [sessionPolicy] },
    },
  };
}

function layer(policies: readonly Policy[], question: PolicyQuestion): string {
  const answers = policies.map((policy) => policy.ask(question));
  if (answers.some(({ denied }) => denied)) return 'ExplicitlyDenied';
  return answers.some(({ allowed }) => allowed !== 'none') ? 'Allowed' : 'ImplicitlyDenied';
}

const matchWords = {
  none: 'ImplicitlyDenied',
  account: 'AllowedForAccount',
  role: 'Allowed',
  caller: 'Allowed',
} as const;

function keyWord({ denied, allowed }: PolicyAnswer): string {
  return denied ? 'ExplicitlyDenied' : matchWords[allowed];
}

function outcome(denial: Denial): string {
  if (denial === undefined) return 'Allowed';
  return denial.explicit ? 'ExplicitlyDenied' : 'ImplicitlyDenied';
}
