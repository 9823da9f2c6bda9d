import { KmsError } from '../../errors';
import { checkManagedPolicy } from '../../iam/documents';
import {
  insertVersion,
  listVersions,
  maxPolicyVersions,
  setDefaultVersion,
} from '../../iam/policy-versions';
import type { Operation } from '../../operation';
import { announceNewDefault } from './default-version';
import { describeVersion, lockNamedPolicy, notAttachable, onOwnPolicy } from './managed-policy';

export const createPolicyVersion: Operation<'CreatePolicyVersion'> = {
  name: 'CreatePolicyVersion',
  readOnly: false,
  audited: ['PolicyArn', 'PolicyDocument', 'SetAsDefault'],
  unannounced: 'those who have the policy are told when the version becomes the default',
  accountActions: onOwnPolicy('iam:CreatePolicyVersion'),

  async write(call, { transaction }) {
    const { PolicyDocument: document, SetAsDefault: becomesDefault } = call.input;
    checkManagedPolicy(document);
    const policy = await lockNamedPolicy(transaction, call, notAttachable);
    if ((await listVersions(transaction, policy.policyId)).length >= maxPolicyVersions) {
      throw new KmsError(
        'LimitExceeded',
        `A managed policy can have up to ${maxPolicyVersions} versions. Before you create a new version, you must delete an existing version.`,
      );
    }
    const made = await insertVersion(transaction, policy.policyId, document);
    if (becomesDefault !== true) {
      return { PolicyVersion: describeVersion(made, policy.defaultVersion) };
    }
    await setDefaultVersion(transaction, policy.policyId, made.version);
    announceNewDefault(transaction, policy);
    return { PolicyVersion: describeVersion(made, made.version) };
  },

  responseElements: (_call, output) => ({ PolicyVersion: output.PolicyVersion }),
};
