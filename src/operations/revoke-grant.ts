import { grantChangeId } from '../keys/grant-finder';
import type { Grant } from '../keys/grants';
import type { Change, Operation, Services } from '../operation';
import { refuseDryRun } from './dry-run';
import { checkGrantId, grantNotFound, resourceCondition } from './grant-rules';
import { onlyKey, targetByKeyOnly } from './targets';

export const revokeGrant: Operation<'RevokeGrant'> = {
  name: 'RevokeGrant',
  rest: { method: 'DELETE', path: '/keys/{KeyId}/grants/{GrantId}', summary: 'Revokes a grant.' },
  readOnly: false,
  audited: ['KeyId', 'GrantId', 'DryRun'],
  crossAccount: true,
  check: ({ GrantId }) => checkGrantId(GrantId),
  conditions: ({ caller }) => resourceCondition(caller),
  targets: targetByKeyOnly('kms:RevokeGrant'),
  requires: { state: 'any' },

  async write({ input, keys, services }, change) {
    const { keyId } = onlyKey(keys);
    await removeGrant(services, change, { keyId, grantId: input.GrantId, dryRun: input });
    return {};
  },
};

interface Removed extends Pick<Grant, 'keyId' | 'grantId'> {
  readonly dryRun: { readonly DryRun?: boolean };
}

/** Nobody may use the grant any more when this is answered. Its children stay (kms-semantics §7.6). */
export async function removeGrant(
  { grants }: Services,
  { transaction }: Change,
  { dryRun, ...ids }: Removed,
): Promise<void> {
  const grant = await grants.find(transaction, ids);
  if (grant === undefined) throw grantNotFound(ids.grantId);
  refuseDryRun(dryRun);
  await grants.remove(transaction, ids);
  transaction.announce({ topic: 'grant', id: grantChangeId(grant) });
}
