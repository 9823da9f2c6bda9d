import {
  ConnectCustomKeyStoreCommand,
  CreateCustomKeyStoreCommand,
  DeleteCustomKeyStoreCommand,
  DescribeCustomKeyStoresCommand,
  DisconnectCustomKeyStoreCommand,
  type KMSClient,
  UpdateCustomKeyStoreCommand,
} from '@aws-sdk/client-kms';
import type { ConditionRow } from './condition-stage';
import { sdkRefusal } from './kms';
import { customKeyStoreOperations } from './kms-condition-keys';

const store = { CustomKeyStoreId: 'cks-1234567890abcdef0' };
const commands = {
  ConnectCustomKeyStore: () => new ConnectCustomKeyStoreCommand(store),
  CreateCustomKeyStore: () =>
    new CreateCustomKeyStoreCommand({
      ...{ CustomKeyStoreName: 'a', CloudHsmClusterId: 'cluster-aaaaaaaaaaa' },
      ...{ KeyStorePassword: '1234567', TrustAnchorCertificate: 'a' },
    }),
  DeleteCustomKeyStore: () => new DeleteCustomKeyStoreCommand(store),
  DescribeCustomKeyStores: () => new DescribeCustomKeyStoresCommand({}),
  DisconnectCustomKeyStore: () => new DisconnectCustomKeyStoreCommand(store),
  UpdateCustomKeyStore: () =>
    new UpdateCustomKeyStoreCommand({ ...store, NewCustomKeyStoreName: 'a' }),
} as const satisfies Record<(typeof customKeyStoreOperations)[number], () => object>;

/** There is neither such a store nor such a cluster, as is found out after the policies have had their word. */
const found = ['CustomKeyStoreNotFoundException', 'CloudHsmClusterNotFoundException'];

async function asFarAsTheStore(sending: Promise<unknown>): Promise<unknown> {
  const refusal = await sending.then(
    () => undefined,
    () => sdkRefusal(sending),
  );
  return refusal === undefined || found.includes(refusal.code) ? undefined : sending;
}

/** The rows of the operations on custom key stores, which have the caller's account alone. */
export function keyStoreConditionKeys(): readonly ConditionRow[] {
  return customKeyStoreOperations.flatMap((name) => {
    const send = (kms: KMSClient) =>
      asFarAsTheStore((kms as { send(one: unknown): Promise<unknown> }).send(commands[name]()));
    const on = { action: `kms:${name}`, resource: '*', kinds: ['identity policy'] as const, send };
    return [
      { key: 'kms:CallerAccount', met: ['StringEquals', '111122223333', '444455556666'], ...on },
      { key: 'kms:KeySpec', ...on },
      { key: 'kms:ViaService', ...on },
    ] as const satisfies readonly ConditionRow[];
  });
}
