import { randomUUID } from 'node:crypto';
import { type AuditWriter, auditLine, serviceEventRecord } from '../audit';
import type { ChangeFeed, Database } from '../db';
import { type Place, keyArn } from '../keys/identifiers';
import { type ExpiredMaterial, lockExpired } from '../keys/imported-material';
import type { Imports } from '../keys/imports';
import type { Job, Schedule } from './job';

export interface ExpireMaterialParts {
  readonly database: Database;
  readonly place: Place;
  readonly imports: Imports;
  readonly audit: AuditWriter;
  readonly changes: ChangeFeed;
  readonly destroyObjects: Pick<Job, 'run'>;
}

/** Imported material whose time is over. */
export const expiredMaterial: Schedule = {
  name: 'expire-material',
  due: {
    from: 'key_material m',
    where: `m.import_state = 'IMPORTED'`,
    subject: 'm.material_id',
    at: 'm.valid_to',
  },
};

/**
 * Deletes imported material whose time is over, in one transaction with its record. Nothing uses it any more by then: see
 * `isAway`. An object in the token is destroyed at once, and by who comes to it next where that fails.
 */
export function expireMaterial(parts: ExpireMaterialParts): Job {
  const { database, imports, audit, changes, destroyObjects } = parts;
  return {
    ...expiredMaterial,
    async run(task) {
      const transaction = await database.begin();
      try {
        const expired = await lockExpired(transaction, task.subject, task.clockOffsetSeconds);
        if (expired === undefined) return false;
        await imports.remove(transaction, expired, task.subject);
        transaction.announce({ topic: 'key', id: expired.keyId });
        await audit.commitWith(transaction, record(parts.place, task.subject, expired));
        await changes.acknowledged(transaction.announcements);
      } finally {
        await transaction.rollback();
      }
      await destroyObjects.run({ ...task, clockOffsetSeconds: 0 }).catch(() => undefined);
      return true;
    },
  };
}

/** kms-semantics §16.5 */
function record(place: Place, materialId: string, { keyId, accountId }: ExpiredMaterial): string {
  return auditLine(
    serviceEventRecord({
      completedAt: new Date(),
      eventId: randomUUID(),
      eventName: 'DeleteExpiredKeyMaterial',
      region: place.region,
      accountId,
      resources: [{ accountId, arn: keyArn(place, accountId, keyId) }],
      details: { keyId, keyMaterialId: materialId },
    }),
  );
}
