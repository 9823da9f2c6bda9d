import type { Operation } from '../../operation';
import { taggableUser } from './taggable';
import { tagging } from './tagging';

export const tagUser: Operation<'TagUser'> = {
  name: 'TagUser',
  audited: ['UserName', 'Tags'],
  ...tagging(taggableUser),
};
