import { KmsError } from '../../errors';
import { type PolicyName, parsePolicyArn, policyArn } from '../../iam/arns';
import { type ManagedPolicy, findPolicy, lockPolicy } from '../../iam/managed-policies';
import { type PolicyVersion, parseVersionId, versionId } from '../../iam/policy-versions';
import { listTags, resourceTags } from '../../iam/tags';
import type { Queryable } from '../../db';
import type { Place } from '../../keys/identifiers';
import type { AccountAction } from '../../operation';
import type { Policy, PolicyVersion as PolicyVersionDescription } from '../../shapes/iam.generated';
import type { AnyCall } from './entity-action';

type PolicyCall = AnyCall & { readonly input: { readonly PolicyArn: string } };

/** `accountActions` of an operation that reads the managed policy that its input names: on its ARN and with its tags. */
export function onPolicy(
  action: `iam:${string}`,
): (call: PolicyCall) => Promise<readonly AccountAction[]> {
  return (call) => policyAction(call, action, [call.caller.accountId, undefined]);
}

/** As onPolicy, of an operation that changes the policy: nobody changes AWS's own. */
export function onOwnPolicy(
  action: `iam:${string}`,
): (call: PolicyCall) => Promise<readonly AccountAction[]> {
  return (call) => policyAction(call, action, [call.caller.accountId]);
}

async function policyAction(
  { input, caller, services }: PolicyCall,
  action: `iam:${string}`,
  owners: readonly (string | undefined)[],
): Promise<readonly AccountAction[]> {
  const arn = input.PolicyArn;
  const named = parsePolicyArn(services.place, arn);
  // A policy has no policy of its own that could let another account in.
  if (!owners.includes(named.accountId)) {
    throw new KmsError(
      'AccessDeniedException',
      `User: ${caller.arn} is not authorized to perform: ${action} on resource: policy ${arn}`,
    );
  }
  const policy = await findPolicy(services.db, caller.accountId, named);
  const tags = policy === undefined ? [] : await listTags(services.db, policy.policyId);
  return [{ action, resource: arn, conditions: resourceTags(tags) }];
}

/** The policy that the request names. Throws NoSuchEntity, in the words that the operation has for it. */
export async function requirePolicy(
  { input, caller, services }: PolicyCall,
  absent: (arn: string) => KmsError,
): Promise<ManagedPolicy> {
  const named = parsePolicyArn(services.place, input.PolicyArn);
  const policy = await findPolicy(services.db, caller.accountId, named);
  if (policy === undefined) throw absent(input.PolicyArn);
  return policy;
}

/** The policy as it is now, locked against change and use until the transaction ends. Throws as requirePolicy. */
export async function lockNamedPolicy(
  db: Queryable,
  { input, caller, services }: PolicyCall,
  absent: (arn: string) => KmsError,
): Promise<ManagedPolicy> {
  const named = parsePolicyArn(services.place, input.PolicyArn);
  const found = await findPolicy(db, caller.accountId, named);
  const locked = found !== undefined && (await lockPolicy(db, found.policyId, 'change'));
  const policy = locked ? await findPolicy(db, caller.accountId, named) : undefined;
  if (policy === undefined) throw absent(input.PolicyArn);
  return policy;
}

/** The number of a version that the request names, of a policy that exists. */
export function requireVersionNumber(input: {
  readonly PolicyArn: string;
  readonly VersionId: string;
}): number {
  const version = parseVersionId(input.VersionId);
  if (version === undefined) throw noSuchVersion(input);
  return version;
}

export function noSuchPolicy(arn: string): KmsError {
  return new KmsError('NoSuchEntity', `Policy ${arn} was not found.`);
}

export function notAttachable(arn: string): KmsError {
  return new KmsError('NoSuchEntity', `Policy ${arn} does not exist or is not attachable.`);
}

export function noSuchVersion(input: {
  readonly PolicyArn: string;
  readonly VersionId: string;
}): KmsError {
  return new KmsError(
    'NoSuchEntity',
    `Policy ${input.PolicyArn} version ${input.VersionId} does not exist or is not attachable.`,
  );
}

/** A policy in a list: without its tags and, as IAM has it, without its description. */
export function describePolicy(place: Place, policy: ManagedPolicy): Policy {
  return {
    PolicyName: policy.name,
    PolicyId: policy.policyId,
    Arn: policyArn(place, policy satisfies PolicyName),
    Path: policy.path,
    DefaultVersionId: versionId(policy.defaultVersion),
    AttachmentCount: policy.attachments,
    PermissionsBoundaryUsageCount: policy.boundaries,
    IsAttachable: true,
    CreateDate: policy.createdAt,
    UpdateDate: policy.updatedAt,
  };
}

/** A version in a list, or just made: without its document. */
export function describeVersion(
  { version, createdAt }: PolicyVersion,
  defaultVersion: number,
): PolicyVersionDescription {
  return {
    VersionId: versionId(version),
    IsDefaultVersion: version === defaultVersion,
    CreateDate: createdAt,
  };
}
