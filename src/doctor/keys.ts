import { inTransaction } from '../db';
import type { Finding, Patient } from './finding';

interface KeyRow {
  readonly key_id: string;
  readonly account_id: string;
  readonly state: string;
  readonly origin: string;
  readonly current_material_id: string | null;
  readonly marked_current: string | null;
  /** Of the materials that the key cannot be used without. */
  readonly unimported: number;
}

/** States in which a key's material is ready, and those in which it cannot be: any other says nothing of it. */
const ready = new Set(['Enabled', 'Disabled']);

/** Keys whose rows contradict each other. */
export async function examineKeys({ database }: Patient): Promise<Finding[]> {
  const rows = await database.query<KeyRow>({
    text: `
      select k.key_id, k.account_id, k.state, k.origin, k.current_material_id, c.material_id as marked_current,
        (select count(*)::int from key_material m
          where m.key_id = k.key_id and m.state in ('CURRENT', 'NON_CURRENT') and m.import_state = 'PENDING_IMPORT'
        ) as unimported
      from kms_key k left join key_material c on c.key_id = k.key_id and c.state = 'CURRENT'
      where k.deleting_since is null and (
        k.current_material_id is distinct from c.material_id
        or k.state in ('Enabled', 'Disabled') and (c.material_id is null or c.import_state = 'PENDING_IMPORT')
        or k.origin = 'EXTERNAL')`,
  });
  return rows.flatMap((row) => {
    const fault = faultOf(row);
    if (fault === undefined) return [];
    const { key_id: subject, account_id: account, state, origin } = row;
    return [{ ...fault, subject, details: { ...fault.details, account, state, origin } }];
  });
}

function faultOf(row: KeyRow): Pick<Finding, 'kind' | 'details'> | undefined {
  const { current_material_id: current, marked_current: marked, unimported, state } = row;
  if (current !== marked) {
    const details = { key: current ?? 'none', materials: marked ?? 'none' };
    return { kind: 'current-material', details };
  }
  const whole = current !== null && unimported === 0;
  if (ready.has(state) && !whole) {
    return {
      kind: 'key-without-material',
      details: { missing: current === null ? 1 : unimported },
    };
  }
  if (state === 'PendingImport' && whole) return { kind: 'key-not-enabled', details: {} };
  return undefined;
}

/** Keys are given new material when half of its encryptions are made; what comes so far could not be given any. */
const nearLimit = 0.9;

/** Materials that will soon encrypt no more. */
export async function examineEncryptions({
  database,
  encryptionLimit,
}: Patient): Promise<Finding[]> {
  const rows = await database.query<{ material_id: string; key_id: string; reserved: string }>({
    text: `
      select e.material_id, m.key_id, e.reserved
      from encryption_count e join key_material m on m.material_id = e.material_id
      where m.state = 'CURRENT' and e.reserved >= $1::bigint order by e.reserved desc`,
    values: [Math.floor(encryptionLimit * nearLimit)],
  });
  return rows.map((row) => ({
    kind: 'encryption-limit',
    subject: row.key_id,
    details: {
      material: row.material_id,
      encryptions: Number(row.reserved),
      limit: encryptionLimit,
    },
  }));
}

const countedKeys = `
  (select count(*)::int from kms_key k where k.account_id = a.account_id and k.key_manager = 'CUSTOMER')`;

/** Accounts whose number of keys is not what is counted. */
export async function examineCounts({ database }: Patient): Promise<Finding[]> {
  const rows = await database.query<{ account_id: string; key_count: number; counted: number }>({
    text: `
      select * from (select a.account_id, a.key_count, ${countedKeys} as counted from account a) as count
      where key_count <> counted order by account_id`,
  });
  return rows.map(({ account_id: accountId, key_count: noted, counted }) => ({
    kind: 'key-count',
    subject: accountId,
    details: { noted, counted },
    repair: async () => {
      const count = await recount({ database }, accountId);
      return `counted anew: ${count} keys`;
    },
  }));
}

/** Whatever makes or removes a key changes the account's row too, so that under its lock the number is the right one. */
function recount({ database }: Pick<Patient, 'database'>, accountId: string): Promise<number> {
  return inTransaction(database, async (transaction) => {
    await transaction.query({
      text: 'select from account where account_id = $1::text for update',
      values: [accountId],
    });
    const [row] = await transaction.query<{ key_count: number }>({
      text: `
        update account a set key_count = ${countedKeys} where a.account_id = $1::text
        returning a.key_count`,
      values: [accountId],
    });
    if (row === undefined) throw new Error('an account that was just looked at is gone');
    return row.key_count;
  });
}
