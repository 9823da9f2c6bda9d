import { requireEntity } from '../../iam/entities';
import { asRole, describeRoleFully } from '../../iam/roles';
import { listTags } from '../../iam/tags';
import type { Operation } from '../../operation';
import { namedEntity, onEntity } from './entity-action';

export const getRole: Operation<'GetRole'> = {
  name: 'GetRole',
  readOnly: true,
  audited: ['RoleName'],
  accountActions: onEntity('role', 'iam:GetRole'),

  async run(call) {
    const { db } = call.services;
    const role = asRole(await requireEntity(db, namedEntity('role', call)));
    return { Role: describeRoleFully(role, await listTags(db, role.id)) };
  },
};
