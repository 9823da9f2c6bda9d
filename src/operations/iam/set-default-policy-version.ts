import { findVersion, setDefaultVersion } from '../../iam/policy-versions';
import type { Operation } from '../../operation';
import { announceNewDefault } from './default-version';
import {
  lockNamedPolicy,
  noSuchVersion,
  onOwnPolicy,
  requireVersionNumber,
} from './managed-policy';

export const setDefaultPolicyVersion: Operation<'SetDefaultPolicyVersion'> = {
  name: 'SetDefaultPolicyVersion',
  readOnly: false,
  audited: ['PolicyArn', 'VersionId'],
  unannounced: 'those who have the policy are told, and there may be none',
  accountActions: onOwnPolicy('iam:SetDefaultPolicyVersion'),

  async write(call, { transaction }) {
    const { input } = call;
    const policy = await lockNamedPolicy(transaction, call, () => noSuchVersion(input));
    const version = requireVersionNumber(input);
    if ((await findVersion(transaction, policy.policyId, version)) === undefined) {
      throw noSuchVersion(input);
    }
    await setDefaultVersion(transaction, policy.policyId, version);
    announceNewDefault(transaction, policy);
    return {};
  },
};
