import { randomBytes } from 'node:crypto';
import { Reservoir } from '../../hsm/reservoir';

const capacity = 128 * 1024;

test('hands every byte out once', async () => {
  const fetched: Buffer[] = [];
  const reservoir = new Reservoir((length) => {
    const bytes = randomBytes(length);
    fetched.push(Buffer.from(bytes));
    return Promise.resolve(bytes);
  });
  await reservoir.fill();
  const taken = Buffer.concat([reservoir.take(32), reservoir.take(1000)]);
  expect(taken).toEqual(Buffer.concat(fetched).subarray(0, 1032));
});

test('refuses what it does not have, and has it again after a fetch', async () => {
  const reservoir = new Reservoir((length) => Promise.resolve(Buffer.alloc(length, 7)));
  expect(() => reservoir.take(1)).toThrow('C_GenerateRandom: too few random bytes in store');
  await reservoir.fill();
  expect(reservoir.take(65_536)).toHaveLength(65_536);
});

test('fetches ahead when half is used, once for all callers', async () => {
  let fetches = 0;
  const reservoir = new Reservoir((length) => {
    fetches += 1;
    return Promise.resolve(Buffer.alloc(length, 7));
  });
  await Promise.all([reservoir.fill(), reservoir.fill()]);
  const full = fetches;
  reservoir.take(capacity / 2);
  expect(fetches).toBe(full);
  reservoir.take(1);
  reservoir.take(1);
  await reservoir.fill();
  expect(fetches).toBe(full + 4);
});

test('a failed fetch is tried again by the next one who needs it', async () => {
  let broken = true;
  const reservoir = new Reservoir((length) =>
    broken ? Promise.reject(new Error('gone')) : Promise.resolve(Buffer.alloc(length, 7)),
  );
  await expect(reservoir.fill()).rejects.toThrow('gone');
  broken = false;
  await reservoir.fill();
  expect(reservoir.take(16)).toHaveLength(16);
});
