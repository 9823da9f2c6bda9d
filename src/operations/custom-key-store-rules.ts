import { randomBytes } from 'node:crypto';
import { requireNoConflict } from '../custom-key-stores/conflicts';
import { storeNotFound } from '../custom-key-stores/errors';
import type { CustomKeyStore } from '../custom-key-stores/store';
import { findStore, lockStore, storesBeside } from '../custom-key-stores/stores';
import type { Queryable } from '../db';
import { invalidMember } from '../errors';
import { callerConditions } from '../keys/conditions';
import type { Call, Change } from '../operation';
import type { Conditions } from '../policy/policy';
import { memberPath } from '../shapes';
import type { CustomKeyStoreType } from '../shapes/kms.generated';
import type { OperationName } from '../shapes/operations';

/** What a custom key store is made of, as CreateCustomKeyStore and UpdateCustomKeyStore call it. */
export interface StoreMembers {
  readonly CloudHsmClusterId?: string;
  readonly TrustAnchorCertificate?: string;
  readonly KeyStorePassword?: string;
  readonly XksProxyAuthenticationCredential?: {
    readonly AccessKeyId: string;
    readonly RawSecretAccessKey: string;
  };
  readonly XksProxyConnectivity?: 'PUBLIC_ENDPOINT' | 'VPC_ENDPOINT_SERVICE';
  readonly XksProxyUriEndpoint?: string;
  readonly XksProxyUriPath?: string;
  readonly XksProxyVpcEndpointServiceName?: string;
  readonly XksProxyVpcEndpointServiceOwner?: string;
}

export type StoreMember = keyof StoreMembers;

/** Which members a store of the type must have, and which it can. */
export const membersOfType = {
  AWS_CLOUDHSM: {
    required: ['CloudHsmClusterId', 'KeyStorePassword', 'TrustAnchorCertificate'],
    optional: [],
  },
  EXTERNAL_KEY_STORE: {
    required: [
      'XksProxyConnectivity',
      'XksProxyAuthenticationCredential',
      'XksProxyUriEndpoint',
      'XksProxyUriPath',
    ],
    optional: ['XksProxyVpcEndpointServiceName', 'XksProxyVpcEndpointServiceOwner'],
  },
} as const satisfies Record<CustomKeyStoreType, Record<string, readonly StoreMember[]>>;

/** Throws ValidationException when the input has a member that a store of the type has not. */
export function requireMembersOfType(type: CustomKeyStoreType, input: StoreMembers): void {
  const otherType = type === 'AWS_CLOUDHSM' ? 'EXTERNAL_KEY_STORE' : 'AWS_CLOUDHSM';
  const { required, optional } = membersOfType[otherType];
  const others: readonly StoreMember[] = [...required, ...optional];
  const given = others.find((member) => input[member] !== undefined);
  if (given === undefined) return;
  throw invalidMember(given, `${given} is not valid for a custom key store of type ${type}.`);
}

/** No pattern of the model keeps U+0000 out, and Postgres cannot store it: refused, as AWS refuses it in descriptions. */
export function checkTexts(texts: Readonly<Record<string, string | undefined>>): void {
  for (const [member, text] of Object.entries(texts)) {
    if (text?.includes('\0') !== true) continue;
    throw invalidMember(
      member,
      `1 validation error detected: Value at '${memberPath([member])}' failed to satisfy constraint: Member must not contain U+0000`,
    );
  }
}

export function checkStoreId({ CustomKeyStoreId }: { readonly CustomKeyStoreId: string }): void {
  checkTexts({ CustomKeyStoreId });
}

/** Never one that was used before (kms-semantics §12.1). */
export function newStoreId(): string {
  return `cks-${randomBytes(9).toString('hex').slice(0, 17)}`;
}

type StoreCall = Pick<Call<OperationName>, 'caller' | 'services'>;

/** Of all operations on custom key stores (kms-semantics §6.8). */
export function storeConditions({ caller, services }: StoreCall): Conditions {
  return callerConditions(caller, services.place.region);
}

/** Throws CustomKeyStoreNotFoundException for a store of another account too. */
export function requireOwn(
  { caller }: Pick<StoreCall, 'caller'>,
  id: string,
  store: CustomKeyStore | undefined,
): CustomKeyStore {
  if (store?.accountId === caller.accountId) return store;
  throw storeNotFound(id);
}

export async function findOwn(
  call: StoreCall & { readonly input: { readonly CustomKeyStoreId: string } },
): Promise<CustomKeyStore> {
  const id = call.input.CustomKeyStoreId;
  return requireOwn(call, id, await findStore(call.services.db, id));
}

/** Locked until the transaction ends. */
export async function lockOwn(
  call: StoreCall & { readonly input: { readonly CustomKeyStoreId: string } },
  { transaction }: Pick<Change, 'transaction'>,
): Promise<CustomKeyStore> {
  const id = call.input.CustomKeyStoreId;
  return requireOwn(call, id, await lockStore(transaction, id));
}

/** What has the name, the cluster, the URI or the service of the store already is its refusal. */
export async function requireFree(db: Queryable, store: CustomKeyStore): Promise<void> {
  requireNoConflict(store, await storesBeside(db, store));
}

/** Tells every worker, and the record what the store is (kms-semantics §16.4). */
export function changed({ id, name, of }: CustomKeyStore, change: Change): void {
  change.transaction.announce({ topic: 'custom-key-store', id });
  change.note({
    CustomKeyStoreName: name,
    ...(of.type === 'AWS_CLOUDHSM' && { ClusterId: of.clusterId }),
  });
}
