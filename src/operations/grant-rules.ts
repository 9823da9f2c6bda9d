import { KmsError, invalidMember, refusedMember } from '../errors';
import type { Key } from '../keys/key';
import type { Conditions } from '../policy/policy';
import type { Principal } from '../policy/principal';
import type {
  CreateGrantRequest,
  GrantConstraints,
  GrantOperation,
  KeyUsageType,
} from '../shapes/kms.generated';

/** What may be granted on every key. */
const always: readonly GrantOperation[] = ['CreateGrant', 'RetireGrant', 'DescribeKey'];

const symmetric: readonly GrantOperation[] = [
  'Encrypt',
  'Decrypt',
  'ReEncryptFrom',
  'ReEncryptTo',
  'GenerateDataKey',
  'GenerateDataKeyWithoutPlaintext',
  'GenerateDataKeyPair',
  'GenerateDataKeyPairWithoutPlaintext',
];

/** What may be granted on keys of each usage, ENCRYPT_DECRYPT of the asymmetric ones (kms-semantics §7.2). */
const byUsage = {
  ENCRYPT_DECRYPT: ['Encrypt', 'Decrypt', 'ReEncryptFrom', 'ReEncryptTo', 'GetPublicKey'],
  SIGN_VERIFY: ['Sign', 'Verify', 'GetPublicKey'],
  GENERATE_VERIFY_MAC: ['GenerateMac', 'VerifyMac'],
  KEY_AGREEMENT: ['DeriveSharedSecret', 'GetPublicKey'],
  ENCAPSULATE_DECAPSULATE: ['Encapsulate', 'Decapsulate', 'GetPublicKey'],
} as const satisfies Record<KeyUsageType, readonly GrantOperation[]>;

/** Pairs in a constraint, and characters in a value of one (kms-semantics §7.1). */
const maxPairs = 8;
const maxValueLength = 384;

const arnForm = /^arn:[^:]+:[^:]+:[^:]*:[^:]*:./s;
const grantIdForm = /^[0-9a-f]{64}$/;

type Grantable = Pick<Key, 'keySpec' | 'keyUsage'>;

/** The checks of a CreateGrant that need no key. Throws ValidationException, InvalidArnException. */
export function checkGrantRequest(input: CreateGrantRequest): void {
  checkPrincipalMembers(input);
  const [first, ...others] = new Set(input.Operations);
  if (first === undefined) {
    throw invalidMember(
      'Operations',
      "1 validation error detected: Value '[]' at 'operations' failed to satisfy constraint: Member must have length greater than or equal to 1",
    );
  }
  if (first === 'CreateGrant' && others.length === 0) {
    throw invalidMember('Operations', 'Grants must not contain only the CreateGrant operation.');
  }
  checkConstraints(input.Constraints ?? {});
}

/** Throws ValidationException for operations and constraints that make no sense on the key (kms-semantics §7.2, §7.3). */
export function checkGrantOfKey(key: Grantable, input: CreateGrantRequest): void {
  const isSymmetric = key.keySpec === 'SYMMETRIC_DEFAULT';
  const allowed: readonly GrantOperation[] = isSymmetric ? symmetric : byUsage[key.keyUsage];
  const wrong = input.Operations.find((one) => !always.includes(one) && !allowed.includes(one));
  if (wrong !== undefined) {
    throw invalidMember(
      'Operations',
      `The operation ${wrong} cannot be granted on a key with key spec ${key.keySpec} and key usage ${key.keyUsage}.`,
    );
  }
  if (!isSymmetric && contextOf(input.Constraints) !== undefined) {
    throw invalidMember(
      'Constraints',
      `Encryption context constraints cannot be used with a key with key spec ${key.keySpec}.`,
    );
  }
}

/** Without members that are absent; undefined when nothing is left. */
export function constraintsOf(input: CreateGrantRequest): GrantConstraints | undefined {
  const given = Object.entries(input.Constraints ?? {}).filter(([, value]) => value !== undefined);
  return given.length === 0 ? undefined : Object.fromEntries(given);
}

