import { toKmsError } from '../../src/failures';
import { XksFault, type XksFaultKind } from '../../src/xks-client/client';
import {
  atCreateKey,
  atManagement,
  atUse,
  connectionErrorCode,
  innerLayerInvalid,
} from '../../src/xks-client/faults';

/** kms-semantics §12.3 and §12.2, by kind: the text, and what it is to management operations, CreateKey and connecting. */
const table: readonly [XksFaultKind, string, string, string, string][] = [
  [
    'unreachable',
    'AWS KMS cannot communicate with the external key store proxy. Verify that your external key store proxy is active and is connected to the network, and that its URI path and endpoint URI or VPC service name are correct in your external key store.',
    'XksProxyUriUnreachableException',
    'CustomKeyStoreInvalidStateException',
    'XKS_PROXY_NOT_REACHABLE',
  ],
  [
    'timed-out',
    'AWS KMS rejected the request because the external key store proxy did not respond in time. Retry the request. If you see this error repeatedly, report it to your external key store proxy administrator.',
    'XksProxyUriUnreachableException',
    'CustomKeyStoreInvalidStateException',
    'XKS_PROXY_TIMED_OUT',
  ],
  [
    'tls',
    'AWS KMS cannot establish a TLS connection to the external key store proxy. Verify the TLS configuration, including its certificate.',
    'XksProxyInvalidConfigurationException',
    'CustomKeyStoreInvalidStateException',
    'XKS_PROXY_INVALID_TLS_CONFIGURATION',
  ],
  [
    'uri-path',
    'The external key store proxy rejected the request because of an invalid URI path. Verify the URI path for your external key store and update if necessary.',
    'XksProxyInvalidConfigurationException',
    'CustomKeyStoreInvalidStateException',
    'XKS_PROXY_INVALID_CONFIGURATION',
  ],
  [
    'credential',
    'The external key store proxy rejected the request because it could not authenticate AWS KMS. Verify the credentials for your external key store and update if necessary.',
    'XksProxyIncorrectAuthenticationCredentialException',
    'CustomKeyStoreInvalidStateException',
    'INVALID_CREDENTIALS',
  ],
  [
    'unhealthy',
    'The external key store proxy is in an unhealthy state. If you see this message repeatedly, notify your external key store proxy administrator.',
    'XksProxyUriUnreachableException',
    'CustomKeyStoreInvalidStateException',
    'XKS_PROXY_NOT_REACHABLE',
  ],
  [
    'invalid-response',
    'AWS KMS cannot interpret the response from the external key store proxy. If you see this error repeatedly, consult your external key store proxy administrator.',
    'XksProxyInvalidResponseException',
    'CustomKeyStoreInvalidStateException',
    'XKS_PROXY_INVALID_RESPONSE',
  ],
  [
    'unsupported',
    'The external key store proxy rejected the request because it does not support the requested cryptographic operation.',
    'UnsupportedOperationException',
    'CustomKeyStoreInvalidStateException',
    'XKS_PROXY_INVALID_RESPONSE',
  ],
  [
    'access-denied',
    'The external key store proxy denied access to the operation. Verify that the user and the external key are both authorized for this operation, and try the request again.',
    'XksProxyInvalidConfigurationException',
    'CustomKeyStoreInvalidStateException',
    'XKS_PROXY_ACCESS_DENIED',
  ],
  [
    'ciphertext',
    'The external key store proxy rejected the request because the specified ciphertext or additional authenticated data is corrupted, missing, or otherwise invalid.',
    'XksProxyInvalidResponseException',
    'CustomKeyStoreInvalidStateException',
    'INTERNAL_ERROR',
  ],
  [
    'key-not-found',
    'The external key store proxy rejected the request because it could not find the external key.',
    'XksProxyInvalidResponseException',
    'XksKeyNotFoundException',
    'INTERNAL_ERROR',
  ],
  [
    'key-disabled',
    'The external key store proxy rejected the request because the external key is not enabled in the external key manager.',
    'XksProxyInvalidResponseException',
    'CustomKeyStoreInvalidStateException',
    'INTERNAL_ERROR',
  ],
  [
    'key-usage',
    'The external key store proxy rejected the request because the external key does not support the requested operation.',
    'XksProxyInvalidResponseException',
    'CustomKeyStoreInvalidStateException',
    'INTERNAL_ERROR',
  ],
  [
    'throttled',
    'The external key store proxy rejected the request due to a very high request rate. Reduce the frequency of calls using KMS keys in this external key store.',
    'XksProxyUriUnreachableException',
    'CustomKeyStoreInvalidStateException',
    'XKS_PROXY_NOT_REACHABLE',
  ],
];

test.each(table)('A proxy that is %s is told so by one text', (...[kind, message, ...names]) => {
  const [management, createKey, connection] = names;
  const fault = new XksFault(kind, 'what the proxy said');
  const cause = fault;
  expect(atUse(fault)).toMatchObject({ code: 'KMSInvalidStateException', message, cause });
  expect(atManagement(fault)).toMatchObject({ code: management, message, cause });
  expect(atCreateKey(fault)).toMatchObject({ code: createKey, message, cause });
  expect(connectionErrorCode(fault)).toBe(connection);
  expect(toKmsError(fault)).toMatchObject({ code: 'KMSInvalidStateException', message });
});

test('An inner layer that is invalid is a state of the key too, and no ciphertext that is', () => {
  expect(innerLayerInvalid(new Error('why'))).toMatchObject({
    code: 'KMSInvalidStateException',
    message:
      'The ciphertext that the external key store proxy submitted for decryption, or the encryption context, is corrupted, missing, or otherwise invalid.',
    cause: new Error('why'),
  });
});
