import type { Operation } from '../../operation';
import { taggableProvider } from './taggable';
import { tagging } from './tagging';

export const tagOpenIDConnectProvider: Operation<'TagOpenIDConnectProvider'> = {
  name: 'TagOpenIDConnectProvider',
  audited: ['OpenIDConnectProviderArn', 'Tags'],
  unannounced: 'tags of providers are not kept',
  ...tagging(taggableProvider),
};
