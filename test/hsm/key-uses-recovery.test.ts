import { openToken, type Token } from '../../hsm/index';
import { makeSoftHsm, type SoftHsm } from '../support/softhsm';
import { tokenOptions } from '../support/token-options';
import { until } from '../support/until';
import { kinds, makeKey, newId, signs, type UsedKey } from '../support/used-keys';

let hsm: SoftHsm;
let token: Token;
const keys: UsedKey[] = [];

beforeAll(async () => {
  hsm = await makeSoftHsm();
  // Fewer than there are keys, so that some are always looked up.
  token = await openToken(tokenOptions(hsm, { maxCachedKeys: 3 }));
  const wrappingKeyId = newId();
  await token.createWrappingKey(wrappingKeyId, 'claviger:wrapping', { exportable: false });
  for (const place of [undefined, wrappingKeyId]) {
    for (const kind of [kinds.rsa, kinds.p256, kinds.secp256k1]) {
      keys.push(await makeKey(token, kind, place));
    }
  }
});

afterAll(async () => {
  await token.close();
  await hsm.remove();
});

/** Whether the key signs; what it answers instead must say that the token is away. */
async function attempt(key: UsedKey): Promise<boolean> {
  try {
    expect(await signs(token, key)).toBe(true);
    return true;
  } catch (error) {
    expect(error).toMatchObject({ name: 'HsmError', code: 'token-unavailable' });
    return false;
  }
}

test('every signature under load is right or refused while the token goes and comes', async () => {
  const tally = { done: 0, refused: 0 };
  let loading = true;
  const load = keys.map(async (key) => {
    while (loading) {
      if (await attempt(key)) tally.done += 1;
      else tally.refused += 1;
      await new Promise(setImmediate);
    }
  });
  await until('load runs', () => tally.done > 50);
  for (let round = 0; round < 2; round += 1) {
    const { refused } = tally;
    await hsm.moveAway();
    await until('signatures are refused', () => tally.refused > refused);
    await hsm.restore();
    const { done } = tally;
    await until('signatures are made again', () => tally.done > done + 20);
  }
  loading = false;
  await Promise.all(load);
  for (const key of keys) expect(await attempt(key)).toBe(true);
});

test('a key that is looked up in a token which is away is unavailable, never not found', async () => {
  for (const key of keys.slice(0, 3)) {
    expect(await attempt(key)).toBe(true);
    token.evict(key.id);
    await hsm.moveAway();
    expect(await attempt(key)).toBe(false);
    await hsm.restore();
    await token.recover();
    expect(await attempt(key)).toBe(true);
  }
});
