import type { FeedCache, Queryable } from '../db';
import type { Principal } from '../policy/principal';
import type { Sealing } from './sealing';
import type { Secret } from './secret';
import type { Credential } from './sigv4';

interface AccessKeyRow {
  readonly access_key_id: string;
  readonly account_id: string;
  readonly principal_id: string;
  readonly arn: string;
  readonly kind: 'root' | 'user' | 'service';
  readonly name: string | null;
  readonly sealed_secret: Buffer;
  readonly sealing_key_id: string;
}

interface Parts {
  readonly db: Queryable;
  readonly sealing: Sealing;
  readonly cache: FeedCache<Credential<Principal>>;
}

/** The active access keys, their secrets opened in the token when first used. */
export class AccessKeys {
  constructor(private readonly parts: Parts) {}

  /** Returns at once when the worker knows the key; undefined for one that is unknown or inactive. */
  find(accessKeyId: string): Credential<Principal> | Promise<Credential<Principal> | undefined> {
    const { cache } = this.parts;
    return cache.get(accessKeyId) ?? cache.load(accessKeyId, () => this.read(accessKeyId));
  }

  private async read(accessKeyId: string): Promise<Credential<Principal> | undefined> {
    const [row] = await this.parts.db.query<AccessKeyRow>({
      name: 'access-key-find',
      text: `
        select a.access_key_id, a.account_id, a.principal_id, p.arn, p.kind, p.name,
               a.sealed_secret, a.sealing_key_id
        from access_key a join principal p using (account_id, principal_id)
        where a.access_key_id = $1::text and a.status = 'Active'`,
      values: [accessKeyId],
    });
    if (row === undefined) return undefined;
    const sealed = { blob: row.sealed_secret, sealingKeyId: row.sealing_key_id };
    return {
      accessKeyId,
      secret: await this.parts.sealing.open(sealed, accessKeyId),
      principal: {
        kind: row.kind,
        accountId: row.account_id,
        arn: row.arn,
        principalId: row.principal_id,
        userName: row.kind === 'user' ? (row.name ?? undefined) : undefined,
        accessKeyId,
      },
    };
  }
}

/** Of an access key in use or not; undefined when there is none. */
export async function accountOfAccessKey(
  db: Queryable,
  accessKeyId: string,
): Promise<string | undefined> {
  const [row] = await db.query<{ account_id: string }>({
    name: 'access-key-account',
    text: 'select account_id from access_key where access_key_id = $1::text',
    values: [accessKeyId],
  });
  return row?.account_id;
}

export interface NewAccessKey {
  readonly accessKeyId: string;
  readonly accountId: string;
  readonly principalId: string;
  readonly secret: Secret;
}

/** Stores an access key, its secret sealed; returns when that was. */
export async function insertAccessKey(
  db: Queryable,
  sealing: Sealing,
  { key, sealingKeyId }: { key: NewAccessKey; sealingKeyId: string },
): Promise<{ readonly createdAt: Date }> {
  const sealed = await sealing.seal(key.secret, { owner: key.accessKeyId, keyId: sealingKeyId });
  const [row] = await db.query<{ created_at: Date }>({
    text: `
      insert into access_key (access_key_id, account_id, principal_id, sealed_secret, sealing_key_id)
      values ($1::text, $2::text, $3::text, $4::bytea, $5::text)
      returning created_at`,
    values: [key.accessKeyId, key.accountId, key.principalId, sealed.blob, sealed.sealingKeyId],
  });
  if (row === undefined) throw new Error('an access key that was inserted is not there');
  return { createdAt: row.created_at };
}
