import type { Queryable } from '../db';
import type { GrantConstraints, GrantOperation } from '../shapes/kms.generated';

/** A grant: immutable, but for principals that are deleted, whose ARNs become their unique ids. */
export interface Grant {
  /** 64 lower-case hex characters. */
  readonly grantId: string;
  readonly keyId: string;
  readonly name: string | undefined;
  /** An ARN, the name of a service, or the unique id of a principal that was deleted since. */
  readonly grantee: string;
  readonly retiringPrincipal: string | undefined;
  /** Account of the caller that created it; the key may be of another. */
  readonly issuingAccount: string;
  readonly operations: readonly GrantOperation[];
  /** Undefined when there are none; then it has no empty members either. */
  readonly constraints: GrantConstraints | undefined;
  readonly createdAt: Date;
}

export type NewGrant = Omit<Grant, 'createdAt'>;

/** A grant with the account of its key. */
export type RetirableGrant = Grant & { readonly keyAccountId: string };

interface GrantRow {
  readonly grant_id: string;
  readonly key_id: string;
  readonly name: string | null;
  readonly grantee: string;
  readonly retiring_principal: string | null;
  readonly issuing_account: string;
  readonly operations: GrantOperation[];
  readonly constraints: GrantConstraints | null;
  readonly created_at: Date;
}

/** A page of grants in order of id, those after `after` only. */
interface Page {
  readonly after: string;
  readonly limit: number;
}

const columns = `
  g.grant_id, g.key_id, g.name, g.grantee, g.retiring_principal, g.issuing_account, g.operations, g.constraints,
  g.created_at`;

const serviceForm = /^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/;

/** Whatever else a grant names is an ARN, or a unique id. */
export function isServiceName(principal: string): boolean {
  return serviceForm.test(principal);
}

/** The SQL of kms_grant. Whoever changes grants announces `grant` with grantChangeId(). */
export class GrantStore {
  async find(
    db: Queryable,
    { keyId, grantId }: Pick<Grant, 'keyId' | 'grantId'>,
  ): Promise<Grant | undefined> {
    const [row] = await db.query<GrantRow>({
      name: 'grant-find',
      text: `select ${columns} from kms_grant g where g.grant_id = $1::text and g.key_id = $2::text`,
      values: [grantId, keyId],
    });
    return row === undefined ? undefined : toGrant(row);
  }

  /** A grant of that name which is the same in all but its id (kms-semantics §7.4). */
  async findSame(db: Queryable, grant: NewGrant): Promise<Grant | undefined> {
    const [row] = await db.query<GrantRow>({
      name: 'grant-find-same',
      text: `
        select ${columns} from kms_grant g
        where g.key_id = $1::text and g.name = $2::text and g.grantee = $3::text
          and g.retiring_principal is not distinct from $4::text and g.issuing_account = $5::text
          and g.operations @> $6::text[] and g.operations <@ $6::text[]
          and g.constraints is not distinct from $7::jsonb
        order by g.grant_id limit 1`,
      values: parametersOf(grant),
    });
    return row === undefined ? undefined : toGrant(row);
  }

  async insert(db: Queryable, grant: NewGrant): Promise<void> {
    await db.execute({
      name: 'grant-insert',
      text: `
        insert into kms_grant
          (key_id, name, grantee, retiring_principal, issuing_account, operations, constraints, grant_id)
        values ($1::text, $2::text, $3::text, $4::text, $5::text, $6::text[], $7::jsonb, $8::text)`,
      values: [...parametersOf(grant), grant.grantId],
    });
  }

  /** Returns false when the key has no such grant. */
  async remove(
    db: Queryable,
    { keyId, grantId }: Pick<Grant, 'keyId' | 'grantId'>,
  ): Promise<boolean> {
    const removed = await db.execute({
      name: 'grant-remove',
      text: 'delete from kms_grant where grant_id = $1::text and key_id = $2::text',
      values: [grantId, keyId],
    });
    return removed === 1;
  }

  /** How many grants a key has; the caller holds the key's lock, so the count stands until it commits. */
  async count(db: Queryable, keyId: string): Promise<number> {
    const [row] = await db.query<{ grants: number }>({
      name: 'grant-count',
      text: 'select count(*)::int as grants from kms_grant where key_id = $1::text',
      values: [keyId],
    });
    return row?.grants ?? 0;
  }

  async list(db: Queryable, page: Page & { readonly keyId: string }): Promise<Grant[]> {
    const rows = await db.query<GrantRow>({
      name: 'grant-list',
      text: `
        select ${columns} from kms_grant g
        where g.key_id = $1::text and g.grant_id > $2::text
        order by g.grant_id limit $3::int`,
      values: [page.keyId, page.after, page.limit],
    });
    return rows.map(toGrant);
  }

  /** A statement of its own, as one with an optional filter would be planned to read every grant of the key. */
  async listOfGrantee(
    db: Queryable,
    page: Page & { readonly keyId: string; readonly grantee: string },
  ): Promise<Grant[]> {
    const rows = await db.query<GrantRow>({
      name: 'grant-list-of-grantee',
      text: `
        select ${columns} from kms_grant g
        where g.grantee = $1::text and g.key_id = $2::text and g.grant_id > $3::text
        order by g.grant_id limit $4::int`,
      values: [page.grantee, page.keyId, page.after, page.limit],
    });
    return rows.map(toGrant);
  }

  /** Of keys of whatever account, which is said of each. */
  async listRetirable(
    db: Queryable,
    page: Page & { readonly retiringPrincipal: string },
  ): Promise<RetirableGrant[]> {
    const rows = await db.query<GrantRow & { readonly account_id: string }>({
      name: 'grant-list-retirable',
      text: `
        select ${columns}, k.account_id from kms_grant g join kms_key k using (key_id)
        where g.retiring_principal = $1::text and g.grant_id > $2::text
        order by g.grant_id limit $3::int`,
      values: [page.retiringPrincipal, page.after, page.limit],
    });
    return rows.map((row) => ({ ...toGrant(row), keyAccountId: row.account_id }));
  }

  async allOfGrantee(db: Queryable, keyId: string, grantee: string): Promise<Grant[]> {
    const rows = await db.query<GrantRow>({
      name: 'grant-all-of-grantee',
      text: `select ${columns} from kms_grant g where g.grantee = $1::text and g.key_id = $2::text`,
      values: [grantee, keyId],
    });
    return rows.map(toGrant);
  }
}

function parametersOf(grant: NewGrant): readonly unknown[] {
  return [
    grant.keyId,
    grant.name ?? null,
    grant.grantee,
    grant.retiringPrincipal ?? null,
    grant.issuingAccount,
    grant.operations,
    grant.constraints === undefined ? null : JSON.stringify(grant.constraints),
  ];
}

function toGrant(row: GrantRow): Grant {
  return {
    grantId: row.grant_id,
    keyId: row.key_id,
    name: row.name ?? undefined,
    grantee: row.grantee,
    retiringPrincipal: row.retiring_principal ?? undefined,
    issuingAccount: row.issuing_account,
    operations: row.operations,
    constraints: row.constraints ?? undefined,
    createdAt: row.created_at,
  };
}
