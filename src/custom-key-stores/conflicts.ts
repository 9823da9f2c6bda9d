import { type ErrorCode, KmsError } from '../errors';
import type { CustomKeyStore, ExternalStore } from './store';

interface Conflict {
  readonly code: ErrorCode;
  readonly message: (store: CustomKeyStore) => string;
  /** Whether two stores, of one account unless it says otherwise, cannot be there together. */
  readonly between: (one: CustomKeyStore, other: CustomKeyStore) => boolean;
}

const both =
  (together: (one: ExternalStore, other: ExternalStore) => boolean): Conflict['between'] =>
  (one, other) =>
    one.accountId === other.accountId &&
    one.of.type === 'EXTERNAL_KEY_STORE' &&
    other.of.type === 'EXTERNAL_KEY_STORE' &&
    together(one.of, other.of);

/** Names of hosts are the same without regard to case. */
const sameHost = (one: ExternalStore, other: ExternalStore): boolean =>
  one.uriEndpoint.toLowerCase() === other.uriEndpoint.toLowerCase();

const endpointOf = ({ of }: CustomKeyStore): string =>
  of.type === 'EXTERNAL_KEY_STORE' ? of.uriEndpoint : '';

/** What no two stores may have alike (kms-semantics §12.3), in the order in which it is looked for. */
const conflicts: readonly Conflict[] = [
  {
    code: 'CustomKeyStoreNameInUseException',
    message: ({ name }) => `The custom key store name ${name} is already in use.`,
    between: (one, other) => one.accountId === other.accountId && one.name === other.name,
  },
  {
    code: 'CloudHsmClusterInUseException',
    message: ({ of }) =>
      `The cluster ${of.type === 'AWS_CLOUDHSM' ? of.clusterId : ''} is already associated with a custom key store.`,
    // A cluster is of one store, whoever's.
    between: (one, other) =>
      one.of.type === 'AWS_CLOUDHSM' &&
      other.of.type === 'AWS_CLOUDHSM' &&
      one.of.clusterId === other.of.clusterId,
  },
  {
    code: 'XksProxyUriInUseException',
    message: ({ of }) =>
      of.type === 'EXTERNAL_KEY_STORE'
        ? `The external key store proxy URI ${of.uriEndpoint}${of.uriPath} is already associated with an external key store.`
        : '',
    between: both((one, other) => sameHost(one, other) && one.uriPath === other.uriPath),
  },
  {
    code: 'XksProxyUriEndpointInUseException',
    message: (store) =>
      `The external key store proxy URI endpoint ${endpointOf(store)} is already associated with an external key store, with which it cannot be shared.`,
    // Public endpoints are told apart by their paths; a private DNS name is of one store.
    between: both(
      (one, other) =>
        sameHost(one, other) &&
        (one.connectivity === 'VPC_ENDPOINT_SERVICE' ||
          other.connectivity === 'VPC_ENDPOINT_SERVICE'),
    ),
  },
  {
    code: 'XksProxyVpcEndpointServiceInUseException',
    message: ({ of }) =>
      `The VPC endpoint service ${of.type === 'EXTERNAL_KEY_STORE' ? String(of.vpcEndpointServiceName) : ''} is already associated with an external key store.`,
    between: both(
      (one, other) =>
        one.vpcEndpointServiceName !== undefined &&
        one.vpcEndpointServiceName === other.vpcEndpointServiceName,
    ),
  },
];

/** Throws the first conflict of a store, as it is to be, with others. */
export function requireNoConflict(store: CustomKeyStore, others: readonly CustomKeyStore[]): void {
  for (const { code, message, between } of conflicts) {
    if (others.some((other) => between(store, other))) throw new KmsError(code, message(store));
  }
}
