import { aliasCacheKey } from '../keys/finder';
import type { Operation } from '../operation';
import { aliasAction, aliasNotFound, checkAliasName } from './alias-name';

const action = 'kms:DeleteAlias';

export const deleteAlias: Operation<'DeleteAlias'> = {
  name: 'DeleteAlias',
  readOnly: false,
  audited: ['AliasName'],
  check: checkAliasName,
  accountActions: aliasAction('DeleteAlias'),
  targets: async ({ input, caller, services }) => {
    const { key } = await services.finder.resolve(input.AliasName, { caller, action });
    return [{ key, action }];
  },
  requires: { state: 'any' },

  async write({ input, caller, services }, { transaction }) {
    const { accountId } = caller;
    if (!(await services.aliases.remove(transaction, accountId, input.AliasName))) {
      throw aliasNotFound(services.place, accountId, input.AliasName);
    }
    transaction.announce({ topic: 'alias', id: aliasCacheKey(accountId, input.AliasName) });
    return {};
  },
};
