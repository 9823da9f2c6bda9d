import type { Awaitable } from '../awaitable';
import type { FeedCache, Queryable } from '../db';
import { KmsError } from '../errors';
import { compileIdentityPolicy } from '../policy/compile';
import { type Identity, noIdentity } from '../policy/identity';
import { type Principal, databaseId } from '../policy/principal';

interface IdentityRow {
  readonly arn: string;
  readonly tag_keys: string[];
  readonly tag_values: string[];
  readonly documents: string[];
  readonly boundary: string | null;
}

interface Parts {
  readonly db: Queryable;
  readonly cache: FeedCache<Identity>;
}

/** What the database says of callers, kept in the worker until something of it changes. */
export class Identities {
  constructor(private readonly parts: Parts) {}

  /**
   * At once when the worker knows it. Throws UnrecognizedClientException for credentials that outlived their principal,
   * or the name that it had when they were made: another may have that name now. A forwarded session outlives neither
   * its principal nor the service that it was forwarded to.
   */
  of(caller: Principal): Awaitable<Identity> {
    const via = caller.session?.via;
    if (via === undefined) return this.ownOf(caller);
    const service = this.find(via);
    const own = (found: Identity | undefined): Awaitable<Identity> => {
      requireSame(found, via);
      return this.ownOf(caller);
    };
    return service instanceof Promise ? service.then(own) : own(service);
  }

  private ownOf(caller: Principal): Awaitable<Identity> {
    if (withoutPolicies.has(caller.kind)) return noIdentity;
    const arn = caller.session?.role?.arn ?? caller.arn;
    const found = this.find(databaseId(caller));
    return found instanceof Promise
      ? found.then((identity) => requireSame(identity, arn))
      : requireSame(found, arn);
  }

  private find(id: string): Awaitable<Identity | undefined> {
    const { cache } = this.parts;
    return cache.get(id) ?? cache.load(id, () => this.read(id));
  }

  private async read(id: string): Promise<Identity | undefined> {
    const [row] = await this.parts.db.query<IdentityRow>({
      name: 'identity-find',
      text: `
        with owner as (
          select $1::text as owner_id
          union all select group_id from group_member where user_id = $1::text
        )
        select p.arn,
          array(select tag_key from iam_tag where resource_id = p.principal_id order by position) as tag_keys,
          array(select tag_value from iam_tag where resource_id = p.principal_id order by position) as tag_values,
          array(
            select i.document from inline_policy i join owner using (owner_id)
            union all
            select v.document from policy_attachment a join owner using (owner_id)
              join managed_policy m using (policy_id)
              join managed_policy_version v on v.policy_id = m.policy_id and v.version = m.default_version
          ) as documents,
          (select v.document from managed_policy m
             join managed_policy_version v on v.policy_id = m.policy_id and v.version = m.default_version
            where m.policy_id = p.boundary_policy_id) as boundary
        from principal p where p.principal_id = $1::text`,
      values: [id],
    });
    if (row === undefined) return undefined;
    return {
      arn: row.arn,
      tags: Object.fromEntries(row.tag_keys.map((key, at) => [key, row.tag_values[at] ?? ''])),
      policies: row.documents.map(compileIdentityPolicy),
      boundary: row.boundary === null ? undefined : compileIdentityPolicy(row.boundary),
    };
  }
}

/** Roots may do all that their account may; services and web identities what names them. */
const withoutPolicies: ReadonlySet<Principal['kind']> = new Set([
  'root',
  'service',
  'web-identity',
]);

function requireSame(identity: Identity | undefined, arn: string): Identity {
  if (identity !== undefined && identity.arn === arn) return identity;
  throw outlived();
}

function outlived(): KmsError {
  return new KmsError(
    'UnrecognizedClientException',
    'The security token included in the request is invalid.',
  );
}
