import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  aesKind,
  HsmError,
  openToken,
  residentKey,
  type Token,
  type TokenEvent,
} from '../../../hsm/index';
import { openFurtherToken } from '../../support/further-token';
import { generateAes } from '../../support/generated-keys';
import { makeSoftHsm, type SoftHsm } from '../../support/softhsm';
import { tokenOptions } from '../../support/token-options';

const aad = Buffer.from('context');
const newId = (): string => randomBytes(32).toString('hex');
let hsm: SoftHsm;
let token: Token;
let logins = 0;
const outcomes: string[] = [];
const events: TokenEvent[] = [];

beforeAll(async () => {
  hsm = await makeSoftHsm();
  token = await openFurtherToken(hsm, {
    readPin: async () => {
      logins += 1;
      return Promise.resolve(hsm.pin);
    },
    durableDirectory: hsm.tokenDir,
    onOperation: (operation, seconds, outcome) => {
      if (seconds >= 0) outcomes.push(`${operation} ${outcome}`);
    },
    onEvent: (event) => events.push(event),
  });
});

afterAll(async () => {
  await token.close();
  await hsm.remove();
});

async function newKey(): Promise<string> {
  const id = newId();
  await generateAes(token, id, `claviger/test/${id.slice(0, 8)}`);
  return id;
}

function pid(): number {
  const started = events.find(({ message }) => message === "the token's process was started");
  return Number(started?.fields?.['pid']);
}

describe('keys', () => {
  test.each([1, 32, 4096, 100_000])('what is sealed is opened again: %i bytes', async (length) => {
    const id = await newKey();
    const plaintext = randomBytes(length);
    const sealed = await token.encryptAesGcm(residentKey(id), aad, plaintext);
    expect(sealed.iv).toHaveLength(12);
    expect(sealed.ciphertext).toHaveLength(length + 16);
    expect(await token.decryptAesGcm(residentKey(id), { ...sealed, aad })).toEqual(plaintext);
  });

  test('a key made through the other process is one of the token itself', async () => {
    const id = await newKey();
    const sealed = await token.encryptAesGcm(residentKey(id), aad, Buffer.from('across'));
    const direct = await openToken(tokenOptions(hsm));
    try {
      expect(await direct.decryptAesGcm(residentKey(id), { ...sealed, aad })).toEqual(
        Buffer.from('across'),
      );
    } finally {
      await direct.close();
    }
  });

  test('hundreds of calls at once are each answered with their own', async () => {
    const ids = await Promise.all([newKey(), newKey()]);
    const plaintexts = Array.from({ length: 500 }, () => randomBytes(64));
    const opened = await Promise.all(
      plaintexts.map(async (plaintext, at) => {
        const key = residentKey(ids[at % 2] ?? '');
        const own = Buffer.from(String(at));
        const sealed = await token.encryptAesGcm(key, own, plaintext);
        return token.decryptAesGcm(key, { ...sealed, aad: own });
      }),
    );
    expect(opened).toEqual(plaintexts);
  });

  test('more calls than would have their turn are refused', async () => {
    const key = residentKey(await newKey());
    const calls = Array.from({ length: 1500 }, async () => {
      await token.encryptAesGcm(key, aad, Buffer.from('x'));
    });
    const settled = await Promise.allSettled(calls);
    const refused = settled.filter((one) => one.status === 'rejected');
    expect(refused).toHaveLength(1500 - 1024);
    expect(refused[0]?.reason).toEqual(
      new HsmError('token-unavailable', 'too many calls are waiting for the token'),
    );
  });

  test('they are listed, found, and gone when they are destroyed', async () => {
    const id = newId();
    const label = `claviger/listed/${id}`;
    expect(await token.hasKey(id)).toBe(false);
    await generateAes(token, id, label);
    expect(await token.hasKey(id)).toBe(true);
    expect(await token.listKeys(label)).toEqual([id]);
    expect(await token.listObjects(label)).toEqual([{ kind: 'secret-key', id, label }]);
    await token.encryptAesGcm(residentKey(id), aad, Buffer.from('x'));
    await token.destroyKey(id);
    expect(await token.hasKey(id)).toBe(false);
    await expect(token.encryptAesGcm(residentKey(id), aad, Buffer.from('x'))).rejects.toMatchObject(
      { name: 'HsmError', code: 'key-not-found' },
    );
  });

  test('a forgotten handle is looked up again', async () => {
    const id = await newKey();
    await token.encryptAesGcm(residentKey(id), aad, Buffer.from('x'));
    token.evict(id);
    token.evictAll();
    expect(await token.encryptAesGcm(residentKey(id), aad, Buffer.from('x'))).toMatchObject({
      iv: expect.any(Buffer) as unknown,
    });
  });

  test('what was tampered with says so, and nothing else', async () => {
    const id = await newKey();
    const sealed = await token.encryptAesGcm(residentKey(id), aad, Buffer.from('x'));
    const other = Buffer.from('another context');
    await expect(
      token.decryptAesGcm(residentKey(id), { ...sealed, aad: other }),
    ).rejects.toMatchObject({ name: 'HsmError', code: 'ciphertext-invalid' });
  });
});

