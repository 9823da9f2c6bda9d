import { Secret } from '../auth/secret';
import { copyOf } from '../custom-key-stores/secrets';
import { type CustomKeyStore, connectsAlike } from '../custom-key-stores/store';
import { lockProperties, saveStore } from '../custom-key-stores/stores';
import { KmsError, invalidMember } from '../errors';
import type { Call, Operation } from '../operation';
import type { UpdateCustomKeyStoreRequest } from '../shapes/kms.generated';
import {
  changed,
  checkTexts,
  findOwn,
  lockOwn,
  requireFree,
  storeConditions,
} from './custom-key-store-rules';
import { requireChangeable, updated } from './custom-key-store-changes';
import { proveStore } from './prove-custom-key-store';

export const updateCustomKeyStore: Operation<'UpdateCustomKeyStore'> = {
  name: 'UpdateCustomKeyStore',
  rest: {
    method: 'PATCH',
    path: '/custom-key-stores/{CustomKeyStoreId}',
    summary: 'Changes a custom key store.',
  },
  readOnly: false,
  audited: [
    'CustomKeyStoreId',
    'NewCustomKeyStoreName',
    'CloudHsmClusterId',
    'XksProxyConnectivity',
    'XksProxyUriEndpoint',
    'XksProxyUriPath',
    'XksProxyVpcEndpointServiceName',
    'XksProxyVpcEndpointServiceOwner',
  ],
  check(input) {
    const { CustomKeyStoreId, NewCustomKeyStoreName } = input;
    checkTexts({ CustomKeyStoreId, NewCustomKeyStoreName });
    if (Object.keys(input).length > 1) return;
    throw invalidMember(
      'NewCustomKeyStoreName',
      'At least one property of the custom key store must be specified.',
    );
  },
  conditions: storeConditions,
  accountActions: () => [{ action: 'kms:UpdateCustomKeyStore', resource: '*' }],

  async prepare(call) {
    const store = await findOwn(call);
    requireChangeable(store, call.input);
    const secret = newSecret(call.input);
    try {
      const sealed = secret && (await call.services.customKeyStores.secrets.seal(secret, store.id));
      const next = updated(store, call.input, sealed);
      await requireFree(call.services.db, next);
      await prove(call, { store, next, secret });
      return { store: next };
    } finally {
      secret?.wipe();
    }
  },

  async write(call, change) {
    const { input } = call;
    const { transaction, prepared } = change;
    await lockProperties(transaction);
    const store = await lockOwn(call, change);
    requireChangeable(store, input);
    const sealed = newSecret(input) && prepared?.store?.sealedSecret;
    const next = updated(store, input, sealed);
    await requireFree(transaction, next);
    if (!connectsAlike(next, store)) requireProven(next, prepared?.store);
    await saveStore(transaction, next);
    changed(next, change);
    return {};
  },
};

function newSecret(input: UpdateCustomKeyStoreRequest): Secret | undefined {
  const { KeyStorePassword, XksProxyAuthenticationCredential: credential } = input;
  const text = KeyStorePassword ?? credential?.RawSecretAccessKey;
  return text === undefined ? undefined : new Secret(text);
}

interface Proof {
  readonly store: CustomKeyStore;
  readonly next: CustomKeyStore;
  /** The new one, where it changes. */
  readonly secret: Secret | undefined;
}

async function prove(
  { services }: Call<'UpdateCustomKeyStore'>,
  { store, next, secret }: Proof,
): Promise<void> {
  const { connectors, secrets } = services.customKeyStores;
  if (isSameCluster(store, next) || connectsAlike(store, next)) return;
  try {
    await proveStore(connectors, next, {
      secret: () => (secret ? Promise.resolve(copyOf(secret)) : secrets.open(store)),
      operation: 'UpdateCustomKeyStore',
    });
  } catch (error) {
    throw asUpdate(error);
  }
}

/** A new password is first tried when the store is connected. */
function isSameCluster({ of: one }: CustomKeyStore, { of: other }: CustomKeyStore): boolean {
  if (one.type !== 'AWS_CLOUDHSM' || other.type !== 'AWS_CLOUDHSM') return false;
  return one.clusterId === other.clusterId;
}

/** The store keeps its trust anchor: a cluster that has another has none of its keys. */
function asUpdate(error: unknown): unknown {
  if (!(error instanceof KmsError) || error.code !== 'IncorrectTrustAnchorException') return error;
  return new KmsError('CloudHsmClusterNotRelatedException', error.message, { cause: error });
}

/** Somebody else changed the store between the proof and now: the request is good to be made again. */
function requireProven(next: CustomKeyStore, proven: CustomKeyStore | undefined): void {
  const isProven = proven !== undefined && connectsAlike(next, proven);
  if (isProven && next.connectionState === proven.connectionState) return;
  throw new KmsError(
    'KMSInternalException',
    'The custom key store was changed by another request meanwhile. You can retry the request.',
  );
}
