import { listTags } from '../../iam/tags';
import type { Operation } from '../../operation';
import { describePolicy, noSuchPolicy, onPolicy, requirePolicy } from './managed-policy';

export const getPolicy: Operation<'GetPolicy'> = {
  name: 'GetPolicy',
  readOnly: true,
  audited: ['PolicyArn'],
  accountActions: onPolicy('iam:GetPolicy'),

  async run(call) {
    const { db, place } = call.services;
    const policy = await requirePolicy(call, noSuchPolicy);
    const { description } = policy;
    return {
      Policy: {
        ...describePolicy(place, policy),
        ...(description === undefined ? {} : { Description: description }),
        Tags: await listTags(db, policy.policyId),
      },
    };
  },
};
