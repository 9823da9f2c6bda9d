import { setAccountAlias } from '../../iam/account';
import type { Operation } from '../../operation';

export const createAccountAlias: Operation<'CreateAccountAlias'> = {
  name: 'CreateAccountAlias',
  readOnly: false,
  audited: ['AccountAlias'],
  unannounced: 'no decision rests on the alias of an account',
  accountActions: () => [{ action: 'iam:CreateAccountAlias', resource: '*' }],

  async write({ input, caller }, { transaction }) {
    await setAccountAlias(transaction, caller.accountId, input.AccountAlias);
    return {};
  },
};
