import { KmsError } from '../../errors';
import { lockAccount } from '../../iam/entities';
import { insertProvider, listProviders } from '../../iam/oidc-providers';
import { checkProviderUrl, providerArn } from '../../iam/oidc-url';
import { requireQuota } from '../../iam/quotas';
import { checkIamTags, listTags, putTags, requestTags } from '../../iam/tags';
import type { Call, Operation } from '../../operation';
import { acceptClientIds, checkThumbprints } from './oidc-provider';

export const createOpenIDConnectProvider: Operation<'CreateOpenIDConnectProvider'> = {
  name: 'CreateOpenIDConnectProvider',
  readOnly: false,
  audited: ['Url', 'ClientIDList', 'ThumbprintList', 'Tags'],
  check({ Url, ClientIDList = [], ThumbprintList = [], Tags = [] }) {
    checkProviderUrl(Url);
    acceptClientIds(ClientIDList);
    checkThumbprints(ThumbprintList);
    checkIamTags(Tags);
  },
  accountActions(call) {
    const resource = newArn(call);
    const { Tags = [] } = call.input;
    const conditions = requestTags(Tags);
    return [
      { action: 'iam:CreateOpenIDConnectProvider', resource, conditions },
      ...(Tags.length === 0
        ? []
        : [{ action: 'iam:TagOpenIDConnectProvider', resource, conditions }]),
    ];
  },

  async write(call, { transaction }) {
    const { input, caller } = call;
    const { accountId } = caller;
    const arn = newArn(call);
    await lockAccount(transaction, accountId);
    const inserted = await insertProvider(transaction, {
      ...{ arn, accountId, url: input.Url },
      clientIds: acceptClientIds(input.ClientIDList ?? []),
      thumbprints: input.ThumbprintList ?? [],
    });
    if (!inserted) {
      throw new KmsError('EntityAlreadyExists', `Provider with url ${input.Url} already exists.`);
    }
    const providers = await listProviders(transaction, accountId);
    requireQuota('OpenIdConnectProvidersPerAccount', providers.length);
    await putTags(
      transaction,
      { id: arn, quota: 'TagsPerOpenIDConnectProvider' },
      input.Tags ?? [],
    );
    transaction.announce({ topic: 'oidc-provider', id: arn });
    const tags = await listTags(transaction, arn);
    return { OpenIDConnectProviderArn: arn, ...(tags.length === 0 ? {} : { Tags: tags }) };
  },

  responseElements: (_call, output) => ({ ...output }),
};

function newArn({ input, caller, services }: Call<'CreateOpenIDConnectProvider'>): string {
  return providerArn(services.place, caller.accountId, input.Url);
}
