import { randomBytes } from 'node:crypto';
import type { Database, Statement } from '../../src/db';
import { GrantStore, type NewGrant, isServiceName } from '../../src/keys/grants';
import { type AccountsDatabase, insertKey, newKey, openAccounts } from '../support/accounts';
import { administer } from '../support/postgres';
import { accountId, otherAccountId, userOf } from '../support/sample-keys';

const grants = new GrantStore();
const alice = userOf(accountId, 'alice').arn;
const bob = userOf(accountId, 'bob').arn;
let accounts: AccountsDatabase;
let database: Database;

beforeAll(async () => {
  accounts = await openAccounts();
  ({ database } = accounts);
});
afterAll(() => accounts.drop());

async function aKey(): Promise<string> {
  const key = newKey();
  await insertKey(database, key);
  return key.keyId;
}

function newGrant(keyId: string, different: Partial<NewGrant> = {}): NewGrant {
  return {
    grantId: randomBytes(32).toString('hex'),
    keyId,
    name: undefined,
    grantee: alice,
    retiringPrincipal: undefined,
    issuingAccount: accountId,
    operations: ['Encrypt', 'Decrypt'],
    constraints: undefined,
    ...different,
  };
}

async function insert(...args: Parameters<typeof newGrant>): Promise<NewGrant> {
  const grant = newGrant(...args);
  await grants.insert(database, grant);
  return grant;
}

const idsOf = (found: readonly { readonly grantId: string }[]) =>
  found.map(({ grantId }) => grantId);

describe('grants', () => {
  test('are found as they were inserted, each with all its members', async () => {
    const keyId = await aKey();
    const bare = await insert(keyId);
    const full = await insert(keyId, {
      name: 'a:b/c_d-9',
      retiringPrincipal: 'build.claviger.internal',
      issuingAccount: otherAccountId,
      constraints: {
        EncryptionContextSubset: JSON.parse('{"b":"2","__proto__":"x","ä":"€𝄞"}') as Record<
          string,
          string
        >,
        SourceArn: 'arn:aws:s3:::bucket',
      },
    });
    for (const grant of [bare, full]) {
      const found = await grants.find(database, grant);
      expect(found).toEqual({ ...grant, createdAt: expect.any(Date) as Date });
    }
    expect(Object.keys(full.constraints?.EncryptionContextSubset ?? {})).toContain('__proto__');
  });

  test('belong to a key: of another key there is none with that id, to find or to remove', async () => {
    const [keyId, other] = [await aKey(), await aKey()];
    const { grantId } = await insert(keyId);
    expect(await grants.find(database, { keyId: other, grantId })).toBeUndefined();
    expect(await grants.remove(database, { keyId: other, grantId })).toBe(false);
    expect([await grants.count(database, keyId), await grants.count(database, other)]).toEqual([
      1, 0,
    ]);
    expect(await grants.remove(database, { keyId, grantId })).toBe(true);
    expect(await grants.remove(database, { keyId, grantId })).toBe(false);
    expect(await grants.count(database, keyId)).toBe(0);
  });

  test('vanish with their key', async () => {
    const keyId = await aKey();
    const grant = await insert(keyId);
    await administer(accounts.url, 'delete from kms_key where key_id = $1', [keyId]);
    expect(await grants.find(database, grant)).toBeUndefined();
  });

  test('of a name are the same when all but the id is the same, whatever the order', async () => {
    const keyId = await aKey();
    const EncryptionContextEquals = { a: '1', b: '2' };
    const named = await insert(keyId, {
      name: 'n',
      retiringPrincipal: bob,
      constraints: { EncryptionContextEquals },
    });
    const same = (different: Partial<NewGrant>, key = keyId) =>
      grants.findSame(database, { ...named, keyId: key, grantId: 'other', ...different });
    expect((await same({}))?.grantId).toBe(named.grantId);
    expect((await same({ operations: ['Decrypt', 'Encrypt'] }))?.grantId).toBe(named.grantId);
    const reordered = { EncryptionContextEquals: { b: '2', a: '1' } };
    expect((await same({ constraints: reordered }))?.grantId).toBe(named.grantId);
    const differences: readonly Partial<NewGrant>[] = [
      { name: 'N' },
      { name: undefined },
      { grantee: bob },
      { retiringPrincipal: undefined },
      { retiringPrincipal: alice },
      { issuingAccount: otherAccountId },
      { operations: ['Decrypt'] },
      { operations: ['Decrypt', 'Encrypt', 'DescribeKey'] },
      { constraints: undefined },
      { constraints: { EncryptionContextSubset: EncryptionContextEquals } },
      { constraints: { EncryptionContextEquals: { a: '1' } } },
    ];
    for (const different of differences) expect(await same(different)).toBeUndefined();
    expect(await same({}, await aKey())).toBeUndefined();
  });

  test('are listed in order of id, of a key, of a grantee of it, or by who retires them, in pages', async () => {
    const [keyId, other] = [await aKey(), await aKey()];
    const retiringPrincipal = `arn:aws:iam::${otherAccountId}:user/carol`;
    const made: NewGrant[] = [];
    for (let i = 0; i < 5; i++) {
      made.push(await insert(keyId, { grantee: i % 2 === 0 ? alice : bob, retiringPrincipal }));
    }
    const foreign = await insert(other, { retiringPrincipal });
    const all = idsOf(made).sort();
    const first = await grants.list(database, { keyId, after: '', limit: 3 });
    expect(idsOf(first)).toEqual(all.slice(0, 3));
    const rest = await grants.list(database, { keyId, after: all[2] ?? '', limit: 3 });
    expect(idsOf(rest)).toEqual(all.slice(3));
    const toAlice = idsOf(made.filter(({ grantee }) => grantee === alice)).sort();
    const page = { keyId, grantee: alice, limit: 2 };
    expect(idsOf(await grants.listOfGrantee(database, { ...page, after: '' }))).toEqual(
      toAlice.slice(0, 2),
    );
    expect(
      idsOf(await grants.listOfGrantee(database, { ...page, after: toAlice[1] ?? '' })),
    ).toEqual(toAlice.slice(2));
    expect(idsOf(await grants.allOfGrantee(database, keyId, alice)).sort()).toEqual(toAlice);
    const retirable = [...all, foreign.grantId].sort();
    const next = { retiringPrincipal, after: retirable[3] ?? '', limit: 10 };
    expect(idsOf(await grants.listRetirable(database, next))).toEqual(retirable.slice(4));
  });
});

