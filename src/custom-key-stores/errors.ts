import { type ErrorCode, KmsError } from '../errors';
import type { ConnectionErrorCodeType, ConnectionStateType } from '../shapes/kms.generated';
import type { ConnectionFault } from './connections';
import type { CustomKeyStore } from './store';

export function storeNotFound(idOrName: string): KmsError {
  return new KmsError(
    'CustomKeyStoreNotFoundException',
    `Custom key store ${idOrName} does not exist.`,
  );
}

/** Throws CustomKeyStoreInvalidStateException unless the store is in one of the states. */
export function requireConnectionState(
  { id, connectionState }: Pick<CustomKeyStore, 'id' | 'connectionState'>,
  allowed: readonly ConnectionStateType[],
): void {
  if (allowed.includes(connectionState)) return;
  throw new KmsError(
    'CustomKeyStoreInvalidStateException',
    `The connection state of the custom key store ${id} is ${connectionState}, which is not valid for this operation.`,
  );
}

/** What a key of a store that cannot be reached is refused with (kms-semantics §12.3). */
const unreachable = {
  AWS_CLOUDHSM: 'KMS cannot communicate with your CloudHSM cluster',
  EXTERNAL_KEY_STORE:
    'AWS KMS cannot communicate with the external key store proxy. Verify that your external key store proxy is active and is connected to the network, and that its URI path and endpoint URI or VPC service name are correct in your external key store.',
} as const;

/** Of the use of a key whose store is CONNECTED and could not be reached. */
export function unusable({ of }: CustomKeyStore, fault: ConnectionFault): KmsError {
  return new KmsError('KMSInvalidStateException', unreachable[of.type], { cause: fault });
}

/** Of the use of a key whose store is not CONNECTED, or is gone. */
export function notConnected(store: CustomKeyStore | undefined): KmsError {
  const type = store?.of.type ?? 'AWS_CLOUDHSM';
  const cause = new Error(`the connection state is ${store?.connectionState ?? 'unknown'}`);
  return new KmsError('KMSInvalidStateException', unreachable[type], { cause });
}

/** What a proxy that fails when it is first asked for its health is to who asked (kms-semantics §12.3). */
const atProofs: Partial<Record<ConnectionErrorCodeType, ErrorCode>> = {
  INVALID_CREDENTIALS: 'XksProxyIncorrectAuthenticationCredentialException',
  XKS_PROXY_INVALID_CONFIGURATION: 'XksProxyInvalidConfigurationException',
  XKS_PROXY_INVALID_TLS_CONFIGURATION: 'XksProxyInvalidConfigurationException',
  XKS_PROXY_INVALID_RESPONSE: 'XksProxyInvalidResponseException',
};

/** Of CreateCustomKeyStore and UpdateCustomKeyStore. */
export function atProof(fault: ConnectionFault): KmsError {
  const code = atProofs[fault.code] ?? 'XksProxyUriUnreachableException';
  return new KmsError(code, unreachable.EXTERNAL_KEY_STORE, { cause: fault });
}
