import { randomBytes } from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import { openToken, requiredMechanisms, type Token } from '../../hsm/index';
import { chooseWrapping } from '../../hsm/known-answers/wrap';
import { generateWrappedAes } from '../support/generated-keys';
import { makeSoftHsm, type SoftHsm } from '../support/softhsm';
import { tokenOptions } from '../support/token-options';

const aad = Buffer.from('context');
const newId = (): string => randomBytes(32).toString('hex');
const others = requiredMechanisms.filter((name) => !name.startsWith('CKM_AES_KEY_WRAP'));

/** A token that has these mechanisms for key wrap. */
async function withToken(
  mechanisms: readonly string[],
  work: (token: Token, hsm: SoftHsm) => Promise<void>,
): Promise<void> {
  const hsm = await makeSoftHsm({ mechanisms: [...others, ...mechanisms] });
  try {
    const token = await openToken(tokenOptions(hsm));
    try {
      await work(token, hsm);
    } finally {
      await token.close();
    }
  } finally {
    await hsm.remove();
  }
}

test.each([
  [['CKM_AES_KEY_WRAP_PAD', 'CKM_AES_KEY_WRAP'], 'CKM_AES_KEY_WRAP_PAD', 'RFC 5649'],
  [['CKM_AES_KEY_WRAP'], 'CKM_AES_KEY_WRAP', 'RFC 3394'],
])('a token with %j wraps by %s, which is %s', async (mechanisms, mechanism, standard) => {
  await withToken(mechanisms, async (token) => {
    expect(token.capabilities.rows).toContainEqual({
      name: 'WRAPPED_MATERIAL',
      mechanism,
      supported: true,
      note: `${standard}, for multiples of 8 bytes only`,
    });
    const [first, second] = [newId(), newId()] as const;
    for (const id of [first, second]) {
      await token.createWrappingKey(id, 'claviger:wrapping', { exportable: false });
    }
    const wrapped = await generateWrappedAes(token, first);
    const sealed = await token.encryptAesGcm({ id: newId(), wrapped }, aad, Buffer.from('text'));
    const kind = { spec: 'SYMMETRIC_DEFAULT', usage: 'ENCRYPT_DECRYPT' } as const;
    const moved = { id: newId(), wrapped: await token.rewrap(wrapped, kind, second) };
    expect((await token.decryptAesGcm(moved, { ...sealed, aad })).toString()).toBe('text');
  });
});

test('a token without key wrap refuses wrapped material, and names what it lacks', async () => {
  await withToken([], async (token) => {
    const lacks = [
      'CKM_AES_KEY_WRAP_KWP: C_WrapKey: CKR_MECHANISM_INVALID',
      'CKM_AES_KEY_WRAP_PAD: C_WrapKey: CKR_MECHANISM_INVALID',
      'CKM_AES_KEY_WRAP: C_WrapKey: CKR_MECHANISM_INVALID',
    ].join('; ');
    expect(token.capabilities.rows).toContainEqual({
      name: 'WRAPPED_MATERIAL',
      mechanism: 'CKM_AES_KEY_WRAP_KWP',
      supported: false,
      note: lacks,
    });
    const refusal = { name: 'HsmError', code: 'mechanism-missing', message: lacks };
    const id = newId();
    const wrapped = { wrappingKeyId: id, blob: Buffer.alloc(40) };
    const kind = { spec: 'SYMMETRIC_DEFAULT', usage: 'ENCRYPT_DECRYPT' } as const;
    const creating = token.createWrappingKey(id, 'claviger:wrapping', { exportable: false });
    await expect(creating).rejects.toMatchObject(refusal);
    await expect(generateWrappedAes(token, id)).rejects.toMatchObject(refusal);
    await expect(token.rewrap(wrapped, kind, id)).rejects.toMatchObject(refusal);
    await expect(async () =>
      token.encryptAesGcm({ id: newId(), wrapped }, aad, Buffer.from('x')),
    ).rejects.toMatchObject(refusal);
    expect(await token.listKeys('')).toEqual([]);
  });
});

test('a token that imports no known key is believed about names that say one thing only', async () => {
  await withToken(['CKM_AES_KEY_WRAP_PAD', 'CKM_AES_KEY_WRAP'], (_token, hsm) => {
    const library = new pkcs11.PKCS11();
    library.load(hsm.module);
    const slot = library
      .C_GetSlotList(true)
      .find((one) => library.C_GetTokenInfo(one).serialNumber.trim() === hsm.serial);
    if (slot === undefined) throw new Error('no such token');
    library.C_CreateObject = () => {
      throw new Error('CKR_TEMPLATE_INCONSISTENT:209');
    };
    const session = library.C_OpenSession(slot, pkcs11.CKF_SERIAL_SESSION | pkcs11.CKF_RW_SESSION);
    expect(chooseWrapping({ library, session })).toMatchObject({
      name: 'CKM_AES_KEY_WRAP',
      standard: 'RFC 3394',
      anyLength: false,
    });
    library.C_CloseSession(session);
    return Promise.resolve();
  });
});
