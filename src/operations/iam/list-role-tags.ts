import type { Operation } from '../../operation';
import { taggableRole } from './taggable';
import { tagListing } from './tagging';

export const listRoleTags: Operation<'ListRoleTags'> = {
  name: 'ListRoleTags',
  audited: ['RoleName', 'Marker', 'MaxItems'],
  ...tagListing(taggableRole),
};
