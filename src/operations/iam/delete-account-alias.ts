import { removeAccountAlias } from '../../iam/account';
import type { Operation } from '../../operation';

export const deleteAccountAlias: Operation<'DeleteAccountAlias'> = {
  name: 'DeleteAccountAlias',
  readOnly: false,
  audited: ['AccountAlias'],
  unannounced: 'no decision rests on the alias of an account',
  accountActions: () => [{ action: 'iam:DeleteAccountAlias', resource: '*' }],

  async write({ input, caller }, { transaction }) {
    await removeAccountAlias(transaction, caller.accountId, input.AccountAlias);
    return {};
  },
};
