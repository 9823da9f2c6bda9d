import {
  type KMSClient,
  ListKeyRotationsCommand,
  type RotationsListEntry,
} from '@aws-sdk/client-kms';
import type { TestDaemon } from './daemon';
import { type AuditRow, auditTexts, changeAndAnnounce } from './kms';
import { administer } from './postgres';

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
