import type { Queryable } from '../db';

export interface Alias {
  readonly accountId: string;
  readonly aliasName: string;
  readonly keyId: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

interface AliasRow {
  readonly account_id: string;
  readonly alias_name: string;
  readonly key_id: string;
  readonly created_at: Date;
  readonly updated_at: Date;
}

export interface AliasPage {
  readonly accountId: string;
  /** Only the aliases of this key. */
  readonly keyId: string | undefined;
  readonly after: string;
  readonly limit: number;
}

/** The name of an alias in the cache and in the change feed. */
export function aliasCacheKey(accountId: string, aliasName: string): string {
  return `${accountId}/${aliasName}`;
}

/** The SQL of alias. Names include the prefix `alias/`. */
export class AliasStore {
  async find(db: Queryable, accountId: string, aliasName: string): Promise<Alias | undefined> {
    const [row] = await db.query<AliasRow>({
      name: 'alias-find',
      text: `
        select account_id, alias_name, key_id, created_at, updated_at from alias
        where account_id = $1::text and alias_name = $2::text`,
      values: [accountId, aliasName],
    });
    return row === undefined ? undefined : toAlias(row);
  }

  /** In order of name (bytes), those after `after` only. */
  async list(db: Queryable, page: AliasPage): Promise<Alias[]> {
    const rows = await db.query<AliasRow>({
      name: 'alias-list',
      text: `
        select account_id, alias_name, key_id, created_at, updated_at from alias
        where account_id = $1::text and alias_name > $2::text and ($3::text is null or key_id = $3::text)
        order by alias_name limit $4::int`,
      values: [page.accountId, page.after, page.keyId ?? null, page.limit],
    });
    return rows.map(toAlias);
  }

  /** How many aliases a key has; the caller holds the key's lock, so the count stands until it commits. */
  async count(db: Queryable, keyId: string): Promise<number> {
    const [row] = await db.query<{ aliases: number }>({
      name: 'alias-count',
      text: 'select count(*)::int as aliases from alias where key_id = $1::text',
      values: [keyId],
    });
    return row?.aliases ?? 0;
  }

  /** Returns false when the name is taken. */
  async insert(
    db: Queryable,
    alias: Pick<Alias, 'accountId' | 'aliasName' | 'keyId'>,
  ): Promise<boolean> {
    const changed = await db.execute({
      name: 'alias-insert',
      text: `
        insert into alias (account_id, alias_name, key_id)
        values ($1::text, $2::text, $3::text)
        on conflict do nothing`,
      values: [alias.accountId, alias.aliasName, alias.keyId],
    });
    return changed === 1;
  }

  /** Returns false when there is no such alias. */
  async retarget(
    db: Queryable,
    alias: Pick<Alias, 'accountId' | 'aliasName' | 'keyId'>,
  ): Promise<boolean> {
    const changed = await db.execute({
      name: 'alias-retarget',
      text: `
        update alias set key_id = $3::text, updated_at = now()
        where account_id = $1::text and alias_name = $2::text`,
      values: [alias.accountId, alias.aliasName, alias.keyId],
    });
    return changed === 1;
  }

  /** Returns false when there is no such alias. */
  async remove(db: Queryable, accountId: string, aliasName: string): Promise<boolean> {
    const changed = await db.execute({
      name: 'alias-remove',
      text: `
        delete from alias where account_id = $1::text and alias_name = $2::text`,
      values: [accountId, aliasName],
    });
    return changed === 1;
  }
}

function toAlias(row: AliasRow): Alias {
  return {
    accountId: row.account_id,
    aliasName: row.alias_name,
    keyId: row.key_id,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
