import { invalidMember, refusedMember } from '../errors';
import { keyArn } from '../keys/identifiers';
import type { AccountAction, Call, Operation } from '../operation';
import { accessDenied } from '../policy/authorize';
import type { ResourcePolicy } from '../policy/policy';
import { grantListEntry } from './grant-entry';
import { requireOneOf } from './grant-rules';
import { pageSize, paginate } from './pagination';

const action = 'kms:ListRetirableGrants';

/** The account in a principal's ARN. */
const principalForm = /^arn:[^:]+:(?:iam|sts)::([0-9]{12}):./;

export const listRetirableGrants: Operation<'ListRetirableGrants'> = {
  name: 'ListRetirableGrants',
  rest: {
    method: 'GET',
    path: '/grants',
    summary: 'Lists the grants that a principal may retire.',
  },
  readOnly: true,
  audited: ['RetiringPrincipal', 'RetiringServicePrincipal', 'Limit', 'Marker'],
  check(input) {
    requireOneOf(input, { principal: 'RetiringPrincipal', service: 'RetiringServicePrincipal' });
    const { RetiringPrincipal: arn } = input;
    if (arn !== undefined && !principalForm.test(arn)) {
      throw refusedMember(
        'InvalidArnException',
        'RetiringPrincipal',
        `Invalid arn ${arn}`,
        'must be the ARN of a principal',
      );
    }
  },
  accountActions,
  verify: requireOwn,

  async run(call) {
    const { input, caller, services } = call;
    const { place, db, grants } = services;
    const retiringPrincipal = retiringOf(call);
    const page = await paginate({
      scope: `ListRetirableGrants ${caller.accountId} ${retiringPrincipal}`,
      marker: input.Marker,
      limit: pageSize(input.Limit, { fallback: 50, max: 100 }),
      fetch: (after, limit) => grants.listRetirable(db, { retiringPrincipal, after, limit }),
      position: ({ grantId }) => grantId,
    });
    return {
      Grants: page.items.map((grant) =>
        grantListEntry(grant, keyArn(place, grant.keyAccountId, grant.keyId), place),
      ),
      Truncated: page.truncated,
      ...(page.nextMarker === undefined ? {} : { NextMarker: page.nextMarker }),
    };
  },
};

/** Identity policies decide, but for a service, which has none: it may see what it may retire itself. */
function accountActions({ input, caller }: Call<'ListRetirableGrants'>): readonly AccountAction[] {
  const asked: AccountAction = { action, resource: '*' };
  if (caller.kind !== 'service') return [asked];
  const policy: ResourcePolicy = {
    text: '',
    principals: [],
    ask: (_question, { service }) => ({
      denied: false,
      allowed: service === input.RetiringServicePrincipal ? 'caller' : 'none',
    }),
  };
  return [{ ...asked, resourcePolicy: { policy, accountId: caller.accountId } }];
}

/** A principal of the caller's account; the grants may be of keys of any (kms-semantics §2.4). */
function requireOwn({ input, caller }: Call<'ListRetirableGrants'>): void {
  const { RetiringPrincipal: arn } = input;
  if (arn === undefined) {
    if (caller.kind === 'service') return;
    throw invalidMember(
      'RetiringServicePrincipal',
      'RetiringServicePrincipal can be specified by service principals only.',
    );
  }
  if (principalForm.exec(arn)?.[1] === caller.accountId) return;
  const denial = { explicit: false, layer: 'resource', foreign: false } as const;
  throw accessDenied(caller, { action, resource: arn, denial });
}

function retiringOf({ input }: Call<'ListRetirableGrants'>): string {
  const principal = input.RetiringPrincipal ?? input.RetiringServicePrincipal;
  if (principal === undefined) throw new Error('a request without a principal passed its checks');
  return principal;
}
