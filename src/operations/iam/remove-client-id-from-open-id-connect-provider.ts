import { updateProvider } from '../../iam/oidc-providers';
import type { Operation } from '../../operation';
import { lockNamedProvider, onProvider } from './oidc-provider';

/** Does nothing for a client that the provider does not have. */
export const removeClientIDFromOpenIDConnectProvider: Operation<'RemoveClientIDFromOpenIDConnectProvider'> =
  {
    name: 'RemoveClientIDFromOpenIDConnectProvider',
    readOnly: false,
    audited: ['OpenIDConnectProviderArn', 'ClientID'],
    accountActions: onProvider('iam:RemoveClientIDFromOpenIDConnectProvider'),

    async write(call, { transaction }) {
      const { input } = call;
      const provider = await lockNamedProvider(transaction, call);
      const clientIds = provider.clientIds.filter((clientId) => clientId !== input.ClientID);
      await updateProvider(transaction, { ...provider, clientIds });
      transaction.announce({ topic: 'oidc-provider', id: provider.arn });
      return {};
    },
  };
