import { announceEntity } from '../../iam/announce';
import { countAttached } from '../../iam/attachments';
import { deleteEntity, lockEntity } from '../../iam/entities';
import { deleteConflict } from '../../iam/errors';
import { listInlinePolicies } from '../../iam/inline-policies';
import { removeAllTags } from '../../iam/tags';
import type { Operation } from '../../operation';
import { namedEntity, onEntity } from './entity-action';

export const deleteRole: Operation<'DeleteRole'> = {
  name: 'DeleteRole',
  readOnly: false,
  audited: ['RoleName'],
  accountActions: onEntity('role', 'iam:DeleteRole'),

  async write(call, { transaction }) {
    const role = await lockEntity(transaction, namedEntity('role', call));
    const ownerId = role.id;
    if ((await countAttached(transaction, ownerId)) > 0) throw deleteConflict('attachments');
    const inline = await listInlinePolicies(transaction, { ownerId, after: '', limit: 1 });
    if (inline.length > 0) throw deleteConflict('inlinePolicies');
    await removeAllTags(transaction, role.id);
    await deleteEntity(transaction, role);
    await announceEntity(transaction, role);
    return {};
  },
};
