import { compileIdentityPolicy, compileKeyPolicy } from '../../src/policy/compile';
import {
  type ConditionValue,
  type Context,
  PolicyError,
  type PolicyAnswer,
  type PrincipalNames,
} from '../../src/policy/policy';
import { accountId, keyId, place } from './sample-keys';

export const policyKeyArn = `arn:aws:kms:us-east-1:${accountId}:key/${keyId}`;

export type Values = Readonly<Record<string, ConditionValue>>;

/** By condition key as AWS spells it. */
export function contextOf(values: Values = {}): Context {
  const lowered = new Map(Object.entries(values).map(([key, value]) => [key.toLowerCase(), value]));
  return { get: (key) => lowered.get(key) };
}

export function namesOf(different: Partial<PrincipalNames> = {}): PrincipalNames {
  return {
    ...{ caller: [], role: undefined, account: undefined, uniqueId: undefined },
    ...{ service: undefined, federated: undefined, ...different },
  };
}

/** Is kms:Encrypt on a key allowed by one statement of an identity policy, with these members different? */
export function statementAllows(
  members: Readonly<Record<string, unknown>>,
  values: Values = {},
  Version = '2012-10-17',
): boolean {
  const Statement = { Effect: 'Allow', Action: 'kms:*', Resource: '*', ...members };
  const policy = compileIdentityPolicy(JSON.stringify({ Version, Statement }));
  const context = contextOf(values);
  return policy.ask({ action: 'kms:encrypt', resource: policyKeyArn, context }).allowed !== 'none';
}

/** What a key policy of these statements says of kms:Encrypt. */
export function askKeyPolicy(
  statements: readonly Readonly<Record<string, unknown>>[],
  names: PrincipalNames,
  values: Values = {},
): PolicyAnswer {
  const Statement = statements.map((members) => ({
    ...{ Effect: 'Allow', Principal: '*', Action: 'kms:*', Resource: '*' },
    ...members,
  }));
  const text = JSON.stringify({ Version: '2012-10-17', Statement });
  const policy = compileKeyPolicy(text, place);
  const context = contextOf(values);
  return policy.ask({ action: 'kms:encrypt', resource: policyKeyArn, context }, names);
}

/** What a PolicyError says; anything else is thrown on. */
export function faultOf(compile: () => unknown): { fault: string; message: string } {
  try {
    compile();
  } catch (error) {
    if (error instanceof PolicyError) return { fault: error.fault, message: error.message };
    throw error;
  }
  return { fault: 'none', message: '' };
}
