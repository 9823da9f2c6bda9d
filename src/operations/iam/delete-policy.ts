import { KmsError } from '../../errors';
import { isUsed } from '../../iam/attachments';
import { removePolicy } from '../../iam/managed-policies';
import { listVersions } from '../../iam/policy-versions';
import { removeAllTags } from '../../iam/tags';
import type { Operation } from '../../operation';
import { lockNamedPolicy, noSuchPolicy, onOwnPolicy } from './managed-policy';

export const deletePolicy: Operation<'DeletePolicy'> = {
  name: 'DeletePolicy',
  readOnly: false,
  audited: ['PolicyArn'],
  unannounced: 'a policy that somebody has cannot be deleted',
  accountActions: onOwnPolicy('iam:DeletePolicy'),

  async write(call, { transaction }) {
    const { policyId } = await lockNamedPolicy(transaction, call, noSuchPolicy);
    if (await isUsed(transaction, policyId)) {
      throw new KmsError('DeleteConflict', 'Cannot delete a policy attached to entities.');
    }
    if ((await listVersions(transaction, policyId)).length > 1) {
      throw new KmsError(
        'DeleteConflict',
        "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
      );
    }
    await removePolicy(transaction, policyId);
    await removeAllTags(transaction, policyId);
    return {};
  },
};
