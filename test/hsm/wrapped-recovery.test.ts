import { randomBytes } from 'node:crypto';
import { openToken, type Token, type TokenKey, type TokenOptions } from '../../hsm/index';
import { generateWrappedAes } from '../support/generated-keys';
import { intruder } from '../support/intruder';
import { makeSoftHsm, type SoftHsm } from '../support/softhsm';
import { tokenOptions } from '../support/token-options';
import { until } from '../support/until';

const aad = Buffer.from('context');
const text = Buffer.from('plaintext');
const newId = (): string => randomBytes(32).toString('hex');

describe.each<[string, Partial<TokenOptions>]>([
  ['a local token', { local: true }],
  ['a networked token', { local: false, maxCachedKeys: 4 }],
])('wrapped material of %s', (_name, different) => {
  let hsm: SoftHsm;
  let token: Token;
  let wrappingKeyId: string;

  beforeAll(async () => {
    hsm = await makeSoftHsm();
    token = await openToken(tokenOptions(hsm, { maxCachedKeys: 4, ...different }));
    wrappingKeyId = newId();
    await token.createWrappingKey(wrappingKeyId, 'claviger:wrapping', { exportable: false });
  });

  afterAll(async () => {
    await token.close();
    await hsm.remove();
  });

  const newKey = async (): Promise<TokenKey> => ({
    id: newId(),
    wrapped: await generateWrappedAes(token, wrappingKeyId),
  });
  const sessionObjects = (key: TokenKey): number =>
    intruder(hsm).find(key.id, { token: false }).length;

  async function isUsable(key: TokenKey): Promise<void> {
    const sealed = await token.encryptAesGcm(key, aad, text);
    expect(await token.decryptAesGcm(key, { ...sealed, aad })).toEqual(text);
  }

  test('is used, and evicted from a cache that holds so many', async () => {
    const keys = await Promise.all(Array.from({ length: 6 }, newKey));
    for (const key of keys) await isUsable(key);
    expect(token.counters().cachedKeys).toBe(4);
    expect(keys.map(sessionObjects)).toEqual([0, 0, 1, 1, 1, 1]);
  });

  test('is unwrapped once for all who miss it together', async () => {
    const key = await newKey();
    await Promise.all(Array.from({ length: 20 }, () => isUsable(key)));
    expect(sessionObjects(key)).toBe(1);
  });

  test('is refused when it was tampered with', async () => {
    const blob = randomBytes(40);
    const key = { id: newId(), wrapped: { wrappingKeyId, blob } };
    await expect(async () => token.encryptAesGcm(key, aad, text)).rejects.toMatchObject({
      code: 'material-invalid',
      message: 'C_UnwrapKey: CKR_GENERAL_ERROR',
    });
  });

  test('is unwrapped anew after the token went and came back', async () => {
    const key = await newKey();
    const sealed = await token.encryptAesGcm(key, aad, text);
    await hsm.moveAway();
    await expect(token.check()).rejects.toMatchObject({ code: 'token-unavailable' });
    await expect(async () => token.encryptAesGcm(key, aad, text)).rejects.toMatchObject({
      code: 'token-unavailable',
      message: 'the token is recovering',
    });
    await expect(generateWrappedAes(token, wrappingKeyId)).rejects.toMatchObject({
      code: 'token-unavailable',
      message: 'the token is recovering',
    });
    await hsm.restore();
    await until('the token recovers', () => token.status().state === 'ready');
    expect(token.counters().cachedKeys).toBe(0);
    expect(await token.decryptAesGcm(key, { ...sealed, aad })).toEqual(text);
    expect(sessionObjects(key)).toBe(1);
  });

  test('of an uncached key in a vanished token is unavailable, never not found or invalid', async () => {
    const key = await newKey();
    await hsm.moveAway();
    await expect(async () => {
      await token.encryptAesGcm({ ...key, id: newId() }, aad, text);
      await token.check();
    }).rejects.toMatchObject({ code: 'token-unavailable' });
    await hsm.restore();
    await until('the token recovers', () => token.status().state === 'ready');
    await isUsable(key);
  });
});
