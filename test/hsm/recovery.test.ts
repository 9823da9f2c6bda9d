import { randomBytes } from 'node:crypto';
import { HsmError, openToken, residentKey, type Token, type TokenEvent } from '../../hsm/index';
import { generateAes } from '../support/generated-keys';
import { intruder } from '../support/intruder';
import { makeSoftHsm, type SoftHsm } from '../support/softhsm';
import { tokenOptions } from '../support/token-options';
import { until } from '../support/until';

const aad = Buffer.from('context');
let hsm: SoftHsm;
let token: Token;
let id: string;
let pin: string;
const events: TokenEvent[] = [];

beforeEach(async () => {
  events.length = 0;
  hsm = await makeSoftHsm();
  pin = hsm.pin;
  token = await openToken(
    tokenOptions(hsm, { readPin: () => pin, onEvent: (event) => events.push(event) }),
  );
  id = randomBytes(32).toString('hex');
  await generateAes(token, id, 'claviger/test');
  await token.encryptAesGcm(residentKey(id), aad, Buffer.from('x'));
});

afterEach(async () => {
  await token.close();
  await hsm.remove();
});

const isState = (state: string) => (): boolean => token.status().state === state;

/** Takes the token away and makes sure that this was noticed, without waiting for the watch. */
async function vanish(): Promise<void> {
  await hsm.moveAway();
  await expect(token.check()).rejects.toMatchObject({ code: 'token-unavailable' });
  expect(token.status().state).toBe('recovering');
}

/** Whether the key works; what it answers instead must be an HsmError that says the token is away. */
async function works(): Promise<boolean> {
  try {
    const sealed = await token.encryptAesGcm(residentKey(id), aad, Buffer.from('load'));
    const opened = await token.decryptAesGcm(residentKey(id), { ...sealed, aad });
    expect(opened.toString()).toBe('load');
    return true;
  } catch (error) {
    expect(error).toMatchObject({ name: 'HsmError', code: 'token-unavailable' });
    return false;
  }
}

test('a vanished token is noticed though its clones still work, and served again when it returns', async () => {
  const sealed = await token.encryptAesGcm(residentKey(id), aad, Buffer.from('before'));
  await hsm.moveAway();
  await until('the watch sees it', isState('recovering'));
  expect(() => token.encryptAesGcm(residentKey(id), aad, Buffer.from('x'))).toThrow(
    new HsmError('token-unavailable', 'the token is recovering'),
  );
  expect(() => token.generateRandom(8)).toThrow('the token is recovering');
  await expect(token.check()).rejects.toMatchObject({ code: 'token-unavailable' });
  await until('an attempt fails', () => events.length > 1);
  await hsm.restore();
  await until('the token recovers', isState('ready'));
  expect(await token.decryptAesGcm(residentKey(id), { ...sealed, aad })).toEqual(
    Buffer.from('before'),
  );
  expect(token.counters().recoveries).toBe(1);
  expect(events.map(({ message }) => message)).toEqual([
    'token lost: C_GetTokenInfo: CKR_GENERAL_ERROR',
    'recovery failed: C_Initialize: CKR_GENERAL_ERROR',
    'token recovered',
  ]);
});

test('every call under load ends in a result or an error while the token goes and comes', async () => {
  const tally = { done: 0, refused: 0 };
  let loading = true;
  const load = Array.from({ length: 8 }, async () => {
    while (loading) {
      if (await works()) tally.done += 1;
      else tally.refused += 1;
      await new Promise(setImmediate);
    }
  });
  await until('load runs', () => tally.done > 100);
  await hsm.moveAway();
  await until('calls are refused', () => tally.refused > 0);
  await hsm.restore();
  const doneAtReturn = tally.done;
  await until('calls work again', () => tally.done > doneAtReturn);
  loading = false;
  await Promise.all(load);
});

