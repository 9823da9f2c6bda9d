import { listVersions } from '../../iam/policy-versions';
import type { Operation } from '../../operation';
import { describeVersion, notAttachable, onPolicy, requirePolicy } from './managed-policy';
import { listPage, wholeList } from './pagination';

export const listPolicyVersions: Operation<'ListPolicyVersions'> = {
  name: 'ListPolicyVersions',
  readOnly: true,
  audited: ['PolicyArn', 'Marker', 'MaxItems'],
  accountActions: onPolicy('iam:ListPolicyVersions'),

  async run(call) {
    const { input, caller, services } = call;
    const policy = await requirePolicy(call, notAttachable);
    const page = await listPage(input, {
      operation: 'ListPolicyVersions',
      accountId: caller.accountId,
      filters: [policy.policyId],
      ...wholeList(await listVersions(services.db, policy.policyId)),
    });
    return {
      Versions: page.items.map(([, version]) => describeVersion(version, policy.defaultVersion)),
      ...page.end,
    };
  },
};
