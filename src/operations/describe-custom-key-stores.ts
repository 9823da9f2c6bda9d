import { storeNotFound } from '../custom-key-stores/errors';
import type { CustomKeyStore, ExternalStore } from '../custom-key-stores/store';
import { findStore, findStoreNamed, listStores } from '../custom-key-stores/stores';
import { invalidMember } from '../errors';
import type { Call, Operation } from '../operation';
import type { CustomKeyStoresListEntry, XksProxyConfigurationType } from '../shapes/kms.generated';
import { checkTexts, requireOwn, storeConditions } from './custom-key-store-rules';
import { pageSize, paginate } from './pagination';

export const describeCustomKeyStores: Operation<'DescribeCustomKeyStores'> = {
  name: 'DescribeCustomKeyStores',
  rest: {
    method: 'GET',
    path: '/custom-key-stores',
    summary: 'Lists custom key stores, or tells of one.',
  },
  readOnly: true,
  audited: ['CustomKeyStoreId', 'CustomKeyStoreName', 'Limit', 'Marker'],
  check({ CustomKeyStoreId, CustomKeyStoreName }) {
    if (CustomKeyStoreId !== undefined && CustomKeyStoreName !== undefined) {
      throw invalidMember(
        'CustomKeyStoreName',
        'CustomKeyStoreId and CustomKeyStoreName cannot both be specified.',
      );
    }
    checkTexts({ CustomKeyStoreId, CustomKeyStoreName });
  },
  conditions: storeConditions,
  accountActions: () => [{ action: 'kms:DescribeCustomKeyStores', resource: '*' }],

  async run(call) {
    const named = await namedStore(call);
    if (named !== undefined) return { CustomKeyStores: [entryOf(named)], Truncated: false };
    const { input, caller, services } = call;
    const { accountId } = caller;
    const page = await paginate({
      scope: `DescribeCustomKeyStores ${accountId}`,
      marker: input.Marker,
      limit: pageSize(input.Limit, { fallback: 100, max: 1000 }),
      fetch: (after, limit) => listStores(services.db, { accountId, after, limit }),
      position: ({ id }) => id,
    });
    return {
      CustomKeyStores: page.items.map(entryOf),
      Truncated: page.truncated,
      ...(page.nextMarker === undefined ? {} : { NextMarker: page.nextMarker }),
    };
  },
};

/** The one store that is asked for; undefined when all of them are. */
async function namedStore(
  call: Call<'DescribeCustomKeyStores'>,
): Promise<CustomKeyStore | undefined> {
  const { input, caller, services } = call;
  const { CustomKeyStoreId: id, CustomKeyStoreName: name } = input;
  if (id !== undefined) return requireOwn(call, id, await findStore(services.db, id));
  if (name === undefined) return undefined;
  const store = await findStoreNamed(services.db, { accountId: caller.accountId, name });
  if (store === undefined) throw storeNotFound(name);
  return store;
}

/** Without its password, or the secret of its credential: nobody is told those again. */
function entryOf(store: CustomKeyStore): CustomKeyStoresListEntry {
  const { of, connectionErrorCode } = store;
  return {
    CustomKeyStoreId: store.id,
    CustomKeyStoreName: store.name,
    CustomKeyStoreType: of.type,
    ConnectionState: store.connectionState,
    ...(connectionErrorCode !== undefined && { ConnectionErrorCode: connectionErrorCode }),
    CreationDate: store.createdAt,
    ...(of.type === 'AWS_CLOUDHSM'
      ? { CloudHsmClusterId: of.clusterId, TrustAnchorCertificate: of.trustAnchorCertificate }
      : { XksProxyConfiguration: configurationOf(of) }),
  };
}

function configurationOf(of: ExternalStore): XksProxyConfigurationType {
  const { vpcEndpointServiceName: name, vpcEndpointServiceOwner: owner } = of;
  return {
    Connectivity: of.connectivity,
    AccessKeyId: of.accessKeyId,
    UriEndpoint: of.uriEndpoint,
    UriPath: of.uriPath,
    ...(name !== undefined && { VpcEndpointServiceName: name }),
    ...(owner !== undefined && { VpcEndpointServiceOwner: owner }),
  };
}
