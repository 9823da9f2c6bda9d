import { administer } from './postgres';
import { accountId } from './sample-keys';

/** The row of a disconnected custom key store of type AWS_CLOUDHSM that nothing connects; its id. */
export async function insertStoreRow(url: string): Promise<string> {
  const id = 'cks-1234567890abcdef0';
  await administer(
    url,
    `insert into custom_key_store (custom_key_store_id, account_id, name, type, sealed_secret, sealing_key_id,
       cloud_hsm_cluster_id, trust_anchor_certificate)
     values ($1, $2, 'of no use', 'AWS_CLOUDHSM', decode(repeat('00', 29), 'hex'), repeat('0', 64),
       'cluster-aaaaaaaaaaa', 'of nobody')`,
    [id, accountId],
  );
  return id;
}
