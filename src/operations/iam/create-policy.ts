import { policyArn, rootPath } from '../../iam/arns';
import { checkManagedPolicy } from '../../iam/documents';
import { lockAccount } from '../../iam/entities';
import { refuseNul } from '../../iam/errors';
import { newUniqueId } from '../../iam/ids';
import { countPolicies, findPolicy, insertPolicy } from '../../iam/managed-policies';
import { requireQuota } from '../../iam/quotas';
import { checkIamTags, listTags, putTags, requestTags } from '../../iam/tags';
import { KmsError } from '../../errors';
import type { AccountAction, Call, Operation } from '../../operation';
import { describePolicy } from './managed-policy';

export const createPolicy: Operation<'CreatePolicy'> = {
  name: 'CreatePolicy',
  readOnly: false,
  audited: ['PolicyName', 'Path', 'PolicyDocument', 'Description', 'Tags'],
  unannounced: 'nobody has a policy that is new',
  check({ Tags = [], Description = '' }) {
    checkIamTags(Tags);
    refuseNul('A description', [Description]);
  },
  accountActions(call): readonly AccountAction[] {
    const { place } = call.services;
    const resource = policyArn(place, named(call));
    const conditions = requestTags(call.input.Tags);
    const { Tags = [] } = call.input;
    return [
      { action: 'iam:CreatePolicy', resource, conditions },
      ...(Tags.length === 0 ? [] : [{ action: 'iam:TagPolicy', resource, conditions }]),
    ];
  },

  async write(call, { transaction }) {
    const { input, services } = call;
    const { PolicyDocument: document, Description: description } = input;
    checkManagedPolicy(document);
    const { accountId, ...name } = named(call);
    const policyId = newUniqueId('ANPA');
    await lockAccount(transaction, accountId);
    const policy = { policyId, accountId, ...name, description, document };
    if (!(await insertPolicy(transaction, policy))) throw exists(input.PolicyName);
    requireQuota('PoliciesPerAccount', await countPolicies(transaction, accountId));
    await putTags(transaction, { id: policyId, quota: 'TagsPerPolicy' }, input.Tags ?? []);
    const made = await findPolicy(transaction, accountId, policy);
    if (made === undefined) throw new Error('the policy that was made is not there');
    const tags = await listTags(transaction, policyId);
    return {
      Policy: {
        ...describePolicy(services.place, made),
        ...(tags.length === 0 ? {} : { Tags: tags }),
      },
    };
  },

  responseElements: (_call, output) => ({ Policy: output.Policy }),
};

function named({ caller, input }: Pick<Call<'CreatePolicy'>, 'caller' | 'input'>): {
  readonly accountId: string;
  readonly path: string;
  readonly name: string;
} {
  return { accountId: caller.accountId, path: input.Path ?? rootPath, name: input.PolicyName };
}

function exists(name: string): KmsError {
  return new KmsError(
    'EntityAlreadyExists',
    `A policy called ${name} already exists. Duplicate names are not allowed.`,
  );
}
