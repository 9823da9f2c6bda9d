import type { Operation } from '../../operation';
import { taggableRole } from './taggable';
import { untagging } from './tagging';

export const untagRole: Operation<'UntagRole'> = {
  name: 'UntagRole',
  audited: ['RoleName', 'TagKeys'],
  ...untagging(taggableRole),
};
