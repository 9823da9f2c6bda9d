import type { Queryable } from '../db';
import { inToken } from '../keys/doomed-objects';

/** Why an object of a token is there, by the database. */
export interface Entry {
  readonly what: 'material' | 'system-key' | 'secrets' | 'wrapping-key' | 'doomed';
  readonly id: string;
  /** Undefined where it may be in several tokens, or it is not known in which. */
  readonly serial: string | undefined;
  /** The KMS key, or the purpose. */
  readonly of: string;
  /** Whether something cannot be used without it. */
  readonly needed: boolean;
  /** The custom key store whose token it is in, where that is not the main one. */
  readonly store: string | undefined;
}

interface EntryRow extends Omit<Entry, 'serial' | 'store'> {
  readonly serial: string | null;
  readonly store: string | null;
}

/** Everything that explains an object of a token. One statement, so that no change is seen by half. */
export async function readLedger(db: Queryable): Promise<Entry[]> {
  const rows = await db.query<EntryRow>({
    text: `
      select 'material' as what, m.material_id as id, m.token_serial as serial, m.key_id as of,
        k.deleting_since is null as needed,
        case when k.origin = 'AWS_CLOUDHSM' then k.custom_key_store_id end as store
      from key_material m join kms_key k on k.key_id = m.key_id where ${inToken}
      union all
      select 'system-key', s.token_key_id, s.token_serial, s.purpose, true, null from system_key s where s.token_serial is not null
      union all
      -- Should the row of a sealing key be lost, the object is what still opens them.
      select distinct 'secrets', sealed.sealing_key_id, null, sealed.purpose, false, null from (
        select sealing_key_id, 'access-key-sealing' as purpose from access_key
        union all select sealing_key_id, 'xks-credential-sealing' from xks_credential
        union all select sealing_key_id, 'key-store-sealing' from custom_key_store
      ) sealed
      union all
      select 'wrapping-key', w.wrapping_key_id, null, w.state,
        w.state = 'CURRENT' or exists (select from key_material m where m.wrapping_key_id = w.wrapping_key_id)
          or exists (select from system_key s where s.wrapping_key_id = w.wrapping_key_id), null
      from wrapping_key w
      union all
      select 'doomed', d.token_key_id, d.token_serial, d.kind, false, d.custom_key_store_id from doomed_object d`,
  });
  return rows.map((row) => ({
    ...row,
    serial: row.serial ?? undefined,
    store: row.store ?? undefined,
  }));
}
