import { Secret } from '../auth/secret';
import { requireNoConflict } from '../custom-key-stores/conflicts';
import { copyOf } from '../custom-key-stores/secrets';
import type { CloudHsmStore, CustomKeyStore, ExternalStore } from '../custom-key-stores/store';
import { insertStore, lockProperties, storesBeside } from '../custom-key-stores/stores';
import type { Queryable } from '../db';
import { invalidMember } from '../errors';
import { type Limits, requireRoom } from '../keys/limits';
import type { Call, Operation } from '../operation';
import type { CreateCustomKeyStoreRequest } from '../shapes/kms.generated';
import {
  checkTexts,
  membersOfType,
  newStoreId,
  requireMembersOfType,
  storeConditions,
} from './custom-key-store-rules';
import { proveStore } from './prove-custom-key-store';

export const createCustomKeyStore: Operation<'CreateCustomKeyStore'> = {
  name: 'CreateCustomKeyStore',
  rest: {
    method: 'POST',
    path: '/custom-key-stores',
    location: '/custom-key-stores/{CustomKeyStoreId}',
    summary: 'Makes a custom key store.',
  },
  readOnly: false,
  audited: [
    'CustomKeyStoreName',
    'CloudHsmClusterId',
    'CustomKeyStoreType',
    'XksProxyConnectivity',
    'XksProxyUriEndpoint',
    'XksProxyUriPath',
    'XksProxyVpcEndpointServiceName',
    'XksProxyVpcEndpointServiceOwner',
  ],
  unannounced: 'nothing is kept of a custom key store before it is there',
  check(input) {
    const type = typeOf(input);
    requireMembersOfType(type, input);
    const missing = membersOfType[type].required.find((member) => input[member] === undefined);
    if (missing !== undefined) {
      throw invalidMember(
        missing,
        `${missing} is required for a custom key store of type ${type}.`,
      );
    }
    checkVpcEndpoint(input);
    const { CustomKeyStoreName, TrustAnchorCertificate } = input;
    checkTexts({ CustomKeyStoreName, TrustAnchorCertificate });
  },
  conditions: storeConditions,
  accountActions: () => [{ action: 'kms:CreateCustomKeyStore', resource: '*' }],

  async prepare(call) {
    const { services } = call;
    const secret = secretOf(call.input);
    try {
      const store = await newStore(call, secret);
      await requireRoomFor(services.db, store, services.limits);
      await proveStore(services.customKeyStores.connectors, store, {
        secret: () => Promise.resolve(copyOf(secret)),
        operation: 'CreateCustomKeyStore',
      });
      return { store };
    } finally {
      secret.wipe();
    }
  },

  async write({ services }, { transaction, prepared }) {
    const store = prepared?.store;
    if (store === undefined) throw new Error('a custom key store was not prepared');
    await lockProperties(transaction);
    await requireRoomFor(transaction, store, services.limits);
    await insertStore(transaction, store);
    return { CustomKeyStoreId: store.id };
  },

  responseElements: (_call, output) => ({ ...output }),
};

const typeOf = ({ CustomKeyStoreType: type = 'AWS_CLOUDHSM' }: CreateCustomKeyStoreRequest) => type;

function checkVpcEndpoint(input: CreateCustomKeyStoreRequest): void {
  const {
    XksProxyConnectivity: connectivity,
    XksProxyVpcEndpointServiceName: name,
    XksProxyVpcEndpointServiceOwner: owner,
  } = input;
  if (connectivity === 'VPC_ENDPOINT_SERVICE' && name === undefined) {
    throw invalidMember(
      'XksProxyVpcEndpointServiceName',
      `XksProxyVpcEndpointServiceName is required when XksProxyConnectivity is ${connectivity}.`,
    );
  }
  if (connectivity !== 'PUBLIC_ENDPOINT' || (name === undefined && owner === undefined)) return;
  const member =
    name === undefined ? 'XksProxyVpcEndpointServiceOwner' : 'XksProxyVpcEndpointServiceName';
  throw invalidMember(
    member,
    `${member} is not valid when XksProxyConnectivity is ${connectivity}.`,
  );
}

function secretOf(input: CreateCustomKeyStoreRequest): Secret {
  const { KeyStorePassword, XksProxyAuthenticationCredential: credential } = input;
  return new Secret(KeyStorePassword ?? credential?.RawSecretAccessKey ?? '');
}

async function newStore(
  { input, caller, services, now }: Call<'CreateCustomKeyStore'>,
  secret: Secret,
): Promise<CustomKeyStore> {
  const id = newStoreId();
  return {
    id,
    accountId: caller.accountId,
    name: input.CustomKeyStoreName,
    connectionState: 'DISCONNECTED',
    connectionErrorCode: undefined,
    createdAt: now,
    sealedSecret: await services.customKeyStores.secrets.seal(secret, id),
    of: typeOf(input) === 'AWS_CLOUDHSM' ? cloudHsmOf(input) : externalOf(input, caller.accountId),
  };
}

/** `check` holds that what is required is there. */
function cloudHsmOf(input: CreateCustomKeyStoreRequest): CloudHsmStore {
  return {
    type: 'AWS_CLOUDHSM',
    clusterId: input.CloudHsmClusterId ?? '',
    trustAnchorCertificate: input.TrustAnchorCertificate ?? '',
  };
}

function externalOf(input: CreateCustomKeyStoreRequest, accountId: string): ExternalStore {
  const vpcEndpointServiceName = input.XksProxyVpcEndpointServiceName;
  return {
    type: 'EXTERNAL_KEY_STORE',
    connectivity: input.XksProxyConnectivity ?? 'PUBLIC_ENDPOINT',
    uriEndpoint: input.XksProxyUriEndpoint ?? '',
    uriPath: input.XksProxyUriPath ?? '',
    accessKeyId: input.XksProxyAuthenticationCredential?.AccessKeyId ?? '',
    vpcEndpointServiceName,
    vpcEndpointServiceOwner:
      vpcEndpointServiceName === undefined
        ? undefined
        : (input.XksProxyVpcEndpointServiceOwner ?? accountId),
  };
}

/** Without a conflict, and not one too many. */
async function requireRoomFor(db: Queryable, store: CustomKeyStore, limits: Limits): Promise<void> {
  const others = await storesBeside(db, store);
  requireNoConflict(store, others);
  const own = others.filter(({ accountId }) => accountId === store.accountId);
  requireRoom(limits, 'customKeyStoresPerAccount', own.length);
}
