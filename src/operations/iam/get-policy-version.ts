import { findVersion } from '../../iam/policy-versions';
import type { Operation } from '../../operation';
import {
  describeVersion,
  noSuchVersion,
  onPolicy,
  requirePolicy,
  requireVersionNumber,
} from './managed-policy';

export const getPolicyVersion: Operation<'GetPolicyVersion'> = {
  name: 'GetPolicyVersion',
  readOnly: true,
  audited: ['PolicyArn', 'VersionId'],
  accountActions: onPolicy('iam:GetPolicyVersion'),

  async run(call) {
    const { input, services } = call;
    const policy = await requirePolicy(call, () => noSuchVersion(input));
    const number = requireVersionNumber(input);
    const version = await findVersion(services.db, policy.policyId, number);
    if (version === undefined) throw noSuchVersion(input);
    return {
      PolicyVersion: {
        Document: version.document,
        ...describeVersion(version, policy.defaultVersion),
      },
    };
  },
};
