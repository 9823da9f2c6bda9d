import { KmsError } from '../errors';
import type { Place } from '../keys/identifiers';
import { compileIdentityPolicy, compileManagedPolicy, compileTrustPolicy } from '../policy/compile';
import { readJson } from '../policy/json';
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
  const policy = compiled(() => {
    requireJson(document);
    return compileTrustPolicy(document, place);
  });
  requireQuota('ACLSizePerRole', documentSize(document));
  return policy;
}

/** Of trust policies alone, IAM has words of their own for what is no JSON. */
function requireJson(document: string): void {
  try {
    readJson(document);
  } catch (cause) {
    throw new PolicyError('syntax', 'This policy contains invalid Json', { cause });
  }
}

function compiled<T>(compile: () => T): T {
  try {
    return compile();
  } catch (error) {
    throw malformed(error);
  }
}

/** What the work throws, with MalformedPolicyDocument in place of PolicyError. */
export async function orMalformed<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw malformed(error);
  }
}

function malformed(error: unknown): unknown {
  if (!(error instanceof PolicyError)) return error;
  return new KmsError('MalformedPolicyDocument', error.message, { cause: error });
}

/** Characters of a document that count against quotas: white space does not. */
export function documentSize(document: string): number {
  let size = 0;
  for (const character of document) if (!whiteSpace.has(character)) size += 1;
  return size;
}

const whiteSpace = new Set([' ', '\t', '\n', '\r']);
