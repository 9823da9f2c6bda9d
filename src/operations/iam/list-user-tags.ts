import type { Operation } from '../../operation';
import { taggableUser } from './taggable';
import { tagListing } from './tagging';

export const listUserTags: Operation<'ListUserTags'> = {
  name: 'ListUserTags',
  audited: ['UserName', 'Marker', 'MaxItems'],
  ...tagListing(taggableUser),
};
