import type { Sealed, Sealing } from '../auth/sealing';
import type { Secret } from '../auth/secret';
import type { Queryable, Transaction } from '../db';
import { announceStore } from './stores';

/** A row of xks_credential, without its secret. */
export interface CredentialRecord {
  readonly accessKeyId: string;
  readonly prefix: string;
  readonly status: 'ENABLED' | 'DISABLED';
  readonly createdAt: Date;
}

interface CredentialRow {
  readonly access_key_id: string;
  readonly prefix: string;
  readonly status: CredentialRecord['status'];
  readonly created_at: Date;
}

interface SealedRow {
  readonly access_key_id: string;
  readonly sealed_secret: Buffer;
  readonly sealing_key_id: string;
}

const columns = 'access_key_id, prefix, status, created_at';

/** Bound to what is sealed: a secret that was moved to another store or credential does not open. */
function ownerOf({
  prefix,
  accessKeyId,
}: Pick<CredentialRecord, 'prefix' | 'accessKeyId'>): string {
  return `${prefix}:${accessKeyId}`;
}

/** Those of a store that are enabled, their secrets opened in the token. */
export async function openCredentials(
  db: Queryable,
  sealing: Sealing,
  prefix: string,
): Promise<Map<string, Secret>> {
  const rows = await db.query<SealedRow>({
    name: 'xks-credential-open',
    text: `
      select access_key_id, sealed_secret, sealing_key_id from xks_credential
      where prefix = $1::text and status = 'ENABLED'`,
    values: [prefix],
  });
  const opened = new Map<string, Secret>();
  for (const { access_key_id: accessKeyId, ...row } of rows) {
    const sealed: Sealed = { blob: row.sealed_secret, sealingKeyId: row.sealing_key_id };
    opened.set(accessKeyId, await sealing.open(sealed, ownerOf({ prefix, accessKeyId })));
  }
  return opened;
}

/** In the order in which they were made; of every store when none is named. */
export async function listCredentials(
  db: Queryable,
  prefix: string | undefined,
): Promise<CredentialRecord[]> {
  const rows = await db.query<CredentialRow>({
    name: 'xks-credential-list',
    text: `
      select ${columns} from xks_credential where $1::text is null or prefix = $1::text
      order by prefix, created_at, access_key_id`,
    values: [prefix ?? null],
  });
  return rows.map(toRecord);
}

interface NewCredential extends Pick<CredentialRecord, 'accessKeyId' | 'prefix'> {
  readonly secret: Secret;
  readonly sealingKeyId: string;
}

/** Stores a credential, its secret sealed. The caller holds the lock of its store. */
export async function insertCredential(
  transaction: Transaction,
  sealing: Sealing,
  { accessKeyId, prefix, secret, sealingKeyId: keyId }: NewCredential,
): Promise<CredentialRecord> {
  const sealed = await sealing.seal(secret, { owner: ownerOf({ prefix, accessKeyId }), keyId });
  const [row] = await transaction.query<CredentialRow>({
    name: 'xks-credential-insert',
    text: `
      insert into xks_credential (access_key_id, prefix, sealed_secret, sealing_key_id)
      values ($1::text, $2::text, $3::bytea, $4::text) returning ${columns}`,
    values: [accessKeyId, prefix, sealed.blob, sealed.sealingKeyId],
  });
  if (row === undefined) throw new Error('a credential that was inserted is not there');
  announceStore(transaction, prefix);
  return toRecord(row);
}

/** False when the store has no such credential. The caller holds the lock of its store. */
export async function setCredentialStatus(
  transaction: Transaction,
  { prefix, accessKeyId, status }: Pick<CredentialRecord, 'prefix' | 'accessKeyId' | 'status'>,
): Promise<boolean> {
  const changed = await transaction.execute({
    name: 'xks-credential-set-status',
    text: `
      update xks_credential set status = $3::text where prefix = $1::text and access_key_id = $2::text`,
    values: [prefix, accessKeyId, status],
  });
  announceStore(transaction, prefix);
  return changed === 1;
}

/** False when the store has no such credential. The caller holds the lock of its store. */
export async function removeCredential(
  transaction: Transaction,
  { prefix, accessKeyId }: Pick<CredentialRecord, 'prefix' | 'accessKeyId'>,
): Promise<boolean> {
  const removed = await transaction.execute({
    name: 'xks-credential-remove',
    text: 'delete from xks_credential where prefix = $1::text and access_key_id = $2::text',
    values: [prefix, accessKeyId],
  });
  announceStore(transaction, prefix);
  return removed === 1;
}

function toRecord(row: CredentialRow): CredentialRecord {
  return {
    accessKeyId: row.access_key_id,
    prefix: row.prefix,
    status: row.status,
    createdAt: row.created_at,
  };
}
