import { randomBytes } from 'node:crypto';
import { openToken, type Token } from '../../hsm/index';
import { makeSoftHsm, type SoftHsm } from '../support/softhsm';
import { tokenOptions } from '../support/token-options';

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

const newId = (): string => randomBytes(32).toString('hex');

test('what a key sealed it opens again, with its additional data', async () => {
  const id = newId();
  await token.generateAesKey(id, 'claviger/test');
  const aad = Buffer.from('context');
  const plaintext = randomBytes(4096);
  const sealed = await token.encryptAesGcm(id, aad, plaintext);
  expect(sealed.iv).toHaveLength(12);
  expect(sealed.ciphertext).toHaveLength(4096 + 16);
  expect(await token.decryptAesGcm(id, { ...sealed, aad })).toEqual(plaintext);
});
