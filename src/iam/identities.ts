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
   * or the name that it had when they were made: another may have that name now; and for those of a forwarded session
   * whose service is registered no more.
   */
  of(caller: Principal): Awaitable<Identity> {
    const via = caller.session?.via;
    return via === undefined ? this.own(caller) : this.through(via, caller);
  }

  /** As the database has it now: what a change is decided on, in its own transaction. Throws as `of`. */
  async now(db: Queryable, caller: Principal): Promise<Identity> {
    const via = caller.session?.via;
    if (via !== undefined && (await this.read(db, via)) === undefined) throw outlived();
    if (withoutPolicies.has(caller.kind)) return noIdentity;
    return requireSame(await this.read(db, databaseId(caller)), caller);
  }

  private own(caller: Principal): Awaitable<Identity> {
    if (withoutPolicies.has(caller.kind)) return noIdentity;
    const found = this.find(databaseId(caller));
    return found instanceof Promise
      ? found.then((identity) => requireSame(identity, caller))
      : requireSame(found, caller);
  }

  private async through(service: string, caller: Principal): Promise<Identity> {
    if ((await this.find(service)) === undefined) throw outlived();
    return this.own(caller);
  }

  private find(id: string): Awaitable<Identity | undefined> {
    const { cache, db } = this.parts;
    return cache.get(id) ?? cache.load(id, () => this.read(db, id));
  }

  private async read(db: Queryable, id: string): Promise<Identity | undefined> {
    const [row] = await db.query<IdentityRow>({
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

function requireSame(identity: Identity | undefined, caller: Principal): Identity {
  const arn = caller.session?.role?.arn ?? caller.arn;
  if (identity !== undefined && identity.arn === arn) return identity;
  throw outlived();
}

function outlived(): KmsError {
  return new KmsError(
    'UnrecognizedClientException',
    'The security token included in the request is invalid.',
  );
}
