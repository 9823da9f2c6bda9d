import type { Token } from '../../hsm';
import type { Finding, PatientWithToken } from './finding';
import { duplicates, missing, see, unexplained } from './objects';

interface StoreRow {
  readonly custom_key_store_id: string;
  readonly cloud_hsm_cluster_id: string;
}

/**
 * The tokens of custom key stores that are connected, as the main one is looked at. One that somebody has disconnected is
 * none of ours to look into.
 */
export async function examineStores(patient: PatientWithToken): Promise<Finding[]> {
  const stores = await patient.database.query<StoreRow>({
    text: `
      select custom_key_store_id, cloud_hsm_cluster_id from custom_key_store
      where type = 'AWS_CLOUDHSM' and connection_state = 'CONNECTED' order by custom_key_store_id`,
  });
  const findings: Finding[] = [];
  for (const store of stores) findings.push(...(await examineStore(patient, store)));
  return findings;
}

async function examineStore(patient: PatientWithToken, store: StoreRow): Promise<Finding[]> {
  const { custom_key_store_id: id, cloud_hsm_cluster_id: cluster } = store;
  let token: Token;
  try {
    token = await patient.keyTokens.ofStore(id);
    await token.check();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [{ kind: 'unreachable-store', subject: id, details: { cluster, why } }];
  }
  const seen = await see(patient.database, token);
  return [
    ...unexplained(seen).map(({ kind, id: object, label }) => ({
      kind: 'stranger-in-store' as const,
      subject: object,
      details: { label, object: kind, serial: seen.serial, store: id },
    })),
    ...duplicates(seen),
    ...missing(seen, (entry) => entry.store === id),
  ];
}
