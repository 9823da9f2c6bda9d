import { randomBytes } from 'node:crypto';
import { openToken, requiredMechanisms, residentKey, type Token } from '../../hsm/index';
import { generateAes } from '../support/generated-keys';
import { makeSoftHsm, type SoftHsm } from '../support/softhsm';
import { tokenOptions } from '../support/token-options';

const aad = Buffer.from('context');
let hsm: SoftHsm;

beforeAll(async () => {
  hsm = await makeSoftHsm();
});

afterAll(() => hsm.remove());

async function withToken<T>(
  opening: Promise<Token>,
  work: (token: Token) => Promise<T>,
): Promise<T> {
  const token = await opening;
  try {
    return await work(token);
  } finally {
    await token.close();
  }
}

/** One key made, used and destroyed. */
async function exercise(token: Token): Promise<void> {
  const id = randomBytes(32).toString('hex');
  await generateAes(token, id, 'claviger/test');
  for (const text of ['first', 'second']) {
    const sealed = await token.encryptAesGcm(residentKey(id), aad, Buffer.from(text));
    expect(await token.decryptAesGcm(residentKey(id), { ...sealed, aad })).toEqual(
      Buffer.from(text),
    );
  }
  await expect(async () =>
    token.decryptAesGcm(residentKey(id), {
      iv: Buffer.alloc(12),
      ciphertext: Buffer.alloc(20),
      aad,
    }),
  ).rejects.toMatchObject({ code: 'ciphertext-invalid', message: 'C_Decrypt: CKR_GENERAL_ERROR' });
  expect(token.generateRandom(1024)).toHaveLength(1024);
  await token.destroyKey(id);
}

test('a wrong PIN is refused, and the next opening is not hindered', async () => {
  await expect(openToken(tokenOptions(hsm, { readPin: () => 'wrong' }))).rejects.toMatchObject({
    name: 'HsmError',
    code: 'pin-incorrect',
    message: 'C_Login: CKR_PIN_INCORRECT',
  });
  await withToken(openToken(tokenOptions(hsm)), exercise);
});

test('a PIN that cannot be read is an HsmError that does not say why', async () => {
  const readPin = (): string => {
    throw new Error('ENOENT: /secret/path');
  };
  await expect(openToken(tokenOptions(hsm, { readPin }))).rejects.toMatchObject({
    name: 'HsmError',
    code: 'failed',
    message: 'the PIN cannot be read',
  });
});

test('a label that no token has is token-unavailable', async () => {
  await expect(openToken(tokenOptions(hsm, { label: 'nobody' }))).rejects.toMatchObject({
    code: 'token-unavailable',
    message: `no token with label "nobody" and serial ${hsm.serial}`,
  });
});

test('a serial that the labelled token does not have is token-unavailable', async () => {
  await expect(openToken(tokenOptions(hsm, { serial: '0000' }))).rejects.toMatchObject({
    code: 'token-unavailable',
    message: `no token with label "${hsm.label}" and serial 0000`,
  });
});

test('a label that two tokens have needs the serial', async () => {
  const twins = await makeSoftHsm();
  await twins.addToken(twins.label);
  const { serial, ...unnamed } = tokenOptions(twins);
  await expect(openToken(unnamed)).rejects.toMatchObject({
    code: 'failed',
    message: `2 tokens have label "${twins.label}"; name one by its serial`,
  });
  await withToken(openToken({ ...unnamed, serial: twins.serial }), async (token) => {
    expect(token.status().serial).toBe(serial);
    await exercise(token);
  });
  await twins.remove();
  await hsm.activate();
});

test('a module that is not there is token-unavailable and named', async () => {
  await expect(
    openToken(tokenOptions(hsm, { module: '/nowhere/pkcs11.so' })),
  ).rejects.toMatchObject({
    code: 'token-unavailable',
    message: expect.stringMatching(
      /^PKCS#11 module \/nowhere\/pkcs11\.so cannot be loaded: .*No such file/u,
    ) as string,
  });
});

test('a module serves one token a process, because C_Finalize ends them all', async () => {
  await withToken(openToken(tokenOptions(hsm)), async () => {
    await expect(openToken(tokenOptions(hsm))).rejects.toMatchObject({
      code: 'failed',
      message: `PKCS#11 module ${hsm.module} is already open in this process`,
    });
  });
});

test('a token far away is used on lanes only', async () => {
  const options = tokenOptions(hsm, { local: false });
  await withToken(openToken(options), async (token) => {
    await exercise(token);
    const many = Array.from({ length: 500 }, () => token.generateRandom(32).toString('hex'));
    expect(new Set(many).size).toBe(500);
  });
});

test('a token that makes no IV is not trusted to make one', async () => {
  const messages: string[] = [];
  const options = tokenOptions(hsm, {
    ivSource: 'token',
    onEvent: ({ message }) => messages.push(message),
  });
  await withToken(openToken(options), async (token) => {
    expect(messages).toEqual([
      'the token cannot serve SYMMETRIC_DEFAULT: C_Encrypt: the token made no IV',
    ]);
    await expect(generateAes(token, 'ab', 'claviger/test')).rejects.toMatchObject({
      code: 'mechanism-missing',
      message: 'C_Encrypt: the token made no IV',
    });
    expect(await token.listKeys('')).toEqual([]);
  });
});

test('no more sessions are opened than allowed', async () => {
  await withToken(openToken(tokenOptions(hsm, { lanes: 8, maxSessions: 4 })), async (token) => {
    const ids = Array.from({ length: 8 }, () => randomBytes(32).toString('hex'));
    await Promise.all(ids.map((id) => generateAes(token, id, 'claviger/test')));
    await Promise.all(
      ids.map(async (id) => token.encryptAesGcm(residentKey(id), aad, Buffer.from('x'))),
    );
    // One is kept for the lane that generates RSA keys, which starts with the first of them.
    expect(token.counters().sessions).toBe(3);
    await Promise.all([1, 2].map(() => token.generateDataKeyPair('RSA_2048')));
    expect(token.counters().sessions).toBeLessThanOrEqual(4);
  });
  await expect(openToken(tokenOptions(hsm, { maxSessions: 2 }))).rejects.toMatchObject({
    code: 'failed',
    message: 'maxSessions must be at least 3',
  });
});

test('a SoftHSM restricted to the required mechanisms serves as well', async () => {
  const restricted = await makeSoftHsm({ mechanisms: requiredMechanisms });
  await withToken(openToken(tokenOptions(restricted)), async (token) => {
    await exercise(token);
    expect([...token.capabilities.mechanisms].sort()).toEqual([...requiredMechanisms].sort());
    const { rows } = await token.inspect();
    expect(rows.filter(({ supported }) => !supported).map(({ name }) => name)).toEqual([
      'ED25519_PH_SHA_512',
      'ML_DSA_44',
      'ML_DSA_65',
      'ML_DSA_87',
      'ML_DSA_EXTERNAL_MU',
      'ML_KEM_512',
      'ML_KEM_768',
      'ML_KEM_1024',
      'SM2',
    ]);
  });
  await restricted.remove();
  await hsm.activate();
});

test('a closed token answers nothing, and closing it again is success', async () => {
  const token = await openToken(tokenOptions(hsm));
  await token.close();
  await token.close();
  expect(token.status().state).toBe('closed');
  await expect(token.check()).rejects.toMatchObject({
    code: 'token-unavailable',
    message: 'the token is closed',
  });
});
