import type { Operation } from '../../operation';
import { taggableProvider } from './taggable';
import { untagging } from './tagging';

export const untagOpenIDConnectProvider: Operation<'UntagOpenIDConnectProvider'> = {
  name: 'UntagOpenIDConnectProvider',
  audited: ['OpenIDConnectProviderArn', 'TagKeys'],
  unannounced: 'tags of providers are not kept',
  ...untagging(taggableProvider),
};
