import {
  ConnectCustomKeyStoreCommand,
  type CreateKeyCommandInput,
  DescribeKeyCommand,
  DisconnectCustomKeyStoreCommand,
  EncryptCommand,
  type EncryptCommandOutput,
} from '@aws-sdk/client-kms';
import { openFurtherToken } from './further-token';
import { type KeyStoreStage, openKeyStoreStage } from './key-stores';
import type { NewKey } from './kms';
import { administer } from './postgres';

export const plaintext = Buffer.from('attack at dawn');
/** The id of no store. */
export const missingStore = 'cks-00000000000000000';

export interface StoredMaterial {
  readonly material_id: string;
  readonly kind: string;
  readonly token_serial: string;
}

/** A daemon with a connected custom key store of type AWS_CLOUDHSM. */
export interface ClusterStage extends KeyStoreStage {
  readonly storeId: string;
  /** What CreateKey is told of a key in it. */
  readonly inStore: CreateKeyCommandInput;
  connect(): Promise<void>;
  disconnect(): Promise<unknown>;
  stateOf(key: NewKey): Promise<string | undefined>;
  encrypt(key: NewKey): Promise<EncryptCommandOutput>;
  materialOf(key: NewKey): Promise<StoredMaterial>;
  /** Ids of the keys in the cluster, by another login. */
  inCluster(): Promise<string[]>;
  destroyInCluster(materialId: string): Promise<void>;
}

export async function openClusterStage(): Promise<ClusterStage> {
  const environment = { CLAVIGER_JOB_INTERVAL_MS: '500' };
  const stage = await openKeyStoreStage({ environment });
  const { kms, daemon } = stage;
  const storeId = await stage.create(stage.cloudHsm());
  const connect = async (): Promise<void> => {
    await kms.send(new ConnectCustomKeyStoreCommand({ CustomKeyStoreId: storeId }));
    await stage.isIn(storeId, 'CONNECTED');
  };
  await connect();
  const cluster = await openFurtherToken(stage.tokens[0]);
  return {
    ...{ ...stage, storeId, connect },
    inStore: { Origin: 'AWS_CLOUDHSM', CustomKeyStoreId: storeId },
    disconnect: () => kms.send(new DisconnectCustomKeyStoreCommand({ CustomKeyStoreId: storeId })),
    stateOf: async ({ id }) =>
      (await kms.send(new DescribeKeyCommand({ KeyId: id }))).KeyMetadata?.KeyState,
    encrypt: ({ id }) => kms.send(new EncryptCommand({ KeyId: id, Plaintext: plaintext })),
    materialOf: async ({ id }) => {
      const [row] = await administer<StoredMaterial>(
        daemon.databaseUrl,
        'select material_id, kind, token_serial from key_material where key_id = $1',
        [id],
      );
      if (row === undefined) throw new Error('a key has no material');
      return row;
    },
    inCluster: () => cluster.listKeys('claviger:key:'),
    destroyInCluster: (materialId) => cluster.destroyKey(materialId),
    remove: async () => {
      await cluster.close();
      await stage.remove();
    },
  };
}
