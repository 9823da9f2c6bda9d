import type { Queryable } from '../db';

/** An API token as its owner may see it: all but what it is compared with. */
export interface ApiTokenFacts {
  readonly tokenId: string;
  readonly accountId: string;
  /** Id under which the database has the principal. */
  readonly principalId: string;
  /** aws:userid of who made it. */
  readonly callerId: string;
  readonly name: string | undefined;
  /** Text of its policy. */
  readonly policy: string | undefined;
  /** JSON: see WrittenSession. */
  readonly session: string | undefined;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly lastUsedAt: Date | undefined;
  /** Of the principal, as it is now. */
  readonly owner: {
    readonly kind: 'root' | 'user' | 'role' | 'service';
    readonly arn: string;
    readonly name: string | undefined;
  };
}

/** With the hash that a presented secret is compared with. */
export interface ApiTokenRow extends ApiTokenFacts {
  readonly hash: Buffer;
}

interface Row {
  readonly token_id: string;
  readonly secret_hash: Buffer;
  readonly account_id: string;
  readonly principal_id: string;
  readonly caller_id: string;
  readonly name: string | null;
  readonly policy: string | null;
  readonly session: string | null;
  readonly created_at: Date;
  readonly expires_at: Date;
  readonly last_used_at: Date | null;
  readonly owner_kind: 'root' | 'user' | 'role' | 'service';
  readonly owner_arn: string;
  readonly owner_name: string | null;
}

const columns = `
  t.token_id, t.secret_hash, t.account_id, t.principal_id, t.caller_id, t.name, t.policy, t.session, t.created_at,
  t.expires_at, t.last_used_at, p.kind as owner_kind, p.arn as owner_arn, p.name as owner_name`;

const source = 'api_token t join principal p using (account_id, principal_id)';

/** Those of them that exist, expired or not. */
export async function readApiTokens(
  db: Queryable,
  tokenIds: readonly string[],
): Promise<ApiTokenRow[]> {
  const rows = await db.query<Row>({
    name: 'api-token-read',
    text: `select ${columns} from ${source} where t.token_id = any($1::text[])`,
    values: [tokenIds],
  });
  return rows.map((row) => ({ ...toFacts(row), hash: row.secret_hash }));
}

/** Undefined where the account has no such token. */
export async function findApiToken(
  db: Queryable,
  { accountId, tokenId }: Pick<ApiTokenFacts, 'accountId' | 'tokenId'>,
): Promise<ApiTokenFacts | undefined> {
  const [row] = await db.query<Row>({
    name: 'api-token-find',
    text: `select ${columns} from ${source} where t.account_id = $1::text and t.token_id = $2::text`,
    values: [accountId, tokenId],
  });
  return row && toFacts(row);
}

/** Whose tokens: one caller's, all of a principal's (of every session of a role), or all of the account's. */
export interface ApiTokenOwners {
  readonly accountId: string;
  readonly callerId?: string;
  readonly principalId?: string;
}

/** In order of id, those after `after` only. */
export async function listApiTokens(
  db: Queryable,
  { accountId, callerId, principalId }: ApiTokenOwners,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<ApiTokenFacts[]> {
  const rows = await db.query<Row>({
    name: 'api-token-list',
    text: `
      select ${columns} from ${source}
      where t.account_id = $1::text and ($2::text is null or t.caller_id = $2::text)
        and ($3::text is null or t.principal_id = $3::text) and t.token_id > $4::text
      order by t.token_id limit $5::int`,
    values: [accountId, callerId ?? null, principalId ?? null, after, limit],
  });
  return rows.map(toFacts);
}

/**
 * How many tokens of the principal have not expired. It is locked: nobody makes another or deletes it until the transaction
 * ends. Undefined when it is deleted already.
 */
export async function lockAndCountApiTokens(
  db: Queryable,
  { accountId, principalId }: Pick<ApiTokenFacts, 'accountId' | 'principalId'>,
  now: Date,
): Promise<number | undefined> {
  const locked = await db.query({
    name: 'api-token-owner-lock',
    text: `
      select principal_id from principal
      where account_id = $1::text and principal_id = $2::text for no key update`,
    values: [accountId, principalId],
  });
  if (locked.length === 0) return undefined;
  const [row] = await db.query<{ tokens: number }>({
    name: 'api-token-count',
    text: `
      select count(*)::int as tokens from api_token
      where account_id = $1::text and principal_id = $2::text and expires_at > $3::timestamptz`,
    values: [accountId, principalId, now],
  });
  return row?.tokens ?? 0;
}

export type NewApiTokenRow = Omit<ApiTokenRow, 'lastUsedAt' | 'owner'>;

/** Days that an expired token is listed: whoever looks why something stopped finds it there. */
const keptDays = 7;

export async function insertApiToken(db: Queryable, token: NewApiTokenRow): Promise<void> {
  await db.execute({
    name: 'api-token-insert',
    text: `
      insert into api_token
        (token_id, secret_hash, account_id, principal_id, caller_id, name, policy, session, created_at, expires_at,
         kept_until)
      values ($1::text, $2::bytea, $3::text, $4::text, $5::text, $6::text, $7::text, $8::text, $9::timestamptz,
        $10::timestamptz, $10::timestamptz + make_interval(days => $11::int))`,
    values: [
      token.tokenId,
      token.hash,
      token.accountId,
      token.principalId,
      token.callerId,
      token.name ?? null,
      token.policy ?? null,
      token.session ?? null,
      token.createdAt,
      token.expiresAt,
      keptDays,
    ],
  });
}

/** False when there was none. */
export async function deleteApiToken(
  db: Queryable,
  { accountId, tokenId }: Pick<ApiTokenFacts, 'accountId' | 'tokenId'>,
): Promise<boolean> {
  const deleted = await db.execute({
    name: 'api-token-delete',
    text: 'delete from api_token where account_id = $1::text and token_id = $2::text',
    values: [accountId, tokenId],
  });
  return deleted === 1;
}

function toFacts(row: Row): ApiTokenFacts {
  return {
    tokenId: row.token_id,
    accountId: row.account_id,
    principalId: row.principal_id,
    callerId: row.caller_id,
    name: row.name ?? undefined,
    policy: row.policy ?? undefined,
    session: row.session ?? undefined,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    lastUsedAt: row.last_used_at ?? undefined,
    owner: { kind: row.owner_kind, arn: row.owner_arn, name: row.owner_name ?? undefined },
  };
}
