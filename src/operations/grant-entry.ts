import { type Grant, isServiceName } from '../keys/grants';
import { type Place, accountRootArn } from '../keys/identifiers';
import type { GrantListEntry } from '../shapes/kms.generated';

/** A grant as the lists have it (kms-semantics §7.7). */
export function grantListEntry(grant: Grant, keyArn: string, place: Place): GrantListEntry {
  return {
    KeyId: keyArn,
    GrantId: grant.grantId,
    // Absent in the request, and empty in the answer.
    Name: grant.name ?? '',
    CreationDate: grant.createdAt,
    ...grantee(grant.grantee),
    ...retiring(grant.retiringPrincipal),
    IssuingAccount: accountRootArn(place, grant.issuingAccount),
    Operations: [...grant.operations],
    ...(grant.constraints === undefined ? {} : { Constraints: grant.constraints }),
  };
}

function grantee(principal: string): GrantListEntry {
  return isServiceName(principal)
    ? { GranteeServicePrincipal: principal }
    : { GranteePrincipal: principal };
}

function retiring(principal: string | undefined): GrantListEntry {
  if (principal === undefined) return {};
  return isServiceName(principal)
    ? { RetiringServicePrincipal: principal }
    : { RetiringPrincipal: principal };
}
