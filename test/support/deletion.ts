import type { TestDaemon } from './daemon';
import { type AuditRow, auditTexts } from './kms';
import { administer } from './postgres';

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
