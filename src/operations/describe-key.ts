import { keyMetadata } from '../keys/key';
import type { Operation } from '../operation';
import { onlyKey, targetByKeyId } from './targets';

export const describeKey: Operation<'DescribeKey'> = {
  name: 'DescribeKey',
  rest: {
    method: 'GET',
    path: '/keys/{KeyId}',
    summary: 'Tells what a key is and whether it can be used.',
  },
  readOnly: true,
  audited: ['KeyId'],
  crossAccount: true,
  targets: targetByKeyId('kms:DescribeKey'),
  requires: { state: 'any' },
  run: ({ keys }) => ({ KeyMetadata: keyMetadata(onlyKey(keys)) }),
};
