import type { Sealing } from '../../src/auth/sealing';
import { SealingKeys } from '../../src/auth/sealing-keys';
import type { Queryable } from '../../src/db';

/** Keys as the database has them, the newest first, and how often it was asked; the real one has tests of its own. */
function keysOf(...ids: string[]): {
  sealingKeys: SealingKeys;
  ids: string[];
  asked: () => number;
} {
  let asked = 0;
  const sealing = {
    purpose: 'grant-token-sealing',
    keys: () => {
      asked += 1;
      return Promise.resolve([...ids]);
    },
  } as unknown as Sealing;
  return { sealingKeys: new SealingKeys({} as Queryable, sealing), ids, asked: () => asked };
}

test('The newest key seals, and all of them are known', async () => {
  const { sealingKeys, asked } = keysOf('new', 'old');
  expect(await sealingKeys.current()).toBe('new');
  expect([await sealingKeys.has('old'), await sealingKeys.has('new')]).toEqual([true, true]);
  expect(asked()).toBe(1);
});

test('Whoever makes up keys does not make the database answer each time', async () => {
  const { sealingKeys, ids, asked } = keysOf('one');
  const found = await Promise.all(['a', 'b', 'c'].map((id) => sealingKeys.has(id)));
  for (const id of ['d', 'e', 'one']) found.push(await sealingKeys.has(id));
  expect(found).toEqual([false, false, false, false, false, true]);
  expect(asked()).toBe(1);
  // One that was added is seen later, and by a worker that starts at once.
  ids.unshift('two');
  expect(await keysOf(...ids).sealingKeys.has('two')).toBe(true);
});

test('Without a key nothing is sealed, and the purpose is named', async () => {
  await expect(keysOf().sealingKeys.current()).rejects.toThrow(
    'there is no key for grant-token-sealing: `claviger init` makes it',
  );
});
