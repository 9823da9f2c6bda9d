import type { Finding, Patient } from './finding';

interface ExternalKeyRow {
  readonly prefix: string;
  readonly external_key_id: string;
  readonly key_id: string | null;
  readonly deletion_date: Date | null;
}

/** External keys of AWS KMS whose KMS key is at its end, or gone. */
export async function examineExternalKeys({ database }: Patient): Promise<Finding[]> {
  const rows = await database.query<ExternalKeyRow>({
    text: `
      select x.prefix, x.external_key_id, x.key_id, k.deletion_date
      from xks_key x left join kms_key k on k.key_id = x.key_id
      where x.status <> 'DELETED' and (k.key_id is null or k.state = 'PendingDeletion')
      order by x.prefix, x.external_key_id`,
  });
  return rows.map(({ prefix, external_key_id: id, key_id: key, deletion_date: date }) => ({
    kind: 'ending-external-key',
    subject: `${prefix}:${id}`,
    details: {
      key: key ?? 'gone',
      ...(date !== null && { deletion: date.toISOString() }),
    },
  }));
}
