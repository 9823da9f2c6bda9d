import { randomBytes } from 'node:crypto';
import { openToken, type MaterialKind, type Token, type TokenOptions } from '../../hsm/index';
import { intruder } from '../support/intruder';
import { makeSoftHsm, type SoftHsm } from '../support/softhsm';
import { useCases } from '../support/token-uses';
import { tokenOptions } from '../support/token-options';
import {
  encryptedTo,
  kinds,
  makeKey,
  newId,
  required,
  signs,
  type UsedKey,
} from '../support/used-keys';

const places: ReadonlyArray<readonly [string, Partial<TokenOptions>, 'resident' | 'wrapped']> = [
  ['resident keys of a local token', { local: true }, 'resident'],
  ['wrapped keys of a local token', { local: true }, 'wrapped'],
  ['resident keys of a networked token', { local: false }, 'resident'],
  ['wrapped keys of a networked token', { local: false }, 'wrapped'],
];

describe.each(places)('%s', (_name, different, place) => {
  let hsm: SoftHsm;
  let token: Token;
  const wrappingKeyId = newId();

  beforeAll(async () => {
    hsm = await makeSoftHsm();
    token = await openToken(tokenOptions(hsm, { maxCachedKeys: 6, ...different }));
    await token.createWrappingKey(wrappingKeyId, 'claviger:wrapping', { exportable: false });
  });

  afterAll(async () => {
    await token.close();
    await hsm.remove();
  });

  const make = (kind: MaterialKind): Promise<UsedKey> =>
    makeKey(token, kind, place === 'wrapped' ? wrappingKeyId : undefined);

  /** SoftHSM wraps no Ed25519 keys; RSA-2048 stands for the other sizes here. */
  const tried = useCases.filter(
    ({ kind }) =>
      /^(?:HMAC|ECC|RSA_2048)/.test(kind.spec) &&
      (place === 'resident' || kind.spec !== 'ECC_NIST_EDWARDS25519'),
  );

  test.each(tried.map(({ kind, cases }) => ({ kind, cases, title: `${kind.spec} ${kind.usage}` })))(
    'do $title as node:crypto does, also when looked up again',
    async ({ kind, cases }) => {
      const { publicKey, ...key } = await make(kind);
      const der = publicKey?.export({ format: 'der', type: 'spki' });
      for (const { algorithm, prove } of cases) {
        if (algorithm === 'ED25519_PH_SHA_512') continue;
        await prove({ token, key, publicKey: der, secret: undefined });
        token.evict(key.id);
        await prove({ token, key, publicKey: der, secret: undefined });
      }
    },
  );

  const sessionObjects = (key: UsedKey): number =>
    intruder(hsm).find(key.id, { token: false }).length;

  /** Networked tokens are used through the token object: a copy is no faster there. */
  const objects = place === 'wrapped' || different.local === true ? 1 : 0;

  test('are looked up once for all who miss them together', async () => {
    const key = await make(kinds.rsa);
    const results = await Promise.all(Array.from({ length: 40 }, () => signs(token, key)));
    expect(results.every(Boolean)).toBe(true);
    expect(sessionObjects(key)).toBe(objects);
  });

  test('leave nothing in the token when they are evicted', async () => {
    const key = await make(kinds.p256);
    expect(await signs(token, key)).toBe(true);
    expect(sessionObjects(key)).toBe(objects);
    token.evict(key.id);
    expect(sessionObjects(key)).toBe(0);
    expect(await signs(token, key)).toBe(true);
    token.evictAll();
    expect(sessionObjects(key)).toBe(0);
  });

  test('evicted in the midst of their use end what they began', async () => {
    const key = await make(kinds.rsa);
    expect(await signs(token, key)).toBe(true);
    const signing = Array.from({ length: 10 }, () => signs(token, key));
    token.evict(key.id);
    expect((await Promise.all(signing)).every(Boolean)).toBe(true);
    token.evict(key.id);
    expect(sessionObjects(key)).toBe(0);
  });

  test('more of them than are cached sign, decrypt and compute at once, each as itself', async () => {
    const quick = [kinds.p256, kinds.secp256k1, kinds.hmac];
    const keys: UsedKey[] = [];
    // Two of RSA, which take seconds to make.
    const all = [kinds.rsa, kinds.rsaDecryption, ...quick, ...quick, ...quick];
    for (const kind of all) keys.push(await make(kind));
    const rounds = Array.from({ length: 6 }, () => keys).flat();
    const results = await Promise.all(rounds.map((key) => works(key)));
    expect(results.every(Boolean)).toBe(true);
    expect(token.counters().cachedKeys).toBeLessThanOrEqual(6);
    const there = keys.map(sessionObjects).reduce((sum, one) => sum + one, 0);
    expect(there).toBeLessThanOrEqual(6);
  });

  /** Of an HMAC key that nobody knows: twice the same. */
  async function works(key: UsedKey): Promise<boolean> {
    if (key.publicKey === undefined) {
      const macs = [await token.mac(key, Buffer.from('x')), await token.mac(key, Buffer.from('x'))];
      return macs[0]?.equals(required(macs[1])) === true;
    }
    if (key.kind.usage === 'SIGN_VERIFY') return signs(token, key);
    const message = randomBytes(16);
    const ciphertext = encryptedTo(key, message);
    return (await token.decryptOaep(key, 'RSAES_OAEP_SHA_256', ciphertext)).equals(message);
  }

  test('are used again after the sessions were closed behind our back', async () => {
    const keys = [await make(kinds.rsa), await make(kinds.p256)];
    for (const key of keys) expect(await signs(token, key)).toBe(true);
    intruder(hsm).closeAllSessions();
    for (const key of keys) expect(await signsAtLast(key)).toBe(true);
  });

  /** Calls may fail while the token recovers. */
  async function signsAtLast(key: UsedKey): Promise<boolean> {
    for (;;) {
      try {
        return await signs(token, key);
      } catch (error) {
        if ((error as { code?: unknown }).code !== 'token-unavailable') throw error;
        await new Promise(setImmediate);
      }
    }
  }

  test('whose object was destroyed behind our back are looked up once more', async () => {
    const key = await make(kinds.p384);
    const input = randomBytes(48);
    const sign = async () => token.sign(key, { algorithm: 'ECDSA_SHA_384', input });
    await sign();
    const { cacheMisses } = token.counters();
    const [object] = intruder(hsm).find(key.id, { token: false });
    if (object === undefined) return;
    intruder(hsm).destroy(object);
    await sign();
    expect(token.counters().cacheMisses).toBe(cacheMisses + 1);
  });
});