test('an uncached key in a vanished token is unavailable, never not found', async () => {
  token.evict(id);
  await hsm.moveAway();
  await expect(async () =>
    token.encryptAesGcm(residentKey(id), aad, Buffer.from('x')),
  ).rejects.toMatchObject({
    code: 'token-unavailable',
    // The second where the watch was there first.
    message: expect.stringMatching(
      /^(C_GetTokenInfo: CKR_GENERAL_ERROR|the token is recovering)$/,
    ) as unknown,
  });
  await hsm.restore();
  await until('the token recovers', isState('ready'));
  expect(await works()).toBe(true);
});

test.each<['destroyKey' | 'listKeys']>([['destroyKey'], ['listKeys']])(
  '%s in a vanished token is an error, not an empty success',
  async (method) => {
    await hsm.moveAway();
    await expect(token[method](id)).rejects.toMatchObject({ code: 'token-unavailable' });
    await hsm.restore();
    await until('the token recovers', isState('ready'));
    expect(await token.listKeys('claviger/')).toEqual([id]);
  },
);

test('a key cannot be generated in a vanished token, and can once it is back', async () => {
  await hsm.moveAway();
  const another = randomBytes(32).toString('hex');
  await expect(generateAes(token, another, 'late')).rejects.toMatchObject({
    code: 'token-unavailable',
  });
  await hsm.restore();
  await until('the token recovers', isState('ready'));
  await generateAes(token, another, 'late');
  expect(await token.listKeys('late')).toEqual([another]);
});

test('sessions closed behind our back are replaced', async () => {
  intruder(hsm).closeAllSessions();
  await until('the key works again', works);
  expect(token.counters().recoveries).toBe(1);
});

test('a key is generated though the token has to recover first', async () => {
  intruder(hsm).logout();
  const another = randomBytes(32).toString('hex');
  await generateAes(token, another, 'healed');
  expect(await token.listKeys('healed')).toEqual([another]);
  expect(token.counters().recoveries).toBe(1);
});

test('a logout behind our back is healed', async () => {
  intruder(hsm).logout();
  await until('the key works again', works);
  expect(token.counters().recoveries).toBe(1);
});

test('forged ciphertexts do not make a token that serves recover', async () => {
  for (let count = 0; count < 50; count += 1) {
    await expect(async () =>
      token.decryptAesGcm(residentKey(id), {
        iv: Buffer.alloc(12, 1),
        ciphertext: Buffer.alloc(40),
        aad,
      }),
    ).rejects.toMatchObject({ code: 'ciphertext-invalid' });
  }
  expect(token.counters().recoveries).toBe(0);
  expect(events).toEqual([]);
});

test('a PIN refused during recovery is tried once, until somebody says so', async () => {
  let logins = 0;
  pin = 'wrong';
  const right = hsm.pin;
  await token.close();
  token = await openToken(
    tokenOptions(hsm, {
      readPin: () => {
        logins += 1;
        return logins === 1 ? right : pin;
      },
      onEvent: (event) => events.push(event),
    }),
  );
  intruder(hsm).closeAllSessions();
  await expect(token.check()).rejects.toMatchObject({ code: 'token-unavailable' });
  const refusal =
    'recovery failed: C_Login: CKR_PIN_INCORRECT; not tried again until told to or restarted';
  await until('the PIN is refused', () => events.some(({ message }) => message === refusal));
  await expect(token.recover()).rejects.toMatchObject({
    code: 'token-unavailable',
    message: 'C_Login: CKR_PIN_INCORRECT',
  });
  expect(logins).toBe(3);
  pin = right;
  await token.recover();
  expect(await works()).toBe(true);
});

test('a token that comes back as another token is not served', async () => {
  await vanish();
  const stranger = await makeSoftHsm();
  const failure = `recovery failed: no token with label "${hsm.label}" and serial ${hsm.serial}`;
  await until('a stranger is refused', () => events.some(({ message }) => message === failure));
  await stranger.remove();
  await hsm.restore();
  await hsm.activate();
  await until('the token recovers', isState('ready'));
});

test('closing while the token is away ends everything', async () => {
  await vanish();
  await token.close();
  expect(token.status().state).toBe('closed');
  expect(() => token.encryptAesGcm(residentKey(id), aad, Buffer.from('x'))).toThrow(
    'the token is closed',
  );
  await hsm.restore();
});
