import { DatabaseError, type Pool } from 'pg';
import { Problem } from './problems';

/** The tables of this service. `wrapped_key` is a data key as Claviger wrapped it, `sealed` a document under that key. */
export const schema = `
  create table if not exists tenant (
    tenant text primary key,
    -- Names the request that makes its key: repeated after a crash, it makes no second one.
    request_id uuid not null default gen_random_uuid(),
    -- Null until Claviger has made it.
    key_id text,
    shredded_at timestamptz,
    -- Null until Claviger has been told.
    key_deletion_date timestamptz
  );
  create table if not exists document (
    tenant text not null references tenant,
    document text not null,
    sealed bytea not null,
    wrapped_key bytea not null,
    -- What the data key is for: this document alone, or any of the tenant.
    key_for text not null check (key_for in ('document', 'tenant')),
    key_material_id text not null,
    primary key (tenant, document)
  );
  create index if not exists document_wrapped_key on document (tenant, wrapped_key);
`;

export type KeyScope = 'document' | 'tenant';

export interface Tenant {
  readonly requestId: string;
  readonly keyId: string | null;
  readonly shreddedAt: Date | null;
  readonly keyDeletionDate: Date | null;
}

export interface StoredDocument {
  readonly sealed: Buffer;
  readonly wrapped: Buffer;
  readonly keyFor: KeyScope;
  readonly materialId: string;
}

/** A data key, and a document that has it; with `keyFor` tenant there may be others. */
export interface StoredKey extends Pick<StoredDocument, 'wrapped' | 'keyFor'> {
  readonly document: string;
}

/** A data key that was wrapped anew. */
export interface Replacement extends Pick<StoredDocument, 'wrapped' | 'materialId'> {
  readonly old: Buffer;
}

const tenantColumns = `request_id as "requestId", key_id as "keyId", shredded_at as "shreddedAt",
  key_deletion_date as "keyDeletionDate"`;

/** Every statement of this service. */
export class Rows {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  async addTenant(tenant: string): Promise<void> {
    await this.#ask('insert into tenant (tenant) values ($1) on conflict do nothing', [tenant]);
  }

  async tenant(tenant: string): Promise<Tenant | undefined> {
    const text = `select ${tenantColumns} from tenant where tenant = $1`;
    return (await this.#ask<Tenant>(text, [tenant]))[0];
  }

  async setKey(tenant: string, keyId: string): Promise<void> {
    await this.#ask('update tenant set key_id = $2 where tenant = $1', [tenant, keyId]);
  }

  /** Whoever reads the tenant's row from now on finds it shredded. */
  async shred(tenant: string): Promise<Tenant | undefined> {
    const text = `
      update tenant set shredded_at = coalesce(shredded_at, now()) where tenant = $1
      returning ${tenantColumns}`;
    return (await this.#ask<Tenant>(text, [tenant]))[0];
  }

  async setKeyDeletion(tenant: string, date: Date): Promise<void> {
    await this.#ask('update tenant set key_deletion_date = $2 where tenant = $1', [tenant, date]);
  }

  /** False where the tenant was shredded meanwhile. */
  async put(tenant: string, document: string, row: StoredDocument): Promise<boolean> {
    const text = `
      insert into document (tenant, document, sealed, wrapped_key, key_for, key_material_id)
      select tenant, $2, $3, $4, $5, $6 from tenant where tenant = $1 and shredded_at is null
      on conflict (tenant, document) do update set
        sealed = excluded.sealed, wrapped_key = excluded.wrapped_key, key_for = excluded.key_for,
        key_material_id = excluded.key_material_id
      returning 1`;
    const { sealed, wrapped, keyFor, materialId } = row;
    const values = [tenant, document, sealed, wrapped, keyFor, materialId];
    return (await this.#ask(text, values)).length === 1;
  }

  async get(tenant: string, document: string): Promise<StoredDocument | undefined> {
    const text = `
      select sealed, wrapped_key as wrapped, key_for as "keyFor", key_material_id as "materialId"
      from document where tenant = $1 and document = $2`;
    return (await this.#ask<StoredDocument>(text, [tenant, document]))[0];
  }

  async remove(tenant: string, document: string): Promise<void> {
    await this.#ask('delete from document where tenant = $1 and document = $2', [tenant, document]);
  }

  /** Data keys that another material wrapped, each once, in order, after the one that is given. */
  keysNotUnder(
    materialId: string,
    page: { readonly tenant: string; readonly after: Buffer; readonly limit: number },
  ): Promise<StoredKey[]> {
    const text = `
      select distinct on (wrapped_key) wrapped_key as wrapped, key_for as "keyFor", document
      from document where tenant = $1 and key_material_id <> $2 and wrapped_key > $3
      order by wrapped_key limit $4`;
    return this.#ask<StoredKey>(text, [page.tenant, materialId, page.after, page.limit]);
  }

  /** All or none. A document that got another data key meanwhile keeps that. */
  async replaceKeys(tenant: string, replacements: readonly Replacement[]): Promise<void> {
    const text = `
      update document d set wrapped_key = r.wrapped, key_material_id = r.material_id
      from unnest($2::bytea[], $3::bytea[], $4::text[]) as r (old, wrapped, material_id)
      where d.tenant = $1 and d.wrapped_key = r.old`;
    const columns = (['old', 'wrapped', 'materialId'] as const).map((name) =>
      replacements.map((replacement) => replacement[name]),
    );
    await this.#ask(text, [tenant, ...columns]);
  }

  async isReady(): Promise<boolean> {
    return this.#ask('select').then(
      () => true,
      () => false,
    );
  }

  async #ask<R extends object>(text: string, values: readonly unknown[] = []): Promise<R[]> {
    try {
      return (await this.#pool.query<R>(text, [...values])).rows;
    } catch (cause) {
      // Classes of SQLSTATE: no connection, no resources, an operator stops it (Postgres, appendix A).
      const answered = cause instanceof DatabaseError && !/^(08|53|57)/.test(cause.code ?? '');
      if (answered) throw cause;
      throw new Problem('Unavailable', 'The database is away', { retryAfterSeconds: 2, cause });
    }
  }
}
