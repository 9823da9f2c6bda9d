import { type Database, inTransaction } from '../../src/db';
import { removeKey } from '../../src/keys/deletion';
import { countNewKey, requireKeyRoom } from '../../src/keys/key-count';
import { type AccountsDatabase, insertKey, newKey, openAccounts } from '../support/accounts';
import { administer } from '../support/postgres';
import { accountId, otherAccountId } from '../support/sample-keys';

const room = {
  accountId,
  limits: {
    keysPerAccount: 3,
    aliasesPerKey: 1,
    grantsPerKey: 1,
    importParametersPerAccount: 5,
    customKeyStoresPerAccount: 10,
    apiTokensPerPrincipal: 3,
    keyPolicyBytes: 1024,
  },
};
const full = (current: number) => ({
  code: 'LimitExceededException',
  message: `Key quota for this account in this region is 3, current usage is ${current}.`,
});

let accounts: AccountsDatabase;
let database: Database;
beforeAll(async () => {
  accounts = await openAccounts();
  ({ database } = accounts);
});
afterAll(() => accounts.drop());
const set = (count: number) =>
  administer(accounts.url, 'update account set key_count = $1', [count]);
beforeEach(() => set(0));

async function counted(account = accountId): Promise<number | undefined> {
  const [row] = await administer<{ key_count: number }>(
    accounts.url,
    'select key_count from account where account_id = $1',
    [account],
  );
  return row?.key_count;
}

test('As many keys are counted as there may be, each in its account', async () => {
  for (let key = 1; key <= 3; key += 1) {
    await requireKeyRoom(database, room);
    await countNewKey(database, room);
    expect(await counted()).toBe(key);
  }
  await expect(requireKeyRoom(database, room)).rejects.toMatchObject(full(3));
  await requireKeyRoom(database, { ...room, accountId: otherAccountId });
  expect(await counted(otherAccountId)).toBe(0);
});

test('Of those who come at once for the last places, as many get one as there are', async () => {
  const counting = Array.from({ length: 20 }, () =>
    inTransaction(database, (transaction) => countNewKey(transaction, room)),
  );
  const ended = await Promise.allSettled(counting);
  expect(ended.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
  for (const one of ended) {
    if (one.status === 'rejected') expect(one.reason).toMatchObject(full(3));
  }
  expect(await counted()).toBe(3);
});

test('A key that is not made in the end was never counted', async () => {
  const transaction = await database.begin();
  await countNewKey(transaction, room);
  await transaction.rollback();
  expect(await counted()).toBe(0);
});

test('More keys than there may be are told as they are, once the limit is lowered', async () => {
  await set(5);
  await expect(requireKeyRoom(database, room)).rejects.toMatchObject(full(5));
  const counting = inTransaction(database, (transaction) => countNewKey(transaction, room));
  await expect(counting).rejects.toMatchObject(full(5));
  expect(await counted()).toBe(5);
});

test('A key that is removed makes room, an AWS-managed one had none', async () => {
  const [made, managed] = [newKey(), newKey({ keyManager: 'AWS' })];
  for (const key of [made, managed]) await insertKey(database, key);
  await set(2);
  await removeKey(database, managed.keyId);
  expect(await counted()).toBe(2);
  await removeKey(database, made.keyId);
  expect(await counted()).toBe(1);
  expect(await counted(otherAccountId)).toBe(2);
  await removeKey(database, made.keyId);
  expect(await counted()).toBe(1);
});

test('A count that is wrong holds up no deletion', async () => {
  const key = newKey();
  await insertKey(database, key);
  await removeKey(database, key.keyId);
  expect(await counted()).toBe(0);
});
