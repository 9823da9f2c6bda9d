import { randomUUID } from 'node:crypto';
import type { Token } from '../../hsm';
import { type AuditWriter, auditLine, serviceEventRecord } from '../audit';
import { type ChangeFeed, type Database, type Transaction, inTransaction } from '../db';
import {
  type DoomedKey,
  type DoomedMaterial,
  beginDeletion,
  doomedMaterials,
  lockDoomedKey,
  removeKey,
} from '../keys/deletion';
import { destroyObject } from '../keys/doomed-objects';
import { type Place, keyArn } from '../keys/identifiers';
import type { KeyTokens } from '../keys/key-tokens';
import { lockToken } from '../keys/token-lock';
import { type StoreOutcome, destroyInStore, storeMembers } from './delete-in-store';
import type { Job, Schedule, Task } from './job';

export interface DeleteKeyParts {
  readonly database: Database;
  /** The main one. */
  readonly token: Token;
  readonly keyTokens: Pick<KeyTokens, 'ofStore'>;
  readonly place: Place;
  readonly audit: AuditWriter;
  readonly changes: ChangeFeed;
  /** The worker's clock; Date.now but in tests. */
  readonly now?: () => number;
}

/** Keys to be deleted. */
export const dueKeys: Schedule = {
  name: 'delete-key',
  due: {
    from: 'kms_key k',
    where: `k.state = 'PendingDeletion'`,
    subject: 'k.key_id',
    at: 'k.deletion_date',
  },
};

/**
 * Deletes keys whose date has come, in two transactions. The first takes the key away from everybody, and cancelling with
 * it: it and CancelKeyDeletion lock the same row, so one of them wins. The second destroys the material in the token and
 * then removes the row. Killed between or within them, the job is finished by whoever claims the row next: a row without
 * material is removed, and material without a row is never left.
 */
export function deleteKey(parts: DeleteKeyParts): Job {
  return {
    ...dueKeys,
    async run(task) {
      await requireToken(parts, task);
      await begin(parts, task);
      return finish(parts, task.subject);
    },
  };
}

/**
 * Before the point of no return: while the token is away, or is another, the deletion can still be cancelled. A key whose
 * material is wrapped has nothing in it, and one in a custom key store is deleted whether or not that is connected, as it is
 * in AWS (kms-semantics §10).
 */
async function requireToken({ database, token }: DeleteKeyParts, task: Task): Promise<void> {
  const materials = (await doomedMaterials(database, task.subject)).filter(isInMainToken);
  if (materials.length === 0) return;
  await token.check();
  requireHere(token, materials);
}

/** To destroy a key that is not there is success, so it must be asked of the token that has it. */
function requireHere(token: Token, materials: readonly DoomedMaterial[]): void {
  const { serial } = token.status();
  const elsewhere = materials.find(({ tokenSerial }) => tokenSerial !== serial);
  if (elsewhere === undefined) return;
  throw new Error(
    `The material ${elsewhere.materialId} is in the token with serial ${elsewhere.tokenSerial}, which is not this one`,
  );
}

async function begin(
  { database, changes, now = Date.now }: DeleteKeyParts,
  { subject: keyId, clockOffsetSeconds }: Task,
): Promise<void> {
  const announcements = await inTransaction(database, async (transaction) => {
    await beginDeletion(transaction, { keyId, clockOffsetSeconds, now: now() });
    return transaction.announcements;
  });
  // A clone in another worker's session outlives its original.
  await changes.acknowledged(announcements);
}

/** False when the deletion was cancelled, or is another worker's. */
async function finish(parts: DeleteKeyParts, keyId: string): Promise<boolean> {
  const transaction = await parts.database.begin();
  try {
    const key = await lockDoomedKey(transaction, keyId);
    if (key === undefined) return false;
    await destroyMaterials(parts, transaction, key);
    const inStore = await destroyInStore(parts, transaction, key);
    await removeKey(transaction, keyId);
    await parts.audit.commitWith(transaction, record(parts.place, key, inStore));
    return true;
  } finally {
    await transaction.rollback();
  }
}

async function destroyMaterials(
  { token }: DeleteKeyParts,
  transaction: Transaction,
  key: DoomedKey,
): Promise<void> {
  const materials = key.materials.filter(isInMainToken);
  if (materials.length === 0) return;
  requireHere(token, materials);
  // SoftHSM misses what another process changes beside it, and what is missed would stay.
  await lockToken(transaction, token.status().serial);
  for (const { materialId: tokenKeyId, kind } of materials) {
    await destroyObject(token, { tokenKeyId, kind });
  }
}

function isInMainToken({ store }: DoomedMaterial): boolean {
  return store === undefined;
}

function record(place: Place, key: DoomedKey, inStore: readonly StoreOutcome[]): string {
  const { keyId, accountId } = key;
  return auditLine(
    serviceEventRecord({
      completedAt: new Date(),
      eventId: randomUUID(),
      eventName: 'DeleteKey',
      region: place.region,
      accountId,
      resources: [{ accountId, arn: keyArn(place, accountId, keyId) }],
      additional: storeMembers(key, inStore),
    }),
  );
}
