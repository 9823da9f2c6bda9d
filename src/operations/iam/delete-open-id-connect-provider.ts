import { KmsError } from '../../errors';
import { removeProvider } from '../../iam/oidc-providers';
import { removeAllTags } from '../../iam/tags';
import type { Operation } from '../../operation';
import { onProvider } from './oidc-provider';

/** Trust policies that name the provider stay as they are, and let nobody in. */
export const deleteOpenIDConnectProvider: Operation<'DeleteOpenIDConnectProvider'> = {
  name: 'DeleteOpenIDConnectProvider',
  readOnly: false,
  audited: ['OpenIDConnectProviderArn'],
  accountActions: onProvider('iam:DeleteOpenIDConnectProvider'),

  async write({ input }, { transaction }) {
    const { OpenIDConnectProviderArn: arn } = input;
    if (!(await removeProvider(transaction, arn))) {
      throw new KmsError('NoSuchEntity', `OpenId connect Provider ${arn} cannot be found.`);
    }
    await removeAllTags(transaction, arn);
    transaction.announce({ topic: 'oidc-provider', id: arn });
    return {};
  },
};
