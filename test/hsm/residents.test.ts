import { createHash, randomBytes } from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import { openToken, residentKey, type Token } from '../../hsm/index';
import { aesKind } from '../../hsm/kinds';
import { generatedSecret } from '../../hsm/material/templates';
import { generateAes } from '../support/generated-keys';
import { residentMaterial } from '../../hsm/material/templates';
import { intruder, type Intruder } from '../support/intruder';
import { makeSoftHsm, type SoftHsm } from '../support/softhsm';
import { tokenOptions } from '../support/token-options';

const aad = Buffer.from('context');
const text = Buffer.from('plaintext');
const count = 100;
const newId = (): string => randomBytes(32).toString('hex');

let hsm: SoftHsm;
let token: Token;
let other: Intruder;
const ids: string[] = [];

beforeAll(async () => {
  hsm = await makeSoftHsm();
  await open();
  for (let made = 0; made < count; made += 1) ids.push(madeByAnother());
  await token.close();
});

beforeEach(() => open());
afterEach(() => token.close());
afterAll(() => hsm.remove());

/** With one lane, calls are made in the order in which they were asked for. */
async function open(different: Parameters<typeof tokenOptions>[1] = {}): Promise<void> {
  token = await openToken(tokenOptions(hsm, { lanes: 1, maxCachedKeys: 1000, ...different }));
  other = intruder(hsm);
}

function madeByAnother(id = newId()): string {
  const key = { id: Buffer.from(id, 'hex'), label: 'resident', modifiable: true };
  other.generate(generatedSecret(aesKind, 32, key));
  return id;
}

async function use(id: string): Promise<void> {
  await token.encryptAesGcm(residentKey(id), aad, text);
}

/** Until the scan that the first miss began is over: keys used after that are known. */
async function indexed(): Promise<void> {
  for (const id of ids.slice(0, 8)) await use(id);
}

const searches = (): number => token.counters().keySearches;
const missing = { code: 'key-not-found', message: 'C_FindObjects: no such key' };

test('the first use of many keys one after the other takes a few searches and one scan', async () => {
  for (const id of ids) await use(id);
  expect(token.counters().cachedKeys).toBe(count);
  expect(searches()).toBeLessThan(8);
});

test('the first use of many keys at once takes a few searches and one scan', async () => {
  await Promise.all(ids.map(use));
  expect(token.counters().cachedKeys).toBe(count);
  expect(searches()).toBeLessThan(8);
});

test('a key that another made since is searched for once', async () => {
  await indexed();
  const before = searches();
  const id = madeByAnother();
  await use(id);
  token.evict(id);
  await use(id);
  expect(searches()).toBe(before + 1);
});

test('a key of our own making is not searched for', async () => {
  const id = newId();
  await generateAes(token, id, 'claviger/test');
  await use(id);
  expect(searches()).toBe(0);
  await token.destroyKey(id);
  await expect(use(id)).rejects.toMatchObject(missing);
});

test('eviction destroys clones and does not cost a search', async () => {
  await indexed();
  const before = searches();
  token.evictAll();
  expect(other.all({ token: false })).toEqual([]);
  for (const id of ids.slice(0, 20)) await use(id);
  expect(searches()).toBe(before);
});

test('a key that another destroyed is searched for, and found again when it is there again', async () => {
  const id = madeByAnother();
  await indexed();
  await use(id);
  token.evict(id);
  other.destroy(other.find(id)[0]);
  await expect(use(id)).rejects.toMatchObject(missing);
  madeByAnother(id);
  await use(id);
  other.destroy(other.find(id)[0]);
});

test('two keys of one id are noticed when they were found by the scan', async () => {
  const id = madeByAnother();
  madeByAnother(id);
  await indexed();
  const refusal = {
    code: 'duplicate-key',
    message: `C_FindObjects: two keys have CKA_ID ${id}`,
  };
  await expect(use(id)).rejects.toMatchObject(refusal);
  await expect(token.hasKey(id)).rejects.toMatchObject(refusal);
  other.destroy(other.find(id)[0]);
  await use(id);
  other.destroy(other.find(id)[0]);
});

test('whether a key is there takes no search when it is known', async () => {
  await indexed();
  const before = searches();
  for (const id of ids) expect(await token.hasKey(id)).toBe(true);
  expect(searches()).toBe(before);
  expect(await token.hasKey(newId())).toBe(false);
  expect(searches()).toBe(before + 1);
});

test('after a recovery everything is found anew', async () => {
  await indexed();
  await token.recover();
  other = intruder(hsm);
  const before = searches();
  for (const id of ids) await use(id);
  expect(searches() - before).toBeGreaterThan(0);
  expect(searches() - before).toBeLessThan(8);
});

test('closing while the scan runs ends it', async () => {
  await use(ids[0] ?? '');
  await token.close();
  expect(token.status().state).toBe('closed');
});

test('on a networked token every miss is a search of its own', async () => {
  await token.close();
  await open({ local: false });
  for (const id of ids.slice(0, 20)) await use(id);
  expect(searches()).toBe(20);
});

const kind = { spec: 'ECC_NIST_P256', usage: 'SIGN_VERIFY' } as const;
const request = {
  algorithm: 'ECDSA_SHA_256',
  input: createHash('sha256').update('x').digest(),
} as const;
const sign = async (id: string): Promise<Buffer> =>
  token.sign({ id, wrapped: undefined, kind }, request);

function privateKeyByAnother(id: string): string {
  other.create([
    ...residentMaterial(kind, { id: Buffer.from(id, 'hex'), label: 'resident', modifiable: true }),
    { type: pkcs11.CKA_EC_PARAMS, value: Buffer.from('06082a8648ce3d030107', 'hex') },
    { type: pkcs11.CKA_VALUE, value: randomBytes(32) },
  ]);
  return id;
}

test('the scan that a secret key began finds the private keys too', async () => {
  const pairs = Array.from({ length: 16 }, () => privateKeyByAnother(newId()));
  // Proven first, so that signing is what is counted.
  await token.requireKind(kind);
  await indexed();
  const before = searches();
  for (const id of pairs) await sign(id);
  expect(searches() - before).toBeLessThan(8);
  const twice = pairs[0] ?? '';
  privateKeyByAnother(twice);
  await token.recover();
  other = intruder(hsm);
  await expect(sign(twice)).rejects.toMatchObject({
    code: 'duplicate-key',
    message: `C_FindObjects: two keys have CKA_ID ${twice}`,
  });
  for (const id of pairs) await token.destroyKeyPair(id);
  await expect(sign(pairs[1] ?? '')).rejects.toMatchObject(missing);
});

test('a secret key and a private key of one id are two keys, and no duplicate', async () => {
  const id = privateKeyByAnother(madeByAnother());
  await indexed();
  await use(id);
  token.evict(id);
  expect(await sign(id)).toBeInstanceOf(Buffer);
  await token.destroyKeyPair(id);
  await use(id);
  await token.destroyKey(id);
});
