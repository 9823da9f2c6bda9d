import { KmsError } from '../errors';
import type { Place } from '../keys/identifiers';
import { compileIdentityPolicy, compileManagedPolicy, compileTrustPolicy } from '../policy/compile';
import { PolicyError, type TrustPolicy } from '../policy/policy';
import { requireQuota } from './quotas';

/** Throws MalformedPolicyDocument for what is no policy of a user, role or group. */
export function checkIdentityPolicy(document: string): void {
  compiled(() => compileIdentityPolicy(document));
}

/** As checkIdentityPolicy, of a managed policy. Throws LimitExceeded for one that is too long. */
export function checkManagedPolicy(document: string): void {
  compiled(() => compileManagedPolicy(document));
  requireQuota('PolicySize', documentSize(document));
}

/**
 * Throws MalformedPolicyDocument for what is no trust policy, LimitExceeded for one that is too long. Whether its
 * principals exist is asked elsewhere.
 */
export function readTrustPolicy(document: string, place: Place): TrustPolicy {
  const policy = compiled(() => compileTrustPolicy(document, place));
  requireQuota('ACLSizePerRole', documentSize(document));
  return policy;
}

function compiled<T>(compile: () => T): T {
  try {
    return compile();
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    throw new KmsError('MalformedPolicyDocument', error.message, { cause: error });
  }
}

/** Characters of a document that count against quotas: white space does not. */
export function documentSize(document: string): number {
  let size = 0;
  for (const character of document) if (!whiteSpace.has(character)) size += 1;
  return size;
}

const whiteSpace = new Set([' ', '\t', '\n', '\r']);
