import { randomBytes } from 'node:crypto';
import { type Announcement, type Database, inTransaction } from '../../src/db';
import { letDangle } from '../../src/iam/dangling';
import { GrantStore } from '../../src/keys/grants';
import { type AccountsDatabase, insertKey, newKey, openAccounts } from '../support/accounts';
import { accountId, otherAccountId, place, userOf } from '../support/sample-keys';

const grants = new GrantStore();
const uniqueId = 'AROACKCEVSQ6C2EXAMPLE';
let accounts: AccountsDatabase;
let database: Database;
let keyId: string;

beforeAll(async () => {
  accounts = await openAccounts();
  ({ database } = accounts);
});
beforeEach(async () => {
  const key = newKey();
  await insertKey(database, key);
  keyId = key.keyId;
});
afterAll(() => accounts.drop());

async function grant(grantee: string, retiringPrincipal?: string): Promise<string> {
  const grantId = randomBytes(32).toString('hex');
  await grants.insert(database, {
    ...{ grantId, keyId, name: undefined, grantee, retiringPrincipal },
    ...{ issuingAccount: accountId, operations: ['Decrypt'], constraints: undefined },
  });
  return grantId;
}

/** What the grant names after a principal was deleted, and what was announced of that. */
async function afterDeletion(arn: string): Promise<readonly Announcement[]> {
  return inTransaction(database, async (transaction) => {
    await letDangle(transaction, { place }, { arn, uniqueId });
    return transaction.announcements;
  });
}

const namesOf = async (grantId: string) => {
  const found = await grants.find(database, { keyId, grantId });
  return [found?.grantee, found?.retiringPrincipal];
};
const roleArn = (name: string, path = '') => `arn:aws:iam::${accountId}:role/${path}${name}`;
const sessionArn = (role: string, session: string, account = accountId) =>
  `arn:aws:sts::${account}:assumed-role/${role}/${session}`;

test('Grants to a user that was deleted, and what it retires, keep its unique id', async () => {
  const alice = userOf(accountId, 'alice').arn;
  const bob = userOf(accountId, 'bob').arn;
  const [one, other, neither] = [
    await grant(alice, bob),
    await grant(bob, alice),
    await grant(bob, bob),
  ];
  const announced = await afterDeletion(alice);
  expect(await namesOf(one)).toEqual([uniqueId, bob]);
  expect(await namesOf(other)).toEqual([bob, uniqueId]);
  expect(await namesOf(neither)).toEqual([bob, bob]);
  expect(announced.map(({ topic, id }) => `${topic} ${id}`)).toEqual(
    expect.arrayContaining([`grant ${keyId} ${alice}`]),
  );
});

test('Grants to sessions of a role that was deleted are nobody’s, whatever the role’s path', async () => {
  const [one, two] = [
    await grant(sessionArn('app', 's-1'), sessionArn('app', 's@2')),
    await grant(roleArn('app', 'team/blue/'), sessionArn('app', 's-1')),
  ];
  const announced = await afterDeletion(roleArn('app', 'team/blue/'));
  expect(await namesOf(one)).toEqual([`${uniqueId}:s-1`, `${uniqueId}:s@2`]);
  expect(await namesOf(two)).toEqual([uniqueId, `${uniqueId}:s-1`]);
  const ids = announced.filter(({ topic }) => topic === 'grant').map(({ id }) => id);
  expect(ids).toContain(`${keyId} ${sessionArn('app', 's-1')}`);
});

test('Grants to sessions of roles with a name alike, or of another account, stay', async () => {
  const kept = [
    sessionArn('app2', 's'),
    sessionArn('ap', 'p'),
    sessionArn('App', 's'),
    sessionArn('app', 's', otherAccountId),
  ];
  const made = await Promise.all(kept.map((arn) => grant(arn, arn)));
  await afterDeletion(roleArn('app'));
  expect(await Promise.all(made.map(namesOf))).toEqual(kept.map((arn) => [arn, arn]));
});
