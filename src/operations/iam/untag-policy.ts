import type { Operation } from '../../operation';
import { taggablePolicy } from './taggable';
import { untagging } from './tagging';

export const untagPolicy: Operation<'UntagPolicy'> = {
  name: 'UntagPolicy',
  audited: ['PolicyArn', 'TagKeys'],
  unannounced: 'tags of policies are not kept',
  ...untagging(taggablePolicy),
};
