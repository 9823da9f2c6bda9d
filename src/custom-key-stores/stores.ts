import type { Queryable } from '../db';
import type {
  ConnectionErrorCodeType,
  ConnectionStateType,
  XksProxyConnectivityType,
} from '../shapes/kms.generated';
import type { CloudHsmStore, CustomKeyStore, ExternalStore } from './store';

interface StoreRow {
  readonly custom_key_store_id: string;
  readonly account_id: string;
  readonly name: string;
  readonly connection_state: ConnectionStateType;
  readonly connection_error_code: ConnectionErrorCodeType | null;
  readonly created_at: Date;
  readonly sealed_secret: Buffer;
  readonly sealing_key_id: string;
  readonly cloud_hsm_cluster_id: string | null;
  readonly trust_anchor_certificate: string | null;
  readonly xks_connectivity: XksProxyConnectivityType | null;
  readonly xks_uri_endpoint: string | null;
  readonly xks_uri_path: string | null;
  readonly xks_access_key_id: string | null;
  readonly xks_vpc_endpoint_service_name: string | null;
  readonly xks_vpc_endpoint_service_owner: string | null;
}

const columns = `
  custom_key_store_id, account_id, name, connection_state, connection_error_code, created_at, sealed_secret, sealing_key_id,
  cloud_hsm_cluster_id, trust_anchor_certificate, xks_connectivity, xks_uri_endpoint, xks_uri_path, xks_access_key_id,
  xks_vpc_endpoint_service_name, xks_vpc_endpoint_service_owner`;

/** The advisory lock of whoever makes a store or changes what no two stores may have alike. */
const propertiesLock = 0x636b7370;

/** Of who was asked to connect a store: timed work that came to it at once would do the same beside it. */
const headStart = '10 seconds';

export async function findStore(db: Queryable, id: string): Promise<CustomKeyStore | undefined> {
  const [row] = await db.query<StoreRow>({
    name: 'custom-key-store-find',
    text: `select ${columns} from custom_key_store where custom_key_store_id = $1::text`,
    values: [id],
  });
  return row && toStore(row);
}

export async function findStoreNamed(
  db: Queryable,
  { accountId, name }: Pick<CustomKeyStore, 'accountId' | 'name'>,
): Promise<CustomKeyStore | undefined> {
  const [row] = await db.query<StoreRow>({
    name: 'custom-key-store-find-named',
    text: `
      select ${columns} from custom_key_store where account_id = $1::text and name = $2::text`,
    values: [accountId, name],
  });
  return row && toStore(row);
}

/** Up to `limit` stores of the account in order of id, those after `after` only. */
export async function listStores(
  db: Queryable,
  page: { readonly accountId: string; readonly after: string; readonly limit: number },
): Promise<CustomKeyStore[]> {
  const rows = await db.query<StoreRow>({
    name: 'custom-key-store-list',
    text: `
      select ${columns} from custom_key_store
      where account_id = $1::text and custom_key_store_id > $2::text
      order by custom_key_store_id limit $3::int`,
    values: [page.accountId, page.after, page.limit],
  });
  return rows.map(toStore);
}

/** The store as it is now, locked until the transaction ends: what a change of it must be decided on. */
export async function lockStore(db: Queryable, id: string): Promise<CustomKeyStore | undefined> {
  const [row] = await db.query<StoreRow>({
    name: 'custom-key-store-lock',
    text: `select ${columns} from custom_key_store where custom_key_store_id = $1::text for update`,
    values: [id],
  });
  return row && toStore(row);
}

/** The store as it stays until the transaction ends. Others may hold it too: CreateKey does. */
export async function holdStore(db: Queryable, id: string): Promise<CustomKeyStore | undefined> {
  const [row] = await db.query<StoreRow>({
    name: 'custom-key-store-hold',
    text: `select ${columns} from custom_key_store where custom_key_store_id = $1::text for share`,
    values: [id],
  });
  return row && toStore(row);
}

/** What no two stores may have alike stays as it is until the transaction ends. Taken before any store is locked. */
export async function lockProperties(db: Queryable): Promise<void> {
  await db.query({
    name: 'custom-key-store-lock-properties',
    text: 'select pg_advisory_xact_lock($1::int)',
    values: [propertiesLock],
  });
}

/** Every other store whose properties the store's own must differ from: those of the account, and whose cluster it has. */
export async function storesBeside(
  db: Queryable,
  store: CustomKeyStore,
): Promise<CustomKeyStore[]> {
  const rows = await db.query<StoreRow>({
    name: 'custom-key-store-beside',
    text: `
      select ${columns} from custom_key_store
      where custom_key_store_id <> $1::text and (account_id = $2::text or cloud_hsm_cluster_id = $3::text)`,
    values: [store.id, store.accountId, propertiesOf(store).clusterId],
  });
  return rows.map(toStore);
}

