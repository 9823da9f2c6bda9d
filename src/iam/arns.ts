import { KmsError } from '../errors';
import type { Place } from '../keys/identifiers';

/** What IAM calls by a name inside an account, and may put below a path. */
export type EntityKind = 'user' | 'role' | 'group';

export interface EntityName {
  readonly accountId: string;
  readonly kind: EntityKind;
  readonly name: string;
}

/** `/`, or begins and ends with a slash. */
export const rootPath = '/';

export function entityArn(
  { partition }: Pick<Place, 'partition'>,
  { accountId, kind, name }: EntityName,
  path: string,
): string {
  return `arn:${partition}:iam::${accountId}:${kind}${path}${name}`;
}

/** A managed policy as its ARN names it. */
export interface PolicyName {
  /** Undefined of AWS's own policies. */
  readonly accountId: string | undefined;
  readonly path: string;
  readonly name: string;
}

export function policyArn({ partition }: Pick<Place, 'partition'>, policy: PolicyName): string {
  return `arn:${partition}:iam::${policy.accountId ?? 'aws'}:policy${policy.path}${policy.name}`;
}

const policyForm =
  /^arn:([a-z0-9-]{1,40}):iam::([0-9]{12}|aws):policy(\/(?:[!-~]{1,510}\/)?)([\w+=,.@-]{1,128})$/;

/**
 * Reads the ARN of a managed policy, existing or not. Throws ValidationException for what is none, as IAM does since 2025;
 * it was InvalidInput before.
 */
export function parsePolicyArn({ partition }: Pick<Place, 'partition'>, arn: string): PolicyName {
  const read = readPolicyArn(arn);
  if (read?.partition !== partition) throw invalidArn(arn);
  return read;
}

/** Undefined for what is no managed policy's ARN, of whatever partition. */
export function readPolicyArn(
  arn: string,
): (PolicyName & { readonly partition: string }) | undefined {
  const [, partition, account, path, name] = policyForm.exec(arn) ?? [];
  if (partition === undefined || path === undefined || name === undefined) return undefined;
  return { partition, accountId: account === 'aws' ? undefined : account, path, name };
}

export function invalidArn(arn: string): KmsError {
  return new KmsError('ValidationException', `ARN ${arn} is not valid.`);
}
