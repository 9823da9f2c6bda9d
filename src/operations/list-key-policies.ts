import type { Operation } from '../operation';
import { pageSize, paginate } from './pagination';
import { policyName } from './key-policy';
import { onlyKey, targetByKeyOnly } from './targets';

/** A key has one policy, and its name is always the same (kms-semantics §6.1). */
export const listKeyPolicies: Operation<'ListKeyPolicies'> = {
  name: 'ListKeyPolicies',
  rest: {
    method: 'GET',
    path: '/keys/{KeyId}/policies',
    summary: "Lists the names of a key's policies: there is one, `default`.",
  },
  readOnly: true,
  audited: ['KeyId', 'Limit', 'Marker'],
  targets: targetByKeyOnly('kms:ListKeyPolicies'),
  requires: { state: 'any' },

  async run({ input, keys }) {
    const page = await paginate({
      scope: `ListKeyPolicies ${onlyKey(keys).keyId}`,
      marker: input.Marker,
      limit: pageSize(input.Limit, { fallback: 100, max: 1000 }),
      fetch: (after) => Promise.resolve(after === '' ? [policyName] : []),
      position: (name) => name,
    });
    return { PolicyNames: [...page.items], Truncated: page.truncated };
  },
};
