import { FeedCache, type Queryable } from '../../src/db';
import type { Change } from '../../src/db/queryable';
import { GrantFinder, grantChangeId } from '../../src/keys/grant-finder';
import type { Grant, GrantStore } from '../../src/keys/grants';
import { accountId, keyId, otherAccountId, userOf } from '../support/sample-keys';

const alice = userOf(accountId, 'alice').arn;
const eve = userOf(otherAccountId, 'eve').arn;

/** A store that counts how often it is asked; the real one has tests of its own. */
function finderOf(granted: Readonly<Record<string, readonly string[]>>) {
  const asked: string[] = [];
  let drop: (change: Change) => unknown = () => undefined;
  const feed = {
    trusted: true,
    epoch: 0,
    onChange: (handler: (change: Change) => unknown) => void (drop = handler),
    onReset: () => undefined,
  };
  const grants = {
    allOfGrantee: (_db: Queryable, _keyId: string, grantee: string) => {
      asked.push(grantee);
      return Promise.resolve((granted[grantee] ?? []).map((grantId) => ({ grantId })));
    },
  } as unknown as GrantStore;
  const cache = new FeedCache<readonly Grant[]>({
    feed,
    capacity: 10,
    keyOf: ({ topic, id }) => (topic === 'grant' ? id : undefined),
  });
  const finder = new GrantFinder({ db: {} as Queryable, grants, cache });
  return { finder, asked, feed, announce: (change: Change) => void drop(change) };
}

const idsOf = (found: readonly Grant[]) => found.map(({ grantId }) => grantId);

test('The grants of all the names are found, and a second time at once', async () => {
  const { finder, asked } = finderOf({ [alice]: ['1', '2'], [eve]: ['3'] });
  expect(idsOf(await finder.of(keyId, [alice, eve]))).toEqual(['1', '2', '3']);
  expect(asked).toEqual([alice, eve]);
  const again = finder.of(keyId, [eve, alice]);
  expect(again).not.toBeInstanceOf(Promise);
  expect(idsOf(await again)).toEqual(['3', '1', '2']);
  expect(asked).toHaveLength(2);
});

test('That a principal has none is kept too, and nobody has none', async () => {
  const { finder, asked } = finderOf({});
  expect(await finder.of(keyId, [alice])).toEqual([]);
  expect(finder.of(keyId, [alice])).toEqual([]);
  expect(finder.of(keyId, [])).toEqual([]);
  expect(asked).toEqual([alice]);
});

test('A change of a grantee’s grants for the key drops them, and no others', async () => {
  const { finder, asked, announce } = finderOf({ [alice]: ['1'], [eve]: ['2'] });
  await finder.of(keyId, [alice, eve]);
  announce({ topic: 'grant', id: grantChangeId({ keyId: 'another', grantee: alice }) });
  announce({ topic: 'key', id: grantChangeId({ keyId, grantee: alice }) });
  expect(finder.of(keyId, [alice, eve])).not.toBeInstanceOf(Promise);
  announce({ topic: 'grant', id: grantChangeId({ keyId, grantee: alice }) });
  expect(idsOf(await finder.of(keyId, [alice, eve]))).toEqual(['1', '2']);
  expect(asked).toEqual([alice, eve, alice]);
});

test('While the feed is not trusted every question is asked of the database', async () => {
  const { finder, asked, feed } = finderOf({ [alice]: ['1'] });
  await finder.of(keyId, [alice]);
  feed.trusted = false;
  await finder.of(keyId, [alice]);
  await finder.of(keyId, [alice]);
  expect(asked).toEqual([alice, alice, alice]);
});

test('The longest grantee makes an id that can be announced', () => {
  const grantee = 'a'.repeat(256);
  expect(Buffer.byteLength(grantChangeId({ keyId, grantee }))).toBeLessThanOrEqual(512);
});
