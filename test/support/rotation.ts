import {
  EnableKeyRotationCommand,
  type KMSClient,
  ListKeyRotationsCommand,
  type RotationsListEntry,
} from '@aws-sdk/client-kms';
import type { TestDaemon } from './daemon';
import { type SealedKey, createSealedKey } from './keys';
import { type AuditRow, auditTexts, changeAndAnnounce } from './kms';
import { administer } from './postgres';
import { until } from './until';

/** Every material of a key, oldest first. */
export async function allRotations(kms: KMSClient, KeyId: string): Promise<RotationsListEntry[]> {
  const IncludeKeyMaterial = 'ALL_KEY_MATERIAL';
  const answer = await kms.send(new ListKeyRotationsCommand({ KeyId, IncludeKeyMaterial }));
  return answer.Rotations ?? [];
}

/** Changes a key's row as no operation would, and waits until workers know it. */
export function changeKey(daemon: TestDaemon, id: string, set: string): Promise<void> {
  const sql = `update kms_key set ${set} where key_id = $1`;
  return changeAndAnnounce(daemon, { topic: 'key', id, sql });
}

export interface ServiceEventRow extends AuditRow {
  readonly eventType: string;
  readonly serviceEventDetails: Readonly<Record<string, string>>;
}

/** The records of rotations of a key, in the order in which each worker wrote them. */
export async function rotationEvents(daemon: TestDaemon, arn: string): Promise<ServiceEventRow[]> {
  const records = (await auditTexts(daemon)).map((text) => JSON.parse(text) as ServiceEventRow);
  return records.filter(
    ({ eventName, resources }) => eventName === 'RotateKey' && resources[0]?.['ARN'] === arn,
  );
}

/** Makes the materials of a key what they would be of an imported one: by SQL, and for what is about rotation alone. */
export async function becomeImported(
  daemon: TestDaemon,
  id: string,
  {
    current,
    pending,
  }: { readonly current?: string | undefined; readonly pending?: string | undefined },
): Promise<void> {
  const imported = `rotated_at = null, rotation_type = null, import_state = 'IMPORTED',
    expiration_model = 'KEY_MATERIAL_DOES_NOT_EXPIRE'`;
  // One CURRENT at a time.
  for (const [materialId, state] of [
    [pending, 'PENDING_ROTATION'],
    [current, 'CURRENT'],
  ]) {
    const sql = `update key_material set state = '${state}', ${imported} where material_id = $1`;
    if (materialId !== undefined) await administer(daemon.databaseUrl, sql, [materialId]);
  }
  const set = `origin = 'EXTERNAL', current_material_id = '${current ?? ''}', on_demand_rotations = 0`;
  await changeKey(daemon, id, set);
}

/** Looks at what becomes of keys that rotate by themselves, in a daemon's database and in its token. */
export interface RotationWatch {
  /** A key with a ciphertext, which rotates every ninety days and is not due. */
  key(kms: KMSClient): Promise<RotatingKey>;
  /** Its rotation is due now, as if the days had gone by. */
  bringForward(key: RotatingKey): Promise<void>;
  /** Resolves when it has so many materials. */
  rotated(key: RotatingKey, materials?: number): Promise<void>;
  materials(key: RotatingKey): Promise<Materials>;
  /** The job's next date, in days from now. */
  nextInDays(key: RotatingKey): Promise<number>;
  /** What crashes left in the token is destroyed now, and not in an hour; resolves when it is. */
  cleanUp(): Promise<void>;
}

export interface RotatingKey extends SealedKey {
  readonly arn: string;
}

/** Ids, oldest first. */
interface Materials {
  readonly all: readonly string[];
  readonly current: readonly string[];
}

export function watchRotations(daemon: TestDaemon): RotationWatch {
  const ask = <R extends object>(text: string, ...values: string[]): Promise<R[]> =>
    administer<R>(daemon.databaseUrl, text, values);
  const materials = async ({ keyId }: RotatingKey): Promise<Materials> => {
    const rows = await ask<{ id: string; state: string }>(
      'select material_id as id, state from key_material where key_id = $1 order by ordinal',
      keyId,
    );
    const current = rows.filter(({ state }) => state === 'CURRENT');
    return { all: rows.map(({ id }) => id), current: current.map(({ id }) => id) };
  };
  return {
    key: async (kms) => {
      const key = await createSealedKey(kms);
      await kms.send(new EnableKeyRotationCommand({ KeyId: key.keyId, RotationPeriodInDays: 90 }));
      const { region, accountId } = daemon;
      return { ...key, arn: `arn:aws:kms:${region}:${accountId}:key/${key.keyId}` };
    },
    bringForward: async ({ keyId }) => {
      await ask(
        `update kms_key set next_rotation_at = now() - interval '1 second' where key_id = $1`,
        keyId,
      );
    },
    rotated: (key, count = 2) =>
      until('the key is rotated', async () => (await materials(key)).all.length >= count),
    materials,
    nextInDays: async ({ keyId }) => {
      const [row] = await ask<{ days: number }>(
        `select (extract(epoch from next_rotation_at - now()) / 86400)::float8 as days
         from kms_key where key_id = $1`,
        keyId,
      );
      return row?.days ?? NaN;
    },
    cleanUp: async () => {
      await ask('update doomed_object set due_at = now()');
      await until(
        'nothing is doomed',
        async () => (await ask('select from doomed_object')).length === 0,
      );
    },
  };
}
