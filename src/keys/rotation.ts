import { randomUUID } from 'node:crypto';
import { type AuditWriter, type ServiceEvent, auditLine, serviceEventRecord } from '../audit';
import type { Awaitable } from '../awaitable';
import type { ChangeFeed, Database, Queryable, Transaction } from '../db';
import type { RotationType } from '../shapes/kms.generated';
import { type UndoStep, undoneOnFailure } from '../undo';
import type { Place } from './identifiers';
import type { Key } from './key';
import { type Material, isAway, promoteMaterial } from './material';
import type { Materials } from './materials';
import type { KeyStore } from './store';

/** Days between two rotations where the caller names none, and of AWS-managed keys (kms-semantics §8.1). */
export const defaultPeriodDays = 365;

/**
 * The key rotates by itself from now on, every so many days of 24 hours by the clock of the database. The first time is a
 * period from now; where it rotates by this period already, its date stays: to ask again puts nothing off.
 */
export async function enableRotation(
  db: Queryable,
  keyId: string,
  periodDays: number,
): Promise<void> {
  await db.execute({
    name: 'key-enable-rotation',
    text: `
      update kms_key
      set next_rotation_at = clock_timestamp() + make_interval(hours => 24 * $2::int), rotation_period_days = $2::int
      where key_id = $1::text and rotation_period_days is distinct from $2::int`,
    values: [keyId, periodDays],
  });
}

export async function disableRotation(db: Queryable, keyId: string): Promise<void> {
  await db.execute({
    name: 'key-disable-rotation',
    text: `
      update kms_key set rotation_period_days = null, next_rotation_at = null where key_id = $1::text`,
    values: [keyId],
  });
}

/** What RotateKeyOnDemand is decided on. */
export interface OnDemandRotation {
  /** How many there were of the key, with this one. */
  readonly count: number;
  /** An automatic rotation of an enabled key is due within twenty minutes, or overdue (kms-semantics §8.3). */
  readonly collides: boolean;
}

/** Counts a rotation on demand that the transaction is about to do. The caller refuses it by what is answered. */
export async function countOnDemandRotation(
  db: Queryable,
  keyId: string,
): Promise<OnDemandRotation> {
  const [row] = await db.query<OnDemandRotation>({
    name: 'key-count-on-demand-rotation',
    text: `
      update kms_key set on_demand_rotations = on_demand_rotations + 1 where key_id = $1::text
      returning on_demand_rotations as count,
        coalesce(next_rotation_at <= clock_timestamp() + interval '20 minutes', false) as collides`,
    values: [keyId],
  });
  if (row === undefined) throw new Error('a key that was locked is not there');
  return row;
}

/**
 * The date moves on by as many periods as it takes to be in the future again, so that it does not drift. False, and nothing
 * is changed, of a key that is not due, not enabled, or does not rotate by itself.
 */
export async function advanceRotation(
  db: Queryable,
  { keyId, clockOffsetSeconds }: { keyId: string; clockOffsetSeconds: number },
): Promise<boolean> {
  const clock = 'now() + make_interval(secs => $2::float8)';
  const advanced = await db.execute({
    name: 'key-advance-rotation',
    text: `
      update kms_key
      set next_rotation_at = next_rotation_at + make_interval(hours => 24 * rotation_period_days * (1 + floor(
        extract(epoch from ${clock} - next_rotation_at) / (86400 * rotation_period_days)))::int)
      where key_id = $1::text and state = 'Enabled' and next_rotation_at <= ${clock}`,
    values: [keyId, clockOffsetSeconds],
  });
  return advanced > 0;
}

/** Imported material that waits to become the current one by RotateKeyOnDemand (kms-semantics §9.3). */
export function pendingMaterial({ materials }: Key): Material | undefined {
  return [...materials.values()].find(
    (material) => material.state === 'PENDING_ROTATION' && !isAway(material),
  );
}

interface Rotation {
  /** As it was when this transaction locked it. */
  readonly key: Key;
  readonly rotationType: RotationType;
  /** Is given what takes back from the token what was made there. */
  readonly undo: (step: UndoStep) => void;
}

/**
 * Other material is the key's current one from now on, and what was current stays for Decrypt: new material of the token's,
 * or of an imported key what waits for it. Announces the key. CloudTrail's RotateKey, to be recorded with it.
 */
export async function rotate(
  { materials, place }: { readonly materials: Materials; readonly place: Place },
  transaction: Transaction,
  { key, rotationType, undo }: Rotation,
): Promise<ServiceEvent> {
  const { keyId, accountId, arn, origin } = key;
  const current =
    origin === 'EXTERNAL'
      ? await promotePending(transaction, key, rotationType)
      : (await materials.create(transaction, key, { undo, rotationType })).currentMaterial?.id;
  transaction.announce({ topic: 'key', id: keyId });
  return {
    completedAt: new Date(),
    eventId: randomUUID(),
    eventName: 'RotateKey',
    region: place.region,
    accountId,
    resources: [{ accountId, arn }],
    details: {
      ...{ keyId, rotationType, keyOrigin: origin },
      previousKeyMaterialId: key.currentMaterial?.id,
      currentKeyMaterialId: current,
    },
  };
}

async function promotePending(
  db: Queryable,
  key: Key,
  rotationType: RotationType,
): Promise<string> {
  const pending = pendingMaterial(key);
  if (pending === undefined) throw new Error('no key material of the key waits for a rotation');
  await promoteMaterial(db, key.keyId, { materialId: pending.id, rotationType });
  return pending.id;
}

export interface RotationParts {
  readonly database: Database;
  readonly place: Place;
  readonly keys: KeyStore;
  readonly materials: Materials;
  readonly audit: AuditWriter;
  readonly changes: ChangeFeed;
  readonly onLeftover: (error: unknown) => void;
}

export interface WantedRotation {
  readonly keyId: string;
  /** Asked of the key as it is, locked; what it changes in the transaction commits with the rotation, or not at all. */
  readonly wanted: (transaction: Transaction, key: Key) => Awaitable<boolean>;
}

/**
 * Rotates a key as the service itself does it, in one transaction with its record; the token's new material is taken back
 * when that fails. Resolves once every worker has dropped what it knew of the key; false when it was not wanted any more.
 */
export async function rotateNow(
  parts: RotationParts,
  { keyId, wanted }: WantedRotation,
): Promise<boolean> {
  const { keys, audit, changes } = parts;
  const announcements = await undoneOnFailure(parts, async (transaction, undo) => {
    const key = await keys.lock(transaction, keyId);
    if (key === undefined || !(await wanted(transaction, key))) return undefined;
    const event = await rotate(parts, transaction, { key, rotationType: 'AUTOMATIC', undo });
    await audit.commitWith(transaction, auditLine(serviceEventRecord(event)));
    return transaction.announcements;
  });
  if (announcements === undefined) return false;
  await changes.acknowledged(announcements);
  return true;
}
