import { announceEntity } from '../../iam/announce';
import { requireEntity } from '../../iam/entities';
import { noSuchEntity } from '../../iam/errors';
import { updateRole } from '../../iam/roles';
import { checkTrustPolicy } from '../../iam/trust';
import type { Operation } from '../../operation';
import { namedEntity, onEntity } from './entity-action';

export const updateAssumeRolePolicy: Operation<'UpdateAssumeRolePolicy'> = {
  name: 'UpdateAssumeRolePolicy',
  readOnly: false,
  audited: ['RoleName', 'PolicyDocument'],
  accountActions: onEntity('role', 'iam:UpdateAssumeRolePolicy'),

  async write(call, { transaction }) {
    const { PolicyDocument: trustPolicy } = call.input;
    const { place } = call.services;
    const role = await requireEntity(transaction, namedEntity('role', call));
    const { accountId } = role;
    await checkTrustPolicy(transaction, place, { accountId, document: trustPolicy });
    // After the principals' locks: two roles that are made to trust each other at once must not wait for each other.
    if (!(await updateRole(transaction, role.id, { trustPolicy }))) {
      throw noSuchEntity('role', role.name);
    }
    await announceEntity(transaction, role);
    return {};
  },
};