test.each([
  ['build.claviger.internal', true],
  ['s3.amazonaws.com', true],
  [alice, false],
  ['arn:aws:iam::111122223333:user/first.last', false],
  ['AIDACKCEVSQ6C2EXAMPLE', false],
  ['AROACKCEVSQ6C2EXAMPLE:first.last', false],
])('%s is the name of a service: %s', (principal, expected) => {
  expect(isServiceName(principal)).toBe(expected);
});

describe('a key with 50,000 grants', () => {
  let keyId: string;
  beforeAll(async () => {
    keyId = await aKey();
    await administer(
      accounts.url,
      `insert into kms_grant (grant_id, key_id, name, grantee, retiring_principal, issuing_account, operations)
       select encode(sha256(n::text::bytea), 'hex'), $1, 'grant-' || n, $2 || n % 25000, $3 || n % 25000, $4, '{Decrypt}'
       from generate_series(1, 50000) n`,
      [keyId, alice, bob, accountId],
    );
    await administer(accounts.url, 'analyze kms_grant');
  }, 60_000);

  /** The statements that the store sends, each explained as it would run: prepared, with the plan for any values. */
  async function rowsRead(ask: (db: Database) => Promise<unknown>): Promise<number> {
    const sent: Statement[] = [];
    const spy = {
      query: (statement: Statement) => {
        sent.push(statement);
        return Promise.resolve([]);
      },
    } as unknown as Database;
    await ask(spy);
    let read = 0;
    for (const { text, values = [] } of sent) {
      const [row] = await administer<{ 'QUERY PLAN': readonly { readonly Plan: Node }[] }>(
        accounts.url,
        `explain (analyze, format json) ${text}`,
        values,
      );
      read += readBy(row?.['QUERY PLAN'][0]?.Plan);
    }
    return read;
  }

  interface Node {
    readonly 'Actual Rows': number;
    readonly 'Rows Removed by Filter'?: number;
    readonly Plans?: readonly Node[];
  }

  function readBy(node: Node | undefined): number {
    if (node === undefined) return 0;
    const own = node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0);
    return Math.max(own, ...(node.Plans ?? []).map(readBy));
  }

  test.each<[string, number, (db: Database) => Promise<unknown>]>([
    ['the first page', 51, (db) => grants.list(db, { keyId, after: '', limit: 51 })],
    ['a late page', 51, (db) => grants.list(db, { keyId, after: 'c0', limit: 51 })],
    [
      'a page of a grantee',
      2,
      (db) => grants.listOfGrantee(db, { keyId, grantee: `${alice}7`, after: '', limit: 51 }),
    ],
    ['every grant of a grantee', 2, (db) => grants.allOfGrantee(db, keyId, `${alice}7`)],
    ['every grant of nobody', 0, (db) => grants.allOfGrantee(db, keyId, 'nobody')],
    [
      'what a principal may retire, and the few keys that there are',
      10,
      (db) => grants.listRetirable(db, { retiringPrincipal: `${bob}7`, after: '', limit: 51 }),
    ],
    [
      'the grant of a name',
      1,
      (db) => grants.findSame(db, newGrant(keyId, { name: 'grant-7', grantee: `${alice}7` })),
    ],
  ])('reads about as many rows as it answers for %s', async (_, rows, ask) => {
    expect(await rowsRead(ask)).toBeLessThanOrEqual(rows);
  });
});