describe('a key made exclusively', () => {
  const name = (): { id: string; label: string } => ({ id: newId(), label: 'claviger/turns' });

  test('is made within the turn', async () => {
    const { id, label } = name();
    const seen: unknown[] = [];
    await token.generateKey(aesKind, { id, label }, async (work) => {
      seen.push(await token.hasKey(id));
      const result = await work();
      seen.push(await token.hasKey(id));
      return result;
    });
    expect(seen).toEqual([false, true]);
  });

  test('is not made where the turn is refused, for whatever reason it was', async () => {
    const { id, label } = name();
    const reason = new TypeError('no turn for you');
    await expect(
      token.generateKey(aesKind, { id, label }, () => Promise.reject(reason)),
    ).rejects.toBe(reason);
    expect(await token.hasKey(id)).toBe(false);
  });

  test('is told of where what comes after it in the turn fails', async () => {
    const { id, label } = name();
    const reason = new RangeError('not committed');
    const made = token.generateKey(aesKind, { id, label }, async (work) => {
      await work();
      throw reason;
    });
    await expect(made).rejects.toBe(reason);
    expect(await token.hasKey(id)).toBe(true);
  });

  test('fails in the turn as it does without one', async () => {
    const { id, label } = name();
    await generateAes(token, id, label);
    const inTurn: unknown[] = [];
    const again = token.generateKey(aesKind, { id, label }, async (work) => {
      try {
        return await work();
      } catch (error) {
        inTurn.push(error);
        throw error;
      }
    });
    await expect(again).rejects.toMatchObject({ name: 'HsmError', code: 'duplicate-key' });
    expect(inTurn).toMatchObject([{ name: 'HsmError', code: 'duplicate-key' }]);
  });
});

describe('random bytes', () => {
  test('are there at once, and never twice', () => {
    const drawn = new Set(
      Array.from({ length: 100 }, () => token.generateRandom(16).toString('hex')),
    );
    expect(drawn.size).toBe(100);
  });

  test.each([0, -1, 1.5, 65_537])('are not given in a length of %p', (length) => {
    expect(() => token.generateRandom(length)).toThrow(
      new HsmError('failed', 'C_GenerateRandom: length must be 1 to 65536'),
    );
  });
});

describe('the process', () => {
  test('was asked to log in once, and has the PIN neither in its arguments nor in its environment', () => {
    expect(logins).toBe(1);
    const read = (file: string): string => readFileSync(`/proc/${String(pid())}/${file}`, 'latin1');
    expect(read('cmdline')).not.toContain(hsm.pin);
    expect(read('environ').split('\0').filter(Boolean)).toEqual([`SOFTHSM2_CONF=${hsm.conf}`]);
  });

  test('writes no memory into a core dump', () => {
    const filter = readFileSync(`/proc/${String(pid())}/coredump_filter`, 'utf8');
    expect(filter.trim()).toBe('00000000');
  });

  test('says how the token is', async () => {
    expect(token.status()).toEqual({
      ...{ state: 'ready', label: hsm.label, serial: hsm.serial },
      ...{ manufacturer: 'SoftHSM project', model: 'SoftHSM v2' },
    });
    expect(token.counters().sessions).toBeGreaterThan(0);
    expect(token.capabilities.rows).toContainEqual(
      expect.objectContaining({ name: 'SYMMETRIC_DEFAULT', supported: true }),
    );
    const { rows } = await token.inspect();
    expect(rows.length).toBeGreaterThan(token.capabilities.rows.length);
    await token.check();
  });

  test('tells of each operation and what came of it', async () => {
    outcomes.length = 0;
    const id = newId();
    await generateAes(token, id, 'claviger/told');
    await token.encryptAesGcm(residentKey(id), aad, Buffer.from('x'));
    await token.destroyKey(id);
    await expect(token.encryptAesGcm(residentKey(id), aad, Buffer.from('x'))).rejects.toThrow();
    token.generateRandom(8);
    expect(outcomes).toEqual([
      'generateKey ok',
      'encryptAesGcm ok',
      'destroyKey ok',
      'encryptAesGcm key-not-found',
      'generateRandom ok',
    ]);
  });
});

