/**
 * What Token.encryptAesGcm costs over bare pkcs11js calls, and wrapped material over resident, in one process on one token.
 *
 *   CLAVIGER_PKCS11_MODULE=… CLAVIGER_TOKEN_LABEL=… CLAVIGER_TOKEN_PIN_FILE=… node dist/scripts/bench/token.js
 *
 * Makes a key and a wrapping key, and destroys them. Each measurement takes two seconds; each line is the best of three rounds taken in
 * turns, so that a busy machine disturbs all of them alike.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as pkcs11 from 'pkcs11js';
import { run } from './command-line';
import { aesKind, openToken, residentKey, type Token, type TokenKey } from '../../hsm/index';

const seconds = 2;
const rounds = 3;
const plaintext = randomBytes(32);
const aad = randomBytes(64);

const newId = (): string => randomBytes(32).toString('hex');

interface Contender {
  readonly name: string;
  readonly run: () => void;
  best: number;
}

function setting(name: string, fallback?: string): string {
  const value = process.env[name] ?? fallback;
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

/** Operations a second. */
function rate(run: () => void): number {
  const started = performance.now();
  let done = 0;
  while (performance.now() - started < seconds * 1000) {
    for (let batch = 0; batch < 100; batch += 1) run();
    done += 100;
  }
  return done / ((performance.now() - started) / 1000);
}

/** The same module, already initialised and logged in by the token: only a session is needed. */
function bareSession(
  module: string,
  id: string,
): { session: Buffer; key: Buffer; clone: Buffer; library: pkcs11.PKCS11 } {
  const library = new pkcs11.PKCS11();
  library.load(module);
  const slot = library.C_GetSlotList(true).find((candidate) => {
    return library.C_GetTokenInfo(candidate).label.trim() === setting('CLAVIGER_TOKEN_LABEL');
  });
  if (slot === undefined) throw new Error('no such token');
  const session = library.C_OpenSession(slot, pkcs11.CKF_SERIAL_SESSION | pkcs11.CKF_RW_SESSION);
  library.C_FindObjectsInit(session, [
    { type: pkcs11.CKA_TOKEN, value: true },
    { type: pkcs11.CKA_ID, value: Buffer.from(id, 'hex') },
  ]);
  const [key] = library.C_FindObjects(session, 1);
  library.C_FindObjectsFinal(session);
  if (key === undefined) throw new Error('the key is not there');
  const clone = library.C_CopyObject(session, key, [{ type: pkcs11.CKA_TOKEN, value: false }]);
  return { library, session, key, clone };
}

/** What one Encrypt cannot do without: an IV from the token, C_EncryptInit, C_Encrypt. */
function bareEncrypt(library: pkcs11.PKCS11, session: Buffer, key: Buffer): () => void {
  return () => {
    const iv = Buffer.alloc(12);
    library.C_GenerateRandom(session, iv);
    const parameter = { type: pkcs11.CK_PARAMS_AES_GCM_v240, iv, ivBits: 96, aad, tagBits: 128 };
    library.C_EncryptInit(session, { mechanism: pkcs11.CKM_AES_GCM, parameter }, key);
    library.C_Encrypt(session, plaintext, Buffer.alloc(plaintext.length + 16));
  };
}

async function contenders(
  token: Token,
  module: string,
  keys: { resident: TokenKey; wrapped: TokenKey },
): Promise<Contender[]> {
  const { id } = keys.resident;
  for (const key of [keys.resident, keys.wrapped]) await token.encryptAesGcm(key, aad, plaintext);
  const { library, session, key, clone } = bareSession(module, id);
  const through = (key: TokenKey) => (): void => {
    if (token.encryptAesGcm(key, aad, plaintext) instanceof Promise) throw new Error('not inline');
  };
  const cold = (): void => {
    token.evict(keys.wrapped.id);
    through(keys.wrapped)();
  };
  return [
    { name: 'pkcs11js, token handle', run: bareEncrypt(library, session, key), best: 0 },
    { name: 'pkcs11js, session clone', run: bareEncrypt(library, session, clone), best: 0 },
    { name: 'Token.encryptAesGcm', run: through(keys.resident), best: 0 },
    { name: '… wrapped, cached', run: through(keys.wrapped), best: 0 },
    { name: '… wrapped, cold', run: cold, best: 0 },
  ];
}

function report(measured: readonly Contender[]): void {
  for (const { name, best } of measured) {
    process.stdout.write(
      `${name.padEnd(26)} ${best.toFixed(0).padStart(8)} /s ${(1e6 / best).toFixed(2).padStart(7)} us\n`,
    );
  }
  const [, clone, token, cached, cold] = measured;
  if (!clone || !token || !cached || !cold) return;
  compare('ratio to the clone', token, clone);
  compare('wrapped and cached to resident', cached, token);
  compare('wrapped and cold to resident', cold, token);
}

function compare(what: string, one: Contender, other: Contender): void {
  const extra = 1e6 / one.best - 1e6 / other.best;
  process.stdout.write(
    `${what} ${(one.best / other.best).toFixed(3)}, ${extra.toFixed(2)} us more\n`,
  );
}

async function main(): Promise<void> {
  const module = setting('CLAVIGER_PKCS11_MODULE', '/usr/lib/softhsm/libsofthsm2.so');
  const pinFile = setting('CLAVIGER_TOKEN_PIN_FILE');
  const token = await openToken({
    module,
    label: setting('CLAVIGER_TOKEN_LABEL'),
    readPin: () => readFileSync(pinFile, 'utf8').trim(),
    local: true,
    lanes: 1,
    deadlineMs: 5000,
    ivSource: 'random',
    maxCachedKeys: 10,
  });
  const [id, wrappingKeyId, wrappedId] = [newId(), newId(), newId()] as const;
  try {
    await token.generateKey(aesKind, { id, label: 'claviger/bench' });
    await token.createWrappingKey(wrappingKeyId, 'claviger/bench', { exportable: false });
    const { wrapped } = await token.generateWrappedKey(aesKind, wrappingKeyId);
    const keys = { resident: residentKey(id), wrapped: { id: wrappedId, wrapped } };
    const measured = await contenders(token, module, keys);
    for (let round = 0; round < rounds; round += 1) {
      for (const one of measured) one.best = Math.max(one.best, rate(one.run));
    }
    report(measured);
  } finally {
    for (const made of [id, wrappingKeyId]) await token.destroyKey(made);
    await token.close();
  }
}

run(main);
