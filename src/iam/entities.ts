import { DatabaseError, type Queryable } from '../db';
import { type EntityKind, type EntityName, rootPath } from './arns';
import { entityExists, noSuchEntity } from './errors';

/** A user, role or group. */
export interface Entity extends EntityName {
  /** AIDA…, AROA…, AGPA… */
  readonly id: string;
  readonly path: string;
  readonly arn: string;
  readonly createdAt: Date;
  readonly description: string | undefined;
  /** ARN of the managed policy that is its permissions boundary. */
  readonly boundaryArn: string | undefined;
  /** Of roles alone. */
  readonly trustPolicy: string | undefined;
  readonly maxSessionSeconds: number | undefined;
  readonly lastUsedAt: Date | undefined;
  readonly lastUsedRegion: string | undefined;
}

export interface EntityRow {
  readonly principal_id: string;
  readonly account_id: string;
  readonly kind: EntityKind;
  readonly name: string;
  readonly path: string;
  readonly arn: string;
  readonly created_at: Date;
  readonly description: string | null;
  readonly boundary_arn: string | null;
  readonly trust_policy: string | null;
  readonly max_session_seconds: number | null;
  readonly last_used_at: Date | null;
  readonly last_used_region: string | null;
}

/** Columns of entitySource, for toEntity. */
export const entityColumns = `
  p.principal_id, p.account_id, p.kind, p.name, p.path, p.arn, p.created_at, p.description, p.trust_policy,
  p.max_session_seconds, p.last_used_at, p.last_used_region,
  'arn:' || split_part(p.arn, ':', 2) || ':iam::' || coalesce(b.account_id, 'aws') || ':policy' || b.path || b.name
    as boundary_arn`;

export const entitySource =
  'principal p left join managed_policy b on b.policy_id = p.boundary_policy_id';
const named = `p.account_id = $1::text and p.kind = $2::text and lower(p.name) = lower($3::text)`;

/** Names are the same without regard to case. */
export async function findEntity(db: Queryable, entity: EntityName): Promise<Entity | undefined> {
  const [row] = await db.query<EntityRow>({
    name: 'entity-find',
    text: `select ${entityColumns} from ${entitySource} where ${named}`,
    values: [entity.accountId, entity.kind, entity.name],
  });
  return row && toEntity(row);
}

/** Of any account. */
export async function findEntityByArn(
  db: Queryable,
  kind: EntityKind,
  arn: string,
): Promise<Entity | undefined> {
  const [row] = await db.query<EntityRow>({
    name: 'entity-find-by-arn',
    text: `select ${entityColumns} from ${entitySource} where p.arn = $2::text and p.kind = $1::text`,
    values: [kind, arn],
  });
  return row && toEntity(row);
}

/** Throws NoSuchEntity. */
export async function requireEntity(db: Queryable, entity: EntityName): Promise<Entity> {
  return (await findEntity(db, entity)) ?? refuse(entity);
}

/**
 * The entity as it is now, locked until the transaction ends: what hangs on it can be counted and changed. Throws
 * NoSuchEntity. Whoever locks several takes the account first, then a group, then a user or role, then a policy.
 */
export async function lockEntity(db: Queryable, entity: EntityName): Promise<Entity> {
  const [row] = await db.query<EntityRow>({
    name: 'entity-lock',
    text: `select ${entityColumns} from ${entitySource} where ${named} for update of p`,
    values: [entity.accountId, entity.kind, entity.name],
  });
  return row === undefined ? refuse(entity) : toEntity(row);
}

export interface NewEntity extends EntityName {
  readonly id: string;
  readonly path: string;
  readonly arn: string;
  readonly description?: string | undefined;
  readonly boundaryPolicyId?: string | undefined;
  readonly trustPolicy?: string | undefined;
  readonly maxSessionSeconds?: number | undefined;
}