/** The pairs of whichever constraint of the encryption context there is. */
export function contextOf(
  constraints: GrantConstraints | undefined,
): Readonly<Record<string, string>> | undefined {
  return constraints?.EncryptionContextEquals ?? constraints?.EncryptionContextSubset;
}

/** kms:GrantConstraintType. */
export function constraintType(constraints: GrantConstraints | undefined): string | undefined {
  const types = ['EncryptionContextEquals', 'EncryptionContextSubset'] as const;
  return types.find((type) => constraints?.[type] !== undefined);
}

/** What policies are told of whoever calls CreateGrant, ListGrants and RevokeGrant: a service, for its user? */
export function resourceCondition({ session }: Principal): Conditions {
  return { 'kms:GrantIsForAWSResource': String(session?.via !== undefined) };
}

/** Throws InvalidGrantIdException. */
export function checkGrantId(grantId: string): void {
  if (!grantIdForm.test(grantId)) {
    throw refusedMember('InvalidGrantIdException', 'GrantId', 'The grant ID is not valid.');
  }
}

export function grantNotFound(grantId: string): KmsError {
  return new KmsError('NotFoundException', `Grant ID ${grantId} not found`);
}

/** Services came later, with members of their own and stricter rules (kms-semantics §7.1, §7.3). */
function checkPrincipalMembers(input: CreateGrantRequest): void {
  requireOneOf(input, { principal: 'GranteePrincipal', service: 'GranteeServicePrincipal' });
  const { RetiringPrincipal: retiring, RetiringServicePrincipal: retiringService } = input;
  if (retiring !== undefined && retiringService !== undefined) {
    throw invalidMember(
      'RetiringServicePrincipal',
      'RetiringPrincipal and RetiringServicePrincipal cannot both be specified.',
    );
  }
  if (input.GranteeServicePrincipal === undefined) return;
  if (input.Constraints?.SourceArn === undefined) {
    throw invalidMember(
      'Constraints/SourceArn',
      'GranteeServicePrincipal requires the grant constraint SourceArn.',
    );
  }
  if (retiring === undefined && retiringService === undefined) {
    throw invalidMember(
      'RetiringPrincipal',
      'GranteeServicePrincipal requires RetiringPrincipal or RetiringServicePrincipal.',
    );
  }
}

/** Throws ValidationException unless exactly one of the two members is there. */
export function requireOneOf<M extends string>(
  input: Readonly<Partial<Record<M, unknown>>>,
  { principal, service }: { readonly principal: M; readonly service: M },
): void {
  if ((input[principal] === undefined) === (input[service] === undefined)) {
    throw invalidMember(principal, `Exactly one of ${principal} and ${service} must be specified.`);
  }
}

function checkConstraints(constraints: GrantConstraints): void {
  const { EncryptionContextEquals: equals, EncryptionContextSubset: subset } = constraints;
  if (equals !== undefined && subset !== undefined) {
    throw invalidMember(
      'Constraints',
      'EncryptionContextEquals and EncryptionContextSubset cannot both be specified in a grant.',
    );
  }
  const pairs = Object.entries(contextOf(constraints) ?? {});
  if (pairs.length > maxPairs) {
    throw invalidMember(
      'Constraints',
      `A grant constraint can have at most ${maxPairs} encryption context pairs.`,
    );
  }
  if (pairs.some(([, value]) => value.length > maxValueLength)) {
    throw invalidMember(
      'Constraints',
      `An encryption context value in a grant constraint can have at most ${maxValueLength} characters.`,
    );
  }
  // Postgres keeps no U+0000 in text.
  if (pairs.some(([key, value]) => key.includes('\0') || value.includes('\0'))) {
    throw invalidMember('Constraints', 'A grant constraint cannot contain the character U+0000.');
  }
  const { SourceArn: sourceArn } = constraints;
  if (sourceArn !== undefined && (!arnForm.test(sourceArn) || sourceArn.includes('\0'))) {
    throw refusedMember(
      'InvalidArnException',
      'Constraints/SourceArn',
      `Invalid arn ${sourceArn}`,
      'must be an ARN',
    );
  }
}
