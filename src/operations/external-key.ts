import { KmsError } from '../errors';
import type { Call } from '../operation';
import { type ExternalKeyMetadata, XksFault } from '../xks-client/client';
import { atCreateKey } from '../xks-client/faults';
import { requestMetadata } from './key-use';
import { inStore } from './keys-in-stores';

interface Requirement {
  readonly holds: (key: ExternalKeyMetadata) => boolean;
  readonly text: (key: ExternalKeyMetadata) => string;
}

/** What an external key must be for a KMS key (kms-semantics §12.3). */
const requirements: readonly Requirement[] = [
  {
    holds: ({ keySpec }) => keySpec === 'AES_256',
    text: ({ keySpec }) =>
      `The key spec of the external key must be AES_256. The key spec of specified external key is ${keySpec}.`,
  },
  {
    holds: ({ keyStatus }) => keyStatus === 'ENABLED',
    text: ({ keyStatus }) =>
      `The status of the external key must be ENABLED. The status of specified external key is ${keyStatus}.`,
  },
  {
    holds: ({ keyUsage }) => ['ENCRYPT', 'DECRYPT'].every((usage) => keyUsage.includes(usage)),
    text: ({ keyUsage }) =>
      `The key usage of the external key must include ENCRYPT and DECRYPT. The key use of specified external key is ${keyUsage.join(', ')}.`,
  },
];

/**
 * Asks the proxy of an external key store for the external key of a new KMS key. Throws XksKeyNotFoundException,
 * XksKeyInvalidConfigurationException, CustomKeyStoreInvalidStateException.
 */
export async function requireExternalKey(
  call: Call<'CreateKey'>,
  { storeId, xksKeyId }: { readonly storeId: string; readonly xksKeyId: string },
): Promise<void> {
  const key = await ask(call, storeId, xksKeyId);
  const failed = requirements.find(({ holds }) => !holds(key));
  if (failed === undefined) return;
  throw new KmsError('XksKeyInvalidConfigurationException', failed.text(key));
}

async function ask(
  call: Call<'CreateKey'>,
  storeId: string,
  xksKeyId: string,
): Promise<ExternalKeyMetadata> {
  const client = await inStore(() => call.services.storeConnections.client(storeId));
  try {
    return await client.metadata(xksKeyId, requestMetadata('CreateKey', call));
  } catch (thrown) {
    throw thrown instanceof XksFault ? atCreateKey(thrown) : thrown;
  }
}
