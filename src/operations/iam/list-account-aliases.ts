import { findAccountAlias } from '../../iam/account';
import type { Operation } from '../../operation';
import { listPage, wholeList } from './pagination';

export const listAccountAliases: Operation<'ListAccountAliases'> = {
  name: 'ListAccountAliases',
  readOnly: true,
  audited: ['Marker', 'MaxItems'],
  accountActions: () => [{ action: 'iam:ListAccountAliases', resource: '*' }],

  async run({ input, caller, services }) {
    const { accountId } = caller;
    const alias = await findAccountAlias(services.db, accountId);
    const { items, end } = await listPage(input, {
      operation: 'ListAccountAliases',
      accountId,
      ...wholeList(alias === undefined ? [] : [alias]),
    });
    return { AccountAliases: items.map(([, item]) => item), ...end };
  },
};