/** A new store is DISCONNECTED. */
export async function insertStore(db: Queryable, store: CustomKeyStore): Promise<void> {
  await db.execute({
    name: 'custom-key-store-insert',
    text: `
      insert into custom_key_store (
        custom_key_store_id, account_id, type, name, sealed_secret, sealing_key_id, cloud_hsm_cluster_id,
        trust_anchor_certificate, xks_connectivity, xks_uri_endpoint, xks_uri_path, xks_access_key_id,
        xks_vpc_endpoint_service_name, xks_vpc_endpoint_service_owner
      ) values (
        $1::text, $2::text, $3::text, $4::text, $5::bytea, $6::text, $7::text, $8::text, $9::text, $10::text, $11::text,
        $12::text, $13::text, $14::text)`,
    values: [store.id, store.accountId, store.of.type, ...changeable(store)],
  });
}

/** Everything of a store that UpdateCustomKeyStore may change. */
export async function saveStore(db: Queryable, store: CustomKeyStore): Promise<void> {
  await db.execute({
    name: 'custom-key-store-save',
    text: `
      update custom_key_store set
        name = $2::text, sealed_secret = $3::bytea, sealing_key_id = $4::text, cloud_hsm_cluster_id = $5::text,
        trust_anchor_certificate = $6::text, xks_connectivity = $7::text, xks_uri_endpoint = $8::text,
        xks_uri_path = $9::text, xks_access_key_id = $10::text, xks_vpc_endpoint_service_name = $11::text,
        xks_vpc_endpoint_service_owner = $12::text
      where custom_key_store_id = $1::text`,
    values: [store.id, ...changeable(store)],
  });
}

export async function removeStore(db: Queryable, id: string): Promise<void> {
  await db.execute({
    name: 'custom-key-store-remove',
    text: 'delete from custom_key_store where custom_key_store_id = $1::text',
    values: [id],
  });
}

/** Those that wait for their deletion count too (kms-semantics §12.1). */
export async function hasKeys(db: Queryable, id: string): Promise<boolean> {
  const rows = await db.query({
    name: 'custom-key-store-has-keys',
    text: 'select key_id from kms_key where custom_key_store_id = $1::text limit 1',
    values: [id],
  });
  return rows.length > 0;
}

/** What becomes of a connection; why is said of one that failed alone. */
export async function setConnection(
  db: Queryable,
  id: string,
  connection: {
    readonly state: ConnectionStateType;
    readonly errorCode?: ConnectionErrorCodeType | undefined;
  },
): Promise<void> {
  await db.execute({
    name: 'custom-key-store-set-connection',
    text: `
      update custom_key_store set
        connection_state = $2::text, connection_error_code = $3::text,
        connect_at = case when $2::text = 'CONNECTING' then now() + $4::interval end
      where custom_key_store_id = $1::text`,
    values: [id, connection.state, connection.errorCode ?? null, headStart],
  });
}

/** The parameters from the name on, in the order of the statements above. */
function changeable(store: CustomKeyStore): unknown[] {
  const { name, sealedSecret } = store;
  const of = propertiesOf(store);
  return [
    ...[
      name,
      sealedSecret.blob,
      sealedSecret.sealingKeyId,
      of.clusterId,
      of.trustAnchorCertificate,
    ],
    ...[of.connectivity, of.uriEndpoint, of.uriPath, of.accessKeyId],
    ...[of.vpcEndpointServiceName, of.vpcEndpointServiceOwner],
  ].map((value) => value ?? null);
}

type Properties = Partial<Omit<CloudHsmStore, 'type'> & Omit<ExternalStore, 'type'>>;

function propertiesOf({ of }: CustomKeyStore): Properties {
  return of;
}

function toStore(row: StoreRow): CustomKeyStore {
  return {
    id: row.custom_key_store_id,
    accountId: row.account_id,
    name: row.name,
    connectionState: row.connection_state,
    connectionErrorCode: row.connection_error_code ?? undefined,
    createdAt: row.created_at,
    sealedSecret: { blob: row.sealed_secret, sealingKeyId: row.sealing_key_id },
    of: row.cloud_hsm_cluster_id === null ? externalOf(row) : cloudHsmOf(row),
  };
}

function cloudHsmOf(row: StoreRow): CloudHsmStore {
  return {
    type: 'AWS_CLOUDHSM',
    clusterId: row.cloud_hsm_cluster_id ?? '',
    trustAnchorCertificate: row.trust_anchor_certificate ?? '',
  };
}

/** The checks of the table hold that they are there. */
function externalOf(row: StoreRow): ExternalStore {
  return {
    type: 'EXTERNAL_KEY_STORE',
    connectivity: row.xks_connectivity ?? 'PUBLIC_ENDPOINT',
    uriEndpoint: row.xks_uri_endpoint ?? '',
    uriPath: row.xks_uri_path ?? '',
    accessKeyId: row.xks_access_key_id ?? '',
    vpcEndpointServiceName: row.xks_vpc_endpoint_service_name ?? undefined,
    vpcEndpointServiceOwner: row.xks_vpc_endpoint_service_owner ?? undefined,
  };
}
