import type { Operation } from '../../operation';
import { taggableProvider } from './taggable';
import { tagListing } from './tagging';

export const listOpenIDConnectProviderTags: Operation<'ListOpenIDConnectProviderTags'> = {
  name: 'ListOpenIDConnectProviderTags',
  audited: ['OpenIDConnectProviderArn', 'Marker', 'MaxItems'],
  ...tagListing(taggableProvider),
};
