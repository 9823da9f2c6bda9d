import type { Operation } from '../../operation';
import { taggablePolicy } from './taggable';
import { tagging } from './tagging';

export const tagPolicy: Operation<'TagPolicy'> = {
  name: 'TagPolicy',
  audited: ['PolicyArn', 'Tags'],
  unannounced: 'tags of policies are not kept',
  ...tagging(taggablePolicy),
};
