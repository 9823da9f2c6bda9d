import { summarise } from '../../iam/account';
import type { Operation } from '../../operation';

export const getAccountSummary: Operation<'GetAccountSummary'> = {
  name: 'GetAccountSummary',
  readOnly: true,
  audited: [],
  accountActions: () => [{ action: 'iam:GetAccountSummary', resource: '*' }],

  run: async ({ caller, services }) => ({
    SummaryMap: await summarise(services.db, caller.accountId),
  }),
};
