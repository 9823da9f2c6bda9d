import { randomUUID } from 'node:crypto';
import { openAuditWriter } from '../../src/audit';
import { type Transaction, inTransaction, openChangeFeed, openDatabase } from '../../src/db';
import type { Job } from '../../src/jobs/job';
import { type JobEvent, JobTimer } from '../../src/jobs/timer';
import type { Key } from '../../src/keys/key';
import { Materials } from '../../src/keys/materials';
import type { RotationParts } from '../../src/keys/rotation';
import { KeyStore, type NewKey } from '../../src/keys/store';
import { defaultKeyPolicy } from '../../src/policy/compile';
import { type Vault, openVault } from './access-keys';
import { administer } from './postgres';
import { accountId, place } from './sample-keys';

/** What timed work on keys needs, on a token and a database of its own. What cannot be undone in the token is thrown. */
export interface KeyJobs {
  readonly vault: Vault;
  readonly keys: KeyStore;
  readonly parts: RotationParts;
  /** A key with material, and what `also` does to it in the transaction that makes it. */
  make(
    also?: (transaction: Transaction, keyId: string) => Promise<unknown>,
    different?: Partial<NewKey>,
  ): Promise<Key>;
  /** What one look of a worker told, whose view of the database's clock is so many seconds ahead. */
  look(job: Job, clockOffsetSeconds?: number): Promise<JobEvent[]>;
  /** Takes all keys away, and what was tried on them. */
  clear(): Promise<unknown>;
  close(): Promise<void>;
}

export async function openKeyJobs(): Promise<KeyJobs> {
  const vault = await openVault();
  await vault.issue(accountId, false);
  const { url, database } = vault;
  const changes = openChangeFeed({ url, database, waitMs: 3000, connectTimeoutMs: 5000 });
  await changes.listening();
  const auditDatabase = openDatabase({
    ...{ url, poolSize: 1, statementTimeoutMs: 5000, connectTimeoutMs: 5000 },
  });
  const keys = new KeyStore(place);
  const parts: RotationParts = {
    ...{ database, place, keys, changes },
    audit: openAuditWriter({ database: auditDatabase, waitMs: 5000 }),
    materials: new Materials({ ...vault, keys, storage: 'resident' }),
    onLeftover: (error) => {
      throw error;
    },
  };
  return {
    ...{ vault, keys, parts },
    make: (also, different) =>
      inTransaction(database, async (transaction) => {
        const inserted = await keys.insert(transaction, {
          ...{ keyId: randomUUID(), accountId, description: '', keySpec: 'SYMMETRIC_DEFAULT' },
          ...{ keyUsage: 'ENCRYPT_DECRYPT', policy: defaultKeyPolicy(place, accountId), tags: [] },
          ...different,
        });
        await also?.(transaction, inserted.keyId);
        return parts.materials.create(transaction, inserted, { undo: () => undefined });
      }),
    look: async (job, clockOffsetSeconds = 0) => {
      const events: JobEvent[] = [];
      const onEvent = (event: JobEvent): void => void events.push(event);
      await new JobTimer({
        ...{ db: database, jobs: [job], intervalMs: 60_000, clockOffsetSeconds, onEvent },
      }).look();
      return events;
    },
    clear: () => administer(url, 'with a as (delete from job_attempt) delete from kms_key'),
    close: async () => {
      await parts.audit.close();
      await auditDatabase.close();
      await changes.close();
      await vault.remove();
    },
  };
}
