import { updateProvider } from '../../iam/oidc-providers';
import type { Operation } from '../../operation';
import { acceptClientIds, lockNamedProvider, onProvider } from './oidc-provider';

/** Does nothing for a client that the provider has. */
export const addClientIDToOpenIDConnectProvider: Operation<'AddClientIDToOpenIDConnectProvider'> = {
  name: 'AddClientIDToOpenIDConnectProvider',
  readOnly: false,
  audited: ['OpenIDConnectProviderArn', 'ClientID'],
  accountActions: onProvider('iam:AddClientIDToOpenIDConnectProvider'),

  async write(call, { transaction }) {
    const { input } = call;
    const provider = await lockNamedProvider(transaction, call);
    const clientIds = acceptClientIds([...provider.clientIds, input.ClientID]);
    await updateProvider(transaction, { ...provider, clientIds });
    transaction.announce({ topic: 'oidc-provider', id: provider.arn });
    return {};
  },
};
