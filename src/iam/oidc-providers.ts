import type { Queryable } from '../db';

/** An OpenID Connect provider that an account trusts. */
export interface OidcProvider {
  readonly arn: string;
  readonly accountId: string;
  /** With its scheme: the issuer of tokens, letter for letter. */
  readonly url: string;
  /** Audiences that tokens may be for. */
  readonly clientIds: readonly string[];
  readonly thumbprints: readonly string[];
  readonly createdAt: Date;
}

interface OidcProviderRow {
  readonly arn: string;
  readonly account_id: string;
  readonly url: string;
  readonly client_ids: string[];
  readonly thumbprints: string[];
  readonly created_at: Date;
}

const columns = 'arn, account_id, url, client_ids, thumbprints, created_at';

export async function findProvider(db: Queryable, arn: string): Promise<OidcProvider | undefined> {
  const [row] = await db.query<OidcProviderRow>({
    name: 'oidc-provider-find',
    text: `select ${columns} from oidc_provider where arn = $1::text`,
    values: [arn],
  });
  return row === undefined ? undefined : toProvider(row);
}

/** Locks it until the transaction ends; undefined when there is no such provider. */
export async function lockProvider(db: Queryable, arn: string): Promise<OidcProvider | undefined> {
  const [row] = await db.query<OidcProviderRow>({
    name: 'oidc-provider-lock',
    text: `select ${columns} from oidc_provider where arn = $1::text for update`,
    values: [arn],
  });
  return row === undefined ? undefined : toProvider(row);
}

/** In order of ARN. An account has at most a hundred. */
export async function listProviders(db: Queryable, accountId: string): Promise<string[]> {
  const rows = await db.query<{ arn: string }>({
    name: 'oidc-provider-list',
    text: 'select arn from oidc_provider where account_id = $1::text order by arn',
    values: [accountId],
  });
  return rows.map((row) => row.arn);
}

/** Returns false when the account has it already. */
export async function insertProvider(
  db: Queryable,
  provider: Omit<OidcProvider, 'createdAt'>,
): Promise<boolean> {
  const inserted = await db.execute({
    name: 'oidc-provider-insert',
    text: `
      insert into oidc_provider (arn, account_id, url, client_ids, thumbprints)
      values ($1::text, $2::text, $3::text, $4::text[], $5::text[])
      on conflict do nothing`,
    values: [
      provider.arn,
      provider.accountId,
      provider.url,
      provider.clientIds,
      provider.thumbprints,
    ],
  });
  return inserted === 1;
}

/** The caller holds its lock. */
export async function updateProvider(
  db: Queryable,
  { arn, clientIds, thumbprints }: Pick<OidcProvider, 'arn' | 'clientIds' | 'thumbprints'>,
): Promise<void> {
  await db.execute({
    name: 'oidc-provider-update',
    text: `
      update oidc_provider set client_ids = $2::text[], thumbprints = $3::text[]
      where arn = $1::text`,
    values: [arn, clientIds, thumbprints],
  });
}

/** Returns false when there is no such provider. */
export async function removeProvider(db: Queryable, arn: string): Promise<boolean> {
  const removed = await db.execute({
    name: 'oidc-provider-remove',
    text: 'delete from oidc_provider where arn = $1::text',
    values: [arn],
  });
  return removed === 1;
}

function toProvider(row: OidcProviderRow): OidcProvider {
  return {
    arn: row.arn,
    accountId: row.account_id,
    url: row.url,
    clientIds: row.client_ids,
    thumbprints: row.thumbprints,
    createdAt: row.created_at,
  };
}
