import type { Queryable } from '../../src/db';
import { FeedCache } from '../../src/db';
import { type AliasStore, aliasCacheKey } from '../../src/keys/aliases';
import { KeyFinder } from '../../src/keys/finder';
import type { Key } from '../../src/keys/key';
import type { ManagedKeys } from '../../src/keys/managed';
import type { KeyStore } from '../../src/keys/store';
import { hiddenKey } from '../../src/policy/authorize';
import { refusalOf } from '../support/refusal';
import { accountId, keyId, keyWith, otherAccountId, place, rootOf } from '../support/sample-keys';

const key = keyWith();
const foreign = keyWith({
  keyId: '99999999-12ab-34cd-56ef-1234567890ab',
  accountId: otherAccountId,
});
const action = 'kms:DescribeKey';
const caller = rootOf(accountId);

/** Stores of two keys and two aliases that count how often they are asked; the real ones have tests of their own. */
function finderOf(): { finder: KeyFinder; asked: string[] } {
  const asked: string[] = [];
  const feed = { trusted: true, epoch: 0, onChange: () => undefined, onReset: () => undefined };
  const targets = new Map([
    [aliasCacheKey(accountId, 'alias/a'), key.keyId],
    [aliasCacheKey(otherAccountId, 'alias/b'), foreign.keyId],
    [aliasCacheKey(accountId, 'alias/dangling'), 'gone'],
  ]);
  const keys = {
    find: (_db: Queryable, id: string) => {
      asked.push(id);
      return Promise.resolve([key, foreign].find((one) => one.keyId === id));
    },
  };
  const aliases = {
    find: (_db: Queryable, account: string, name: string) => {
      asked.push(name);
      const target = targets.get(aliasCacheKey(account, name));
      return Promise.resolve(target === undefined ? undefined : { keyId: target });
    },
  };
  const cache = { feed, capacity: 10, keyOf: () => undefined };
  const finder = new KeyFinder({
    db: {} as Queryable,
    place,
    keys: keys as unknown as KeyStore,
    aliases: aliases as unknown as AliasStore,
    keyCache: new FeedCache<Key>(cache),
    aliasCache: new FeedCache<string>(cache),
    managed: {
      ensure: ({ service }: { service: string }) => {
        asked.push(service);
        return Promise.resolve(key.keyId);
      },
    } as unknown as ManagedKeys,
  });
  return { finder, asked };
}

const find = async (value: string): Promise<{ key: Key; requestAlias?: string }> =>
  finderOf().finder.resolve(value, { caller, action });

test('a key is found by id and ARN, with no alias', async () => {
  for (const value of [keyId, key.arn]) {
    const found = await find(value);
    expect(found.key).toBe(key);
    expect(found).not.toHaveProperty('requestAlias');
  }
});

test('a key is found by alias and alias ARN, with the alias that named it', async () => {
  for (const value of ['alias/a', `arn:aws:kms:us-east-1:${accountId}:alias/a`]) {
    expect(await find(value)).toMatchObject({ key, requestAlias: 'alias/a' });
  }
  expect(await find(`arn:aws:kms:us-east-1:${otherAccountId}:alias/b`)).toMatchObject({
    key: foreign,
  });
});

test('a second look is answered from the cache', async () => {
  const { finder, asked } = finderOf();
  for (let i = 0; i < 3; i++) await finder.resolve('alias/a', { caller, action });
  expect(asked).toEqual(['alias/a', keyId]);
});

test('what the caller’s account does not have is missing', async () => {
  const { keyId: theirs } = foreign;
  expect(await refusalOf(() => find(theirs))).toEqual({
    code: 'NotFoundException',
    message: `Key 'arn:aws:kms:us-east-1:${accountId}:key/${theirs}' does not exist`,
  });
  for (const name of ['alias/b', 'alias/dangling', 'alias/']) {
    expect(await refusalOf(() => find(name))).toEqual({
      code: 'NotFoundException',
      message: `Alias arn:aws:kms:us-east-1:${accountId}:${name} is not found.`,
    });
  }
});

test('what another account does not have is hidden, under our own key’s id too', async () => {
  const { code, message } = hiddenKey(caller, action);
  for (const resource of [`key/${keyId}`, 'key/12345678-1234-1234-1234-123456789012', 'alias/a']) {
    const value = `arn:aws:kms:us-east-1:${otherAccountId}:${resource}`;
    expect(await refusalOf(() => find(value))).toEqual({ code, message });
  }
});

test('a name that no alias can have is not looked for', async () => {
  const { finder, asked } = finderOf();
  for (const name of ['alias/\0', 'alias/a b', `alias/${'a'.repeat(300)}`]) {
    const { code } = await refusalOf(() => finder.resolve(name, { caller, action }));
    expect(code).toBe('NotFoundException');
  }
  expect(asked).toEqual([]);
});

test('a key-only look-up refuses aliases before it looks', async () => {
  const { finder, asked } = finderOf();
  const refusal = await refusalOf(() => finder.resolveKeyOnly('alias/a', { caller, action }));
  expect(refusal.code).toBe('InvalidArnException');
  expect(asked).toEqual([]);
  expect((await finder.resolveKeyOnly(keyId, { caller, action })).key).toBe(key);
});
