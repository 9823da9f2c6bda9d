import type { Operation } from '../../operation';
import { taggableUser } from './taggable';
import { untagging } from './tagging';

export const untagUser: Operation<'UntagUser'> = {
  name: 'UntagUser',
  audited: ['UserName', 'TagKeys'],
  ...untagging(taggableUser),
};
