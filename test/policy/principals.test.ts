import type { Database } from '../../src/db';
import { requirePrincipals } from '../../src/policy/principals';
import { type AccountsDatabase, openAccounts } from '../support/accounts';
import { PolicyError } from '../../src/policy/policy';
import { administer } from '../support/postgres';
import { accountId, otherAccountId, rootOf } from '../support/sample-keys';

let accounts: AccountsDatabase;
let database: Database;

beforeAll(async () => {
  accounts = await openAccounts();
  ({ database } = accounts);
});
afterAll(() => accounts.drop());

describe('principals of a policy', () => {
  const [ours, theirs] = [rootOf(accountId).arn, rootOf(otherAccountId).arn];
  const session = (role: string): string => `arn:aws:sts::${accountId}:assumed-role/${role}/s`;

  beforeAll(async () => {
    for (const [id, kind, name, path] of [
      ['AIDAAAAAAAAAAAAAAAAA1', 'user', 'alice', '/staff/'],
      ['AROAAAAAAAAAAAAAAAAA1', 'role', 'reader', '/'],
      ['AGPAAAAAAAAAAAAAAAAA1', 'group', 'staff', '/'],
    ] as const) {
      await administer(
        accounts.url,
        `insert into principal (principal_id, account_id, arn, kind, name, path, trust_policy, max_session_seconds)
         values ($1, $2, $3, $4, $5, $6, case when $4 = 'role' then '{}' end, case when $4 = 'role' then 3600 end)`,
        [id, accountId, `arn:aws:iam::${accountId}:${kind}${path}${name}`, kind, name, path],
      );
    }
  });

  test.each([
    [[]],
    [[ours]],
    [[ours, theirs]],
    [[ours, ours]],
    [[`arn:aws:iam::${accountId}:user/staff/alice`, session('reader')]],
    [['AIDAAAAAAAAAAAAAAAAA1', 'AROAAAAAAAAAAAAAAAAA1']],
  ])('exist: %j', async (names) => {
    await expect(requirePrincipals(database, names)).resolves.toBeUndefined();
  });

  test.each([
    [[rootOf('999999999999').arn]],
    [[`${ours} `]],
    [[ours.toUpperCase()]],
    [[`arn:aws:iam::${accountId}:user/alice`]],
    [[`arn:aws:iam::${accountId}:group/staff`]],
    [['AGPAAAAAAAAAAAAAAAAA1']],
    [[session('writer')]],
    [[session('alice')]],
  ])('do not exist: %j', async ([name = '']) => {
    const refused = requirePrincipals(database, [ours, name]);
    await expect(refused).rejects.toThrow(
      new PolicyError('principal', `Invalid principal in policy: "AWS":"${name}"`),
    );
  });
});
