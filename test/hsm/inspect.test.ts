import { openToken, type CapabilityRow, type Token } from '../../hsm/index';
import { makeSoftHsm, type SoftHsm } from '../support/softhsm';
import { tokenOptions } from '../support/token-options';

let hsm: SoftHsm;
let token: Token;
let rows: readonly CapabilityRow[];

beforeAll(async () => {
  hsm = await makeSoftHsm();
  token = await openToken(tokenOptions(hsm));
  ({ rows } = await token.inspect());
});

afterAll(async () => {
  await token.close();
  await hsm.remove();
});

const postQuantum = [
  ...['ML_DSA_44', 'ML_DSA_65', 'ML_DSA_87', 'ML_DSA_EXTERNAL_MU'],
  ...['ML_KEM_512', 'ML_KEM_768', 'ML_KEM_1024'],
];

/** What SoftHSM 2.6.1 does and does not (pkcs11-facts §2): name, supported, note. */
const expected: ReadonlyArray<readonly [string, boolean, string]> = [
  ['SYMMETRIC_DEFAULT', true, ''],
  ['GenerateRandom', true, ''],
  ['WRAPPED_MATERIAL', true, 'RFC 5649, for multiples of 8 bytes only'],
  ['HMAC_224', true, ''],
  ['HMAC_256', true, ''],
  ['HMAC_384', true, ''],
  ['HMAC_512', true, ''],
  ['RSA_2048', true, ''],
  ['RSA_3072', true, ''],
  ['RSA_4096', true, ''],
  ['RSASSA_PKCS1_V1_5_SHA_256', true, ''],
  ['RSASSA_PKCS1_V1_5_SHA_384', true, ''],
  ['RSASSA_PKCS1_V1_5_SHA_512', true, ''],
  ['RSASSA_PSS_SHA_256', true, ''],
  ['RSASSA_PSS_SHA_384', true, ''],
  ['RSASSA_PSS_SHA_512', true, ''],
  ['RSAES_OAEP_SHA_1', true, ''],
  [
    'RSAES_OAEP_SHA_256',
    true,
    'by CKM_RSA_X_509, padding removed outside the token (C_DecryptInit: CKR_ARGUMENTS_BAD)',
  ],
  ['ECC_NIST_P256', true, ''],
  ['ECC_NIST_P384', true, ''],
  ['ECC_NIST_P521', true, ''],
  ['ECC_SECG_P256K1', true, ''],
  ['ECDH', true, ''],
  ['ECC_NIST_EDWARDS25519', true, ''],
  ['ED25519_PH_SHA_512', false, 'C_Sign: the token ignores CK_EDDSA_PARAMS.phFlag'],
  ...postQuantum.map((name) => [name, false, 'C_GenerateKeyPair: CKR_MECHANISM_INVALID'] as const),
  ['RFC_5649_KEY_WRAP', true, 'by CKM_AES_KEY_WRAP_PAD, for multiples of 8 bytes only'],
  ['SM2', false, 'vendor-defined: not listed by the token; PKCS#11 defines no mechanism for it'],
  ['IMPORT_RSAES_OAEP_SHA_1', true, 'in the token'],
  ['IMPORT_RSA_AES_KEY_WRAP_SHA_1', true, 'in the token, by CKM_AES_KEY_WRAP_PAD'],
  [
    'IMPORT_RSAES_OAEP_SHA_256',
    true,
    "RSA in the token by CKM_RSA_X_509, the material in the daemon's memory: " +
      'no CKM_RSA_PKCS_OAEP with SHA-256 (C_UnwrapKey: CKR_ARGUMENTS_BAD)',
  ],
  [
    'IMPORT_RSA_AES_KEY_WRAP_SHA_256',
    true,
    'in the token by CKM_RSA_X_509 and CKM_AES_KEY_WRAP_PAD, ' +
      "the key that wraps in the daemon's memory: " +
      'no CKM_RSA_PKCS_OAEP with SHA-256 (C_UnwrapKey: CKR_ARGUMENTS_BAD)',
  ],
];

test.each(expected)('%s is supported: %s', (name, supported, note) => {
  expect(rows.find((row) => row.name === name)).toMatchObject({ supported, note });
});

test('no row is made that is not expected', () => {
  expect(rows.map(({ name }) => name)).toEqual(expected.map(([name]) => name));
});

test('inspection leaves no object in the token', async () => {
  expect(await token.listKeys('')).toEqual([]);
});