describe('destruction', () => {
  let hsm: SoftHsm;
  let token: Token;

  beforeAll(async () => {
    hsm = await makeSoftHsm();
    token = await openToken(tokenOptions(hsm));
  });

  afterAll(async () => {
    await token.close();
    await hsm.remove();
  });

  test('of a pair ends its use at once, also of the clone', async () => {
    const key = await makeKey(token, kinds.p256);
    expect(await signs(token, key)).toBe(true);
    const destroyed = token.destroyKeyPair(key.id);
    // Evicted before anything else happened.
    expect(intruder(hsm).find(key.id, { token: false })).toEqual([]);
    await destroyed;
    await expect(signs(token, key)).rejects.toMatchObject({
      code: 'key-not-found',
      message: 'C_FindObjects: no such key',
    });
    expect(intruder(hsm).find(key.id)).toEqual([]);
  });

  test('of a pair while it signs leaves no clone behind', async () => {
    const key = await makeKey(token, kinds.rsa);
    expect(await signs(token, key)).toBe(true);
    const signing = Array.from({ length: 20 }, () => signs(token, key).catch(() => undefined));
    await Promise.all([token.destroyKeyPair(key.id), ...signing]);
    await expect(signs(token, key)).rejects.toMatchObject({ code: 'key-not-found' });
    expect(intruder(hsm).find(key.id, { token: false })).toEqual([]);
  });

  test('of an HMAC key ends its use at once', async () => {
    const key = await makeKey(token, kinds.hmac);
    expect(await token.mac(key, Buffer.of(1))).toHaveLength(32);
    await token.destroyKey(key.id);
    await expect((async () => token.mac(key, Buffer.of(1)))()).rejects.toMatchObject({
      code: 'key-not-found',
    });
    expect(intruder(hsm).find(key.id, { token: false })).toEqual([]);
  });
});
