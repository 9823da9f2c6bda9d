import type { Operation } from '../../operation';
import { taggableProvider } from './taggable';
import { tagging } from './tagging';

export const tagOpenIDConnectProvider: Operation<'TagOpenIDConnectProvider'> = {
  name: 'TagOpenIDConnectProvider',
  audited: ['OpenIDConnectProviderArn', 'Tags'],
  ...tagging(taggableProvider),
};
