import { listEntities } from '../../iam/entities';
import { asRole, describeRole } from '../../iam/roles';
import type { Operation } from '../../operation';
import { listPage } from './pagination';

export const listRoles: Operation<'ListRoles'> = {
  name: 'ListRoles',
  readOnly: true,
  audited: ['PathPrefix', 'Marker', 'MaxItems'],
  accountActions: () => [{ action: 'iam:ListRoles', resource: '*' }],

  async run({ input, caller, services }) {
    const { accountId } = caller;
    const { PathPrefix: pathPrefix } = input;
    const page = await listPage(input, {
      operation: 'iam:ListRoles',
      accountId,
      filters: [pathPrefix],
      fetch: (after, limit) =>
        listEntities(services.db, { accountId, kind: 'role', pathPrefix, after, limit }),
      position: ({ name }) => name,
    });
    return { Roles: page.items.map((role) => describeRole(asRole(role))), ...page.end };
  },
};
