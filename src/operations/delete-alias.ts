import { aliasCacheKey } from '../keys/aliases';
import type { Operation } from '../operation';
import { aliasAction, aliasNotFound, checkAliasName, requireUnmoved } from './alias-name';
import { onlyKey } from './targets';

const action = 'kms:DeleteAlias';

export const deleteAlias: Operation<'DeleteAlias'> = {
  name: 'DeleteAlias',
  rest: {
    method: 'DELETE',
    path: '/aliases/{AliasName}',
    summary: 'Deletes an alias; its key stays.',
  },
  readOnly: false,
  audited: ['AliasName'],
  check: checkAliasName,
  accountActions: aliasAction('DeleteAlias'),
  targets: async ({ input, caller, services }) => {
    const { key } = await services.finder.resolve(input.AliasName, { caller, action });
    return [{ key, action }];
  },
  requires: { state: 'any' },

  async write({ input, caller, keys, services }, { transaction }) {
    const { accountId } = caller;
    const aliasName = input.AliasName;
    const alias = await services.aliases.find(transaction, accountId, aliasName);
    if (alias === undefined) throw aliasNotFound(services.place, accountId, aliasName);
    const key = onlyKey(keys);
    requireUnmoved(alias, key);
    await services.aliases.remove(transaction, accountId, aliasName);
    transaction.announce({ topic: 'alias', id: aliasCacheKey(accountId, aliasName) });
    transaction.announce({ topic: 'key-labels', id: key.keyId });
    return {};
  },
};
