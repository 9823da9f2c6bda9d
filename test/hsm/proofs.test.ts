import { createHash, randomBytes } from 'node:crypto';
import { openToken, type MaterialKind, type Token, type TokenOptions } from '../../hsm/index';
import { requiredMechanisms } from '../../hsm/mechanisms';
import { makeSoftHsm, type SoftHsm } from '../support/softhsm';
import { tokenOptions } from '../support/token-options';
import { kinds, makeKey, newId, signs } from '../support/used-keys';

let hsm: SoftHsm;
let token: Token;

async function open(
  without: readonly string[],
  different: Partial<TokenOptions> = {},
): Promise<void> {
  const mechanisms = requiredMechanisms.filter((name) => !without.includes(name));
  hsm = await makeSoftHsm({ mechanisms });
  token = await openToken(tokenOptions(hsm, different));
}

afterEach(async () => {
  await token.close();
  await hsm.remove();
});

const lacking: ReadonlyArray<readonly [string, MaterialKind, string]> = [
  ['CKM_SHA224_HMAC', { spec: 'HMAC_224', usage: 'GENERATE_VERIFY_MAC' }, 'CKM_SHA224_HMAC'],
  ['CKM_ECDH1_DERIVE', kinds.p256Agreement, 'CKM_ECDH1_DERIVE with P-256'],
  ['CKM_ECDSA', kinds.p256, 'CKM_ECDSA with P-256'],
  ['CKM_EDDSA', kinds.ed25519, 'CKM_EDDSA'],
];

test('a token that lacks mechanisms is said to, by their names, and serves the rest', async () => {
  await open([...lacking.map(([mechanism]) => mechanism), 'CKM_RSA_PKCS_PSS', 'CKM_RSA_X_509']);
  for (const [, kind, name] of lacking) {
    await expect(token.requireKind(kind)).rejects.toMatchObject({
      name: 'HsmError',
      code: 'mechanism-missing',
      message: expect.stringMatching(
        new RegExp(`^the token lacks ${name} \\(C_\\w+: CKR_MECHANISM_INVALID\\)`),
      ) as unknown,
    });
  }
  await token.requireKind(kinds.hmac);
  await token.requireKind(kinds.aes);
  // Some of the algorithms are enough to have the key.
  await token.requireKind(kinds.rsa);
  const rsa = await makeKey(token, kinds.rsa);
  expect(await signs(token, rsa)).toBe(true);
  const input = createHash('sha256').update('x').digest();
  await expect(
    (async () => token.sign(rsa, { algorithm: 'RSASSA_PSS_SHA_256', input }))(),
  ).rejects.toMatchObject({
    code: 'mechanism-missing',
    message: 'the token lacks CKM_RSA_PKCS_PSS with SHA-256 (C_SignInit: CKR_MECHANISM_INVALID)',
  });
  await token.requireKind(kinds.rsaDecryption);
  const decrypting = await makeKey(token, kinds.rsaDecryption);
  await expect(
    (async () => token.decryptOaep(decrypting, 'RSAES_OAEP_SHA_256', Buffer.alloc(256)))(),
  ).rejects.toMatchObject({
    code: 'mechanism-missing',
    message:
      'the token lacks CKM_RSA_PKCS_OAEP with SHA-256 ' +
      '(C_DecryptInit: CKR_ARGUMENTS_BAD; C_DecryptInit: CKR_MECHANISM_INVALID)',
  });
});

test('Ed25519ph is refused of a token that ignores it, though it has Ed25519', async () => {
  await open([]);
  await token.requireKind(kinds.ed25519);
  const key = { id: newId(), wrapped: undefined, kind: kinds.ed25519 };
  await expect(
    (async () => token.sign(key, { algorithm: 'ED25519_PH_SHA_512', input: randomBytes(64) }))(),
  ).rejects.toMatchObject({
    code: 'mechanism-missing',
    message:
      'the token lacks CKM_EDDSA with CK_EDDSA_PARAMS ' +
      '(C_Sign: the token ignores CK_EDDSA_PARAMS.phFlag)',
  });
});

test('a kind is proven once a connection, for all who ask at once, and leaves nothing behind', async () => {
  await open([], { lanes: 1 });
  await Promise.all(Array.from({ length: 300 }, () => token.requireKind(kinds.rsa)));
  const key = await makeKey(token, kinds.p256);
  expect(await signs(token, key)).toBe(true);
  const input = createHash('sha256').update('x').digest();
  // Proven and cached: at once, without a promise.
  expect(Buffer.isBuffer(token.sign(key, { algorithm: 'ECDSA_SHA_256', input }))).toBe(true);
  await token.recover();
  const again = token.sign(key, { algorithm: 'ECDSA_SHA_256', input });
  expect(again).toBeInstanceOf(Promise);
  await again;
});

test.each<[string, MaterialKind]>([
  ['ML_DSA_44', { spec: 'ML_DSA_44', usage: 'SIGN_VERIFY' }],
  ['ML_KEM_768', { spec: 'ML_KEM_768', usage: 'ENCAPSULATE_DECAPSULATE' }],
])('%s is refused of a token that has none', async (_spec, kind) => {
  await open([]);
  await expect(token.requireKind(kind)).rejects.toMatchObject({ code: 'mechanism-missing' });
});
