import { type ErrorCode, KmsError } from '../errors';
import type { ConnectionErrorCodeType } from '../shapes/kms.generated';
import type { XksFault, XksFaultKind } from './client';

/** What a fault is to who meets it (kms-semantics §12.3): one text, and a name that depends on what was asked of us. */
interface FaultRow {
  readonly text: string;
  /** CreateCustomKeyStore and UpdateCustomKeyStore. */
  readonly management: ErrorCode;
  readonly createKey: ErrorCode;
  /** DescribeCustomKeyStores, of a store that could not be connected (§12.2). */
  readonly connection: ConnectionErrorCodeType;
}

const proxy = 'The external key store proxy';
const rejected = `${proxy} rejected the request because`;

const unreachable: FaultRow = {
  text: `AWS KMS cannot communicate with the external key store proxy. Verify that your external key store proxy is active and is connected to the network, and that its URI path and endpoint URI or VPC service name are correct in your external key store.`,
  management: 'XksProxyUriUnreachableException',
  createKey: 'CustomKeyStoreInvalidStateException',
  connection: 'XKS_PROXY_NOT_REACHABLE',
};

const invalidResponse: FaultRow = {
  text: 'AWS KMS cannot interpret the response from the external key store proxy. If you see this error repeatedly, consult your external key store proxy administrator.',
  management: 'XksProxyInvalidResponseException',
  createKey: 'CustomKeyStoreInvalidStateException',
  connection: 'XKS_PROXY_INVALID_RESPONSE',
};

/** What a proxy can say of a key, or of a ciphertext, it cannot say when it is asked for its health. */
const ofKey = { ...invalidResponse, connection: 'INTERNAL_ERROR' } as const satisfies FaultRow;

const rows: Readonly<Record<XksFaultKind, FaultRow>> = {
  unreachable,
  'timed-out': {
    ...unreachable,
    text: 'AWS KMS rejected the request because the external key store proxy did not respond in time. Retry the request. If you see this error repeatedly, report it to your external key store proxy administrator.',
    connection: 'XKS_PROXY_TIMED_OUT',
  },
  tls: {
    ...unreachable,
    text: 'AWS KMS cannot establish a TLS connection to the external key store proxy. Verify the TLS configuration, including its certificate.',
    management: 'XksProxyInvalidConfigurationException',
    connection: 'XKS_PROXY_INVALID_TLS_CONFIGURATION',
  },
  'uri-path': {
    ...unreachable,
    text: `${rejected} of an invalid URI path. Verify the URI path for your external key store and update if necessary.`,
    management: 'XksProxyInvalidConfigurationException',
    connection: 'XKS_PROXY_INVALID_CONFIGURATION',
  },
  credential: {
    ...unreachable,
    text: `${rejected} it could not authenticate AWS KMS. Verify the credentials for your external key store and update if necessary.`,
    management: 'XksProxyIncorrectAuthenticationCredentialException',
    connection: 'INVALID_CREDENTIALS',
  },
  unhealthy: {
    ...unreachable,
    text: `${proxy} is in an unhealthy state. If you see this message repeatedly, notify your external key store proxy administrator.`,
  },
  'invalid-response': invalidResponse,
  unsupported: {
    ...invalidResponse,
    text: `${rejected} it does not support the requested cryptographic operation.`,
    management: 'UnsupportedOperationException',
  },
  'access-denied': {
    ...unreachable,
    text: `${proxy} denied access to the operation. Verify that the user and the external key are both authorized for this operation, and try the request again.`,
    // Documented for no management operation: what answers one, GetHealthStatus, is open to whoever is authenticated.
    management: 'XksProxyInvalidConfigurationException',
    connection: 'XKS_PROXY_ACCESS_DENIED',
  },
  throttled: {
    ...unreachable,
    text: `${proxy} rejected the request due to a very high request rate. Reduce the frequency of calls using KMS keys in this external key store.`,
  },
  ciphertext: {
    ...ofKey,
    text: `${rejected} the specified ciphertext or additional authenticated data is corrupted, missing, or otherwise invalid.`,
  },
  'key-not-found': {
    ...ofKey,
    text: `${rejected} it could not find the external key.`,
    createKey: 'XksKeyNotFoundException',
  },
  'key-disabled': {
    ...ofKey,
    text: `${rejected} the external key is not enabled in the external key manager.`,
  },
  'key-usage': {
    ...ofKey,
    text: `${rejected} the external key does not support the requested operation.`,
  },
};

/** Of a cryptographic operation with a key of the store: always KMSInvalidStateException. */
export function atUse(fault: XksFault): KmsError {
  return errorOf(fault, 'KMSInvalidStateException');
}

/** Of CreateKey, which asks the proxy for the external key. */
export function atCreateKey(fault: XksFault): KmsError {
  return errorOf(fault, rows[fault.kind].createKey);
}

/** Of CreateCustomKeyStore and UpdateCustomKeyStore, which ask the proxy for its health. */
export function atManagement(fault: XksFault): KmsError {
  return errorOf(fault, rows[fault.kind].management);
}

export function connectionErrorCode({ kind }: XksFault): ConnectionErrorCodeType {
  return rows[kind].connection;
}

/** Which fault it was, and what the proxy said, stand in the log alone. */
function errorOf(fault: XksFault, code: ErrorCode): KmsError {
  return new KmsError(code, rows[fault.kind].text, { cause: fault });
}

/**
 * Of Decrypt, when the proxy accepted a ciphertext and what was in it is none of ours (kms-semantics §12.3): the outer layer
 * authenticates the encryption context already, so it is the proxy, or its key manager, that gave back something else.
 */
export function innerLayerInvalid(cause: unknown): KmsError {
  return new KmsError(
    'KMSInvalidStateException',
    'The ciphertext that the external key store proxy submitted for decryption, or the encryption context, is corrupted, missing, or otherwise invalid.',
    { cause },
  );
}