/** Throws EntityAlreadyExists. */
export async function insertEntity(db: Queryable, entity: NewEntity): Promise<Entity> {
  const inserted = await db.execute({
    name: 'entity-insert',
    text: `
      insert into principal
        (principal_id, account_id, kind, name, path, arn, description, boundary_policy_id, trust_policy,
         max_session_seconds)
      values ($1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text, $8::text, $9::text, $10::int)
      on conflict do nothing`,
    values: [
      entity.id,
      entity.accountId,
      entity.kind,
      entity.name,
      entity.path,
      entity.arn,
      entity.description ?? null,
      entity.boundaryPolicyId ?? null,
      entity.trustPolicy ?? null,
      entity.maxSessionSeconds ?? null,
    ],
  });
  if (inserted === 0) throw entityExists(entity.kind, entity.name);
  return requireEntity(db, entity);
}

/** Gives the entity another name, path and with them ARN. Throws EntityAlreadyExists. */
export async function renameEntity(
  db: Queryable,
  { id, kind }: Entity,
  to: { readonly name: string; readonly path: string; readonly arn: string },
): Promise<void> {
  try {
    await db.execute({
      name: 'entity-rename',
      text: `
        update principal set name = $2::text, path = $3::text, arn = $4::text where principal_id = $1::text`,
      values: [id, to.name, to.path, to.arn],
    });
  } catch (error) {
    if (error instanceof DatabaseError && error.code === 'unique-violation') {
      throw entityExists(kind, to.name);
    }
    throw error;
  }
}

/** Whoever deletes an entity has locked it and looked for what still hangs on it; its tags are deleted apart. */
export async function deleteEntity(db: Queryable, { id }: Entity): Promise<void> {
  await db.execute({
    name: 'entity-delete',
    text: 'delete from principal where principal_id = $1::text',
    values: [id],
  });
}

export interface EntityPage {
  readonly accountId: string;
  readonly kind: EntityKind;
  /** Only those whose path begins so. */
  readonly pathPrefix: string | undefined;
  /** A name: only those after it. */
  readonly after: string;
  readonly limit: number;
}

/** In order of name (bytes). */
export async function listEntities(db: Queryable, page: EntityPage): Promise<Entity[]> {
  const rows = await db.query<EntityRow>({
    name: 'entity-list',
    text: `
      select ${entityColumns} from ${entitySource}
      where p.account_id = $1::text and p.kind = $2::text and p.name > $3::text and starts_with(p.path, $4::text)
      order by p.name limit $5::int`,
    values: [page.accountId, page.kind, page.after, page.pathPrefix ?? rootPath, page.limit],
  });
  return rows.map(toEntity);
}

/** Entities of a kind in the account. The count stands while the caller holds the account's lock. */
export async function countEntities(
  db: Queryable,
  { accountId, kind }: Omit<EntityName, 'name'>,
): Promise<number> {
  const [row] = await db.query<{ entities: number }>({
    name: 'entity-count',
    text: `
      select count(*)::int as entities from principal where account_id = $1::text and kind = $2::text`,
    values: [accountId, kind],
  });
  return row?.entities ?? 0;
}

/** One change of what an account has a quota of at a time, until the transaction ends. */
export async function lockAccount(db: Queryable, accountId: string): Promise<void> {
  await db.query({
    name: 'account-lock',
    // Rows that refer to the account may be inserted meanwhile.
    text: 'select account_id from account where account_id = $1::text for no key update',
    values: [accountId],
  });
}

export function toEntity(row: EntityRow): Entity {
  return {
    id: row.principal_id,
    accountId: row.account_id,
    kind: row.kind,
    name: row.name,
    path: row.path,
    arn: row.arn,
    createdAt: row.created_at,
    description: row.description ?? undefined,
    boundaryArn: row.boundary_arn ?? undefined,
    trustPolicy: row.trust_policy ?? undefined,
    maxSessionSeconds: row.max_session_seconds ?? undefined,
    lastUsedAt: row.last_used_at ?? undefined,
    lastUsedRegion: row.last_used_region ?? undefined,
  };
}

function refuse({ kind, name }: EntityName): never {
  throw noSuchEntity(kind, name);
}
