import { KmsError } from '../errors';
import type { ConnectionStateType, CustomKeyStoreType } from '../shapes/kms.generated';
import { XksFault } from '../xks-client/client';
import { atManagement, atUse } from '../xks-client/faults';
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

/** Of the use of a key whose store is CONNECTED and could not be reached. */
export function unusable({ of }: CustomKeyStore, fault: ConnectionFault): KmsError {
  if (fault.cause instanceof XksFault) return atUse(fault.cause);
  return unreachable(of.type, fault);
}

/** Of the use of a key whose store is not CONNECTED, or is gone. */
export function notConnected(store: CustomKeyStore | undefined): KmsError {
  const state = store?.connectionState ?? 'unknown';
  return unreachable(store?.of.type, new Error(`the connection state is ${state}`));
}

/** kms-semantics §12.3 */
export function unreachable(type: CustomKeyStoreType | undefined, cause: Error): KmsError {
  if (type === 'EXTERNAL_KEY_STORE') {
    return atUse(new XksFault('unreachable', cause.message, { cause }));
  }
  const message = 'KMS cannot communicate with your CloudHSM cluster';
  return new KmsError('KMSInvalidStateException', message, { cause });
}

/** Of CreateCustomKeyStore and UpdateCustomKeyStore, which ask a proxy for its health. */
export function atProof(fault: ConnectionFault): Error {
  return fault.cause instanceof XksFault ? atManagement(fault.cause) : fault;
}
