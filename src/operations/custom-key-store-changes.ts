import type { Sealed } from '../auth/sealing';
import { requireConnectionState } from '../custom-key-stores/errors';
import type { CloudHsmStore, CustomKeyStore, ExternalStore } from '../custom-key-stores/store';
import { invalidMember } from '../errors';
import type { ConnectionStateType, UpdateCustomKeyStoreRequest } from '../shapes/kms.generated';
import { requireMembersOfType } from './custom-key-store-rules';

type Input = UpdateCustomKeyStoreRequest;
type Property = Exclude<keyof Input, 'CustomKeyStoreId'>;

const whenDisconnected: readonly ConnectionStateType[] = ['DISCONNECTED'];
const whenConnectedToo: readonly ConnectionStateType[] = ['DISCONNECTED', 'CONNECTED'];

/** In which states of the connection each property may change (kms-semantics §12.1). */
const changeableIn: Readonly<Record<Property, readonly ConnectionStateType[]>> = {
  NewCustomKeyStoreName: whenConnectedToo,
  KeyStorePassword: whenDisconnected,
  CloudHsmClusterId: whenDisconnected,
  XksProxyAuthenticationCredential: whenConnectedToo,
  XksProxyUriPath: whenConnectedToo,
  XksProxyUriEndpoint: whenDisconnected,
  XksProxyConnectivity: whenDisconnected,
  XksProxyVpcEndpointServiceName: whenDisconnected,
  XksProxyVpcEndpointServiceOwner: whenDisconnected,
};

/** Throws what keeps the store, as it is, from being changed so. */
export function requireChangeable(store: CustomKeyStore, input: Input): void {
  requireMembersOfType(store.of.type, input);
  for (const [property, states] of Object.entries(changeableIn)) {
    if (input[property as Property] !== undefined) requireConnectionState(store, states);
  }
  if (store.of.type === 'EXTERNAL_KEY_STORE') requireConnectivity(store.of, input);
}

/** What goes with each connectivity, and what changes with it. */
function requireConnectivity(of: ExternalStore, input: Input): void {
  const connectivity = input.XksProxyConnectivity ?? of.connectivity;
  const given = (member: Property): boolean => input[member] !== undefined;
  const service = ['XksProxyVpcEndpointServiceName', 'XksProxyVpcEndpointServiceOwner'] as const;
  const superfluous = connectivity === 'PUBLIC_ENDPOINT' ? service.find(given) : undefined;
  if (superfluous !== undefined) {
    throw invalidMember(
      superfluous,
      `${superfluous} is not valid when XksProxyConnectivity is ${connectivity}.`,
    );
  }
  if (connectivity === of.connectivity) return;
  const needed: readonly Property[] =
    connectivity === 'PUBLIC_ENDPOINT'
      ? ['XksProxyUriEndpoint']
      : ['XksProxyUriEndpoint', 'XksProxyVpcEndpointServiceName'];
  const missing = needed.find((member) => !given(member));
  if (missing === undefined) return;
  throw invalidMember(
    missing,
    `${missing} is required when XksProxyConnectivity is changed to ${connectivity}.`,
  );
}

/** The store with its new properties, of which the secret comes sealed. */
export function updated(
  store: CustomKeyStore,
  input: Input,
  sealedSecret: Sealed | undefined,
): CustomKeyStore {
  const { of } = store;
  return {
    ...store,
    name: input.NewCustomKeyStoreName ?? store.name,
    sealedSecret: sealedSecret ?? store.sealedSecret,
    of: of.type === 'AWS_CLOUDHSM' ? cloudHsmOf(of, input) : externalOf(of, input, store.accountId),
  };
}

function cloudHsmOf(of: CloudHsmStore, { CloudHsmClusterId }: Input): CloudHsmStore {
  return { ...of, clusterId: CloudHsmClusterId ?? of.clusterId };
}

/** A public endpoint has no service; a service is the account's own unless its owner is named. */
function externalOf(of: ExternalStore, input: Input, accountId: string): ExternalStore {
  const connectivity = input.XksProxyConnectivity ?? of.connectivity;
  const { XksProxyVpcEndpointServiceName: name, XksProxyVpcEndpointServiceOwner: owner } = input;
  const isPublic = connectivity === 'PUBLIC_ENDPOINT';
  const ownerBefore = name === undefined ? of.vpcEndpointServiceOwner : accountId;
  return {
    type: of.type,
    connectivity,
    uriEndpoint: input.XksProxyUriEndpoint ?? of.uriEndpoint,
    uriPath: input.XksProxyUriPath ?? of.uriPath,
    accessKeyId: input.XksProxyAuthenticationCredential?.AccessKeyId ?? of.accessKeyId,
    vpcEndpointServiceName: isPublic ? undefined : (name ?? of.vpcEndpointServiceName),
    vpcEndpointServiceOwner: isPublic ? undefined : (owner ?? ownerBefore),
  };
}
