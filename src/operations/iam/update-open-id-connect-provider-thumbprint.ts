import { updateProvider } from '../../iam/oidc-providers';
import type { Operation } from '../../operation';
import { checkThumbprints, lockNamedProvider, onProvider } from './oidc-provider';

export const updateOpenIDConnectProviderThumbprint: Operation<'UpdateOpenIDConnectProviderThumbprint'> =
  {
    name: 'UpdateOpenIDConnectProviderThumbprint',
    readOnly: false,
    audited: ['OpenIDConnectProviderArn', 'ThumbprintList'],
    check: ({ ThumbprintList }) => checkThumbprints(ThumbprintList),
    accountActions: onProvider('iam:UpdateOpenIDConnectProviderThumbprint'),

    async write(call, { transaction }) {
      const provider = await lockNamedProvider(transaction, call);
      const thumbprints = call.input.ThumbprintList;
      await updateProvider(transaction, { ...provider, thumbprints });
      transaction.announce({ topic: 'oidc-provider', id: provider.arn });
      return {};
    },
  };
