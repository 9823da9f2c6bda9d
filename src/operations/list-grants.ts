import { invalidMember } from '../errors';
import type { Grant } from '../keys/grants';
import type { Operation, TargetedCall } from '../operation';
import { grantListEntry } from './grant-entry';
import { checkGrantId, resourceCondition } from './grant-rules';
import { pageSize, paginate } from './pagination';
import { onlyKey, targetByKeyOnly } from './targets';

export const listGrants: Operation<'ListGrants'> = {
  name: 'ListGrants',
  rest: { method: 'GET', path: '/keys/{KeyId}/grants', summary: 'Lists the grants of a key.' },
  readOnly: true,
  audited: ['KeyId', 'GrantId', 'GranteePrincipal', 'GranteeServicePrincipal', 'Limit', 'Marker'],
  crossAccount: true,
  check({ GrantId, GranteePrincipal, GranteeServicePrincipal }) {
    if (GrantId !== undefined) checkGrantId(GrantId);
    if (GranteePrincipal !== undefined && GranteeServicePrincipal !== undefined) {
      throw invalidMember(
        'GranteeServicePrincipal',
        'GranteePrincipal and GranteeServicePrincipal cannot both be specified.',
      );
    }
  },
  conditions: ({ caller }) => resourceCondition(caller),
  targets: targetByKeyOnly('kms:ListGrants'),
  requires: { state: 'any' },
  verify({ input, caller }) {
    if (input.GranteeServicePrincipal !== undefined && caller.kind !== 'service') {
      throw invalidMember(
        'GranteeServicePrincipal',
        'GranteeServicePrincipal can be specified by service principals only.',
      );
    }
  },

  async run(call) {
    const { input, caller, keys, services } = call;
    const key = onlyKey(keys);
    const grantee = input.GranteePrincipal ?? input.GranteeServicePrincipal;
    const page = await paginate({
      scope: `ListGrants ${caller.accountId} ${key.keyId} ${input.GrantId ?? ''} ${grantee ?? ''}`,
      marker: input.Marker,
      limit: pageSize(input.Limit, { fallback: 50, max: 100 }),
      fetch: (after, limit) => fetch(call, { grantee, after, limit }),
      position: ({ grantId }) => grantId,
    });
    return {
      Grants: page.items.map((grant) => grantListEntry(grant, key.arn, services.place)),
      Truncated: page.truncated,
      ...(page.nextMarker === undefined ? {} : { NextMarker: page.nextMarker }),
    };
  },
};

interface Wanted {
  readonly grantee: string | undefined;
  readonly after: string;
  readonly limit: number;
}

async function fetch(
  { input, keys, services }: TargetedCall<'ListGrants'>,
  { grantee, after, limit }: Wanted,
): Promise<readonly Grant[]> {
  const { grants, db } = services;
  const { keyId } = onlyKey(keys);
  // The name of a service may be any text, and this is one that Postgres does not take.
  if (grantee?.includes('\0') === true) return [];
  if (input.GrantId !== undefined) {
    const grant = await grants.find(db, { keyId, grantId: input.GrantId });
    const wanted = grant !== undefined && grant.grantId > after;
    return wanted && (grantee === undefined || grant.grantee === grantee) ? [grant] : [];
  }
  return grantee === undefined
    ? grants.list(db, { keyId, after, limit })
    : grants.listOfGrantee(db, { keyId, grantee, after, limit });
}
