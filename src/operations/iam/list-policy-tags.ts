import type { Operation } from '../../operation';
import { taggablePolicy } from './taggable';
import { tagListing } from './tagging';

export const listPolicyTags: Operation<'ListPolicyTags'> = {
  name: 'ListPolicyTags',
  audited: ['PolicyArn', 'Marker', 'MaxItems'],
  ...tagListing(taggablePolicy),
};
