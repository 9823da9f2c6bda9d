import { withoutScheme } from '../../iam/oidc-url';
import { listTags } from '../../iam/tags';
import type { Operation } from '../../operation';
import { onProvider, requireProvider } from './oidc-provider';

export const getOpenIDConnectProvider: Operation<'GetOpenIDConnectProvider'> = {
  name: 'GetOpenIDConnectProvider',
  readOnly: true,
  audited: ['OpenIDConnectProviderArn'],
  accountActions: onProvider('iam:GetOpenIDConnectProvider'),

  async run(call) {
    const provider = await requireProvider(call);
    return {
      Url: withoutScheme(provider.url),
      ClientIDList: [...provider.clientIds],
      ThumbprintList: [...provider.thumbprints],
      CreateDate: provider.createdAt,
      Tags: await listTags(call.services.db, provider.arn),
    };
  },
};
