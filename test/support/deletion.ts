import { type KMSClient, ScheduleKeyDeletionCommand } from '@aws-sdk/client-kms';
import { Client } from 'pg';
import { openToken } from '../../hsm';
import type { TestDaemon } from './daemon';
import { type SealedKey, createSealedKey } from './keys';
import { type AuditRow, auditTexts } from './kms';
import { administer } from './postgres';
import { tokenOptions } from './token-options';
import { until } from './until';

/** Its deletion is due now, as if its window had gone by; done as an operator would. */
export async function bringForward(databaseUrl: string, keyId: string): Promise<void> {
  await administer(
    databaseUrl,
    `update kms_key set deletion_date = now() - interval '1 second' where key_id = $1`,
    [keyId],
  );
}

/** The records of keys that were deleted, or of one. */
export async function deletedKeys(daemon: TestDaemon, arn?: string): Promise<AuditRow[]> {
  const records = (await auditTexts(daemon)).map((text) => JSON.parse(text) as AuditRow);
  return records.filter(
    ({ eventName, resources }) =>
      eventName === 'DeleteKey' && (arn === undefined || resources[0]?.['ARN'] === arn),
  );
}

export interface DoomedKey extends SealedKey {
  readonly arn: string;
  readonly materialId: string;
}

/** Looks at what becomes of a daemon's keys, in its database and in its token. */
export interface DeletionWatch {
  /** A key with a ciphertext, which is to be deleted in seven days. */
  doom(kms: KMSClient): Promise<DoomedKey>;
  /** How many rows there are of the key itself and of its material. */
  rows(key: DoomedKey): Promise<number>;
  /** Nothing brings it back. */
  begun(key: DoomedKey): Promise<boolean>;
  isInToken(key: DoomedKey): Promise<boolean>;
  /** Waits until no row is left. */
  gone(key: DoomedKey): Promise<void>;
  /** The watch's own session is none any more when the token was away. */
  reopenToken(): Promise<void>;
  close(): Promise<void>;
}

export async function watchDeletions(daemon: TestDaemon): Promise<DeletionWatch> {
  const token = await openToken(tokenOptions(daemon.token));
  const ask = <R extends object>(text: string, keyId: string): Promise<R[]> =>
    administer<R>(daemon.databaseUrl, text, [keyId]);
  const rows = async ({ keyId }: DoomedKey): Promise<number> =>
    (await ask('select from kms_key where key_id = $1', keyId)).length +
    (await ask('select from key_material where key_id = $1', keyId)).length;
  return {
    doom: async (kms) => {
      const key = await createSealedKey(kms);
      const { KeyId: arn = '' } = await kms.send(
        new ScheduleKeyDeletionCommand({ KeyId: key.keyId, PendingWindowInDays: 7 }),
      );
      const [row] = await ask<{ id: string }>(
        'select material_id as id from key_material where key_id = $1',
        key.keyId,
      );
      return { ...key, arn, materialId: row?.id ?? '' };
    },
    rows,
    begun: async ({ keyId }) => {
      const begun = 'select from kms_key where key_id = $1 and deleting_since is not null';
      return (await ask(begun, keyId)).length === 1;
    },
    isInToken: async ({ materialId }) =>
      (await token.listKeys('claviger:key:')).includes(materialId),
    gone: (key) => until('the key is deleted', async () => (await rows(key)) === 0),
    reopenToken: () => token.recover(),
    close: () => token.close(),
  };
}

/** Where a statement of a daemon can be held up: it waits until it is let go, or its server process is told to end. */
export interface Obstacle {
  /** Resolves when so many statements of daemons wait there; one by default. */
  reached(waiters?: number): Promise<void>;
  release(): Promise<void>;
}

/** A lock of the test's own, in no other namespace's way. */
const obstacleLock = 0x6f627374;

/** The first half of the name under which workers lock the token: see src/keys/store.ts. */
const tokenLock = 0x6b657973;

/** SQL that makes what follows `create … trigger stumble` wait for the test. */
export async function obstruct(databaseUrl: string, trigger: string): Promise<Obstacle> {
  await administer(
    databaseUrl,
    `create or replace function stumble() returns trigger language plpgsql as $$
       begin perform pg_advisory_xact_lock(${obstacleLock}); return coalesce(new, old); end $$;
     ${trigger}`,
  );
  const table = / on (\w+)/.exec(trigger)?.[1] ?? '';
  const obstacle = await hold(databaseUrl, `select pg_advisory_lock(${obstacleLock})`);
  return {
    reached: obstacle.reached,
    release: async () => {
      await obstacle.release();
      await administer(databaseUrl, `drop trigger stumble on ${table}`);
    },
  };
}

/** Holds the lock under which keys are made and destroyed in a token. */
export function obstructToken(databaseUrl: string, serial: string): Promise<Obstacle> {
  return hold(databaseUrl, `select pg_advisory_lock(${tokenLock}, hashtext('${serial}'))`);
}

/** Other tests' databases are on the same server. */
const advisoryWaiters = `
  select from pg_stat_activity
  where datname = current_database() and wait_event_type = 'Lock' and wait_event = 'advisory'`;

async function hold(databaseUrl: string, lock: string): Promise<Obstacle> {
  const holder = new Client({ connectionString: databaseUrl });
  await holder.connect();
  await holder.query(lock);
  return {
    reached: (waiters = 1) =>
      until(`${waiters} wait for the lock`, async () => {
        return (await administer(databaseUrl, advisoryWaiters)).length >= waiters;
      }),
    release: () => holder.end(),
  };
}
