import type { Database } from '../../src/db';
import { requirePrincipals } from '../../src/policy/principals';
import { type AccountsDatabase, openAccounts } from '../support/accounts';
import { refusalOf } from '../support/refusal';
import { accountId, otherAccountId, rootOf } from '../support/sample-keys';

let accounts: AccountsDatabase;
let database: Database;

beforeAll(async () => {
  accounts = await openAccounts();
  ({ database } = accounts);
});
afterAll(() => accounts.drop());

describe('principals of a policy', () => {
  const invalid = {
    code: 'MalformedPolicyDocumentException',
    message: 'Policy contains a statement with one or more invalid principals.',
  };
  const [ours, theirs] = [rootOf(accountId).arn, rootOf(otherAccountId).arn];

  test.each([[[]], [[ours]], [[ours, theirs]], [[ours, ours]]])('exist: %j', async (arns) => {
    const { code } = await refusalOf(() => requirePrincipals(database, arns));
    expect(code).toBe('nothing was thrown');
  });

  test.each([[[rootOf('999999999999').arn]], [[ours, `${ours} `]], [[ours.toUpperCase()]]])(
    'do not exist: %j',
    async (arns) => {
      expect(await refusalOf(() => requirePrincipals(database, arns))).toEqual(invalid);
    },
  );
});
