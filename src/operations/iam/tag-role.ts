import type { Operation } from '../../operation';
import { taggableRole } from './taggable';
import { tagging } from './tagging';

export const tagRole: Operation<'TagRole'> = {
  name: 'TagRole',
  audited: ['RoleName', 'Tags'],
  ...tagging(taggableRole),
};