describe('tokens of one library', () => {
  let others: SoftHsm[];
  beforeAll(async () => {
    others = await Promise.all([1, 2].map(() => makeSoftHsm({ further: true })));
  });
  afterAll(() => Promise.all(others.map((other) => other.remove())));

  test("serve side by side, and beside the daemon's own", async () => {
    const own = await openToken(tokenOptions(hsm));
    const further = await Promise.all(others.map((other) => openFurtherToken(other)));
    try {
      const id = newId();
      for (const one of [own, ...further]) await generateAes(one, id, 'claviger/beside');
      const opened = await Promise.all(
        [own, ...further].map(async (one) => {
          const sealed = await one.encryptAesGcm(residentKey(id), aad, Buffer.from('mine'));
          return (await one.decryptAesGcm(residentKey(id), { ...sealed, aad })).toString();
        }),
      );
      expect(opened).toEqual(['mine', 'mine', 'mine']);
      const serials = [own, ...further].map((one) => one.status().serial);
      expect(serials).toEqual([hsm, ...others].map(({ serial }) => serial));
      const sealed = await own.encryptAesGcm(residentKey(id), aad, Buffer.from('mine'));
      await expect(
        further[0]?.decryptAesGcm(residentKey(id), { ...sealed, aad }),
      ).rejects.toMatchObject({ code: 'ciphertext-invalid' });
    } finally {
      await Promise.all([own, ...further].map((one) => one.close()));
    }
  });

  test('are served on lanes where they are far away', async () => {
    const [other = hsm] = others;
    const far = await openFurtherToken(other, { local: false, lanes: 2 });
    try {
      const id = far.generateRandom(32).toString('hex');
      await generateAes(far, id, 'claviger/far');
      const sealed = await far.encryptAesGcm(residentKey(id), aad, Buffer.from('far'));
      expect(await far.decryptAesGcm(residentKey(id), { ...sealed, aad })).toEqual(
        Buffer.from('far'),
      );
    } finally {
      await far.close();
    }
  });
});

describe('what no custom key store can have', () => {
  const kind = { spec: 'RSA_2048', usage: 'SIGN_VERIFY' } as const;
  const key = { ...residentKey('00'), kind };
  const none = Buffer.alloc(0);
  const wrapped = { wrappingKeyId: '00', blob: none };
  const algorithm = 'RSAES_OAEP_SHA_1';
  const imported = { importKeyId: '00', algorithm, encrypted: none, kind, keyId: 'x' } as const;

  const refused: readonly (readonly [string, (asked: Token) => unknown])[] = [
    ['RSA_2048', (asked) => asked.requireKind(kind)],
    ['RSA_2048', (asked) => asked.generateKey(kind, { id: '00', label: 'x' })],
    ['RSA_2048', (asked) => asked.prepareKey(kind, 'resident')],
    ['C_Sign', (asked) => asked.sign(key, { algorithm: 'RSASSA_PSS_SHA_256', input: none })],
    ['C_Sign', (asked) => asked.mac(key, none)],
    ['C_Decrypt by RSA', (asked) => asked.decryptOaep(key, algorithm, none)],
    ['C_DeriveKey', (asked) => asked.agree(key, none)],
    ['C_EncapsulateKey', (asked) => asked.encapsulate(kind, none)],
    ['C_DecapsulateKey', (asked) => asked.decapsulate(key, none)],
    ['wrapped keys', (asked) => asked.generateWrappedKey(aesKind, '00')],
    ['wrapped keys', (asked) => asked.rewrap(wrapped, aesKind, '00')],
    ['C_GenerateKeyPair', (asked) => asked.generateDataKeyPair('RSA_2048')],
    ['C_GenerateKeyPair', (asked) => asked.generateImportKeyPair('00', 'x', { bits: 2048 })],
    ['C_GenerateKeyPair', (asked) => asked.generateTransferKeyPair('00', 'x')],
    ['key pairs', (asked) => asked.destroyKeyPair('00')],
    ['imported keys', (asked) => asked.identifyImport(imported)],
    ['imported keys', (asked) => asked.admitImport(imported, '00', { label: 'x' })],
    ['wrapping keys', (asked) => asked.createWrappingKey('00', 'x', { exportable: false })],
    ['wrapping keys', (asked) => asked.exportWrappingKey('00', none)],
    [
      'wrapping keys',
      (asked) =>
        asked.importWrappingKey({
          ...{ id: '00', label: 'x', transferKeyId: '00', wrapped: none, exportable: false },
        }),
    ],
  ];

  test.each(refused)('is refused: %s', async (what, ask) => {
    await expect(Promise.resolve().then(() => ask(token))).rejects.toEqual(
      new HsmError(
        'mechanism-missing',
        `the token of a custom key store serves resident AES keys only: ${what}`,
      ),
    );
  });

  test('of an AES key nothing is to be prepared, and it is served', async () => {
    expect(await token.prepareKey(aesKind, 'resident')).toBeUndefined();
    await token.requireKind(aesKind);
  });
});
