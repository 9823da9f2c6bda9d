import { listProviders } from '../../iam/oidc-providers';
import type { Operation } from '../../operation';

export const listOpenIDConnectProviders: Operation<'ListOpenIDConnectProviders'> = {
  name: 'ListOpenIDConnectProviders',
  readOnly: true,
  audited: [],
  accountActions: () => [{ action: 'iam:ListOpenIDConnectProviders', resource: '*' }],

  async run({ caller, services }) {
    const arns = await listProviders(services.db, caller.accountId);
    return { OpenIDConnectProviderList: arns.map((Arn) => ({ Arn })) };
  },
};
