import { KmsError } from '../../errors';
import { removeVersion } from '../../iam/policy-versions';
import type { Operation } from '../../operation';
import {
  lockNamedPolicy,
  noSuchVersion,
  onOwnPolicy,
  requireVersionNumber,
} from './managed-policy';

export const deletePolicyVersion: Operation<'DeletePolicyVersion'> = {
  name: 'DeletePolicyVersion',
  readOnly: false,
  audited: ['PolicyArn', 'VersionId'],
  unannounced: 'the default version, which alone decides, cannot be deleted',
  accountActions: onOwnPolicy('iam:DeletePolicyVersion'),

  async write(call, { transaction }) {
    const { input } = call;
    const policy = await lockNamedPolicy(transaction, call, () => noSuchVersion(input));
    const version = requireVersionNumber(input);
    if (version === policy.defaultVersion) {
      throw new KmsError('DeleteConflict', 'Cannot delete the default version of a policy.');
    }
    if (!(await removeVersion(transaction, policy.policyId, version))) throw noSuchVersion(input);
    return {};
  },
};
