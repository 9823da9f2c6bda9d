import { Sealing } from '../../src/auth/sealing';
import { SealingKeys } from '../../src/auth/sealing-keys';
import { Secret } from '../../src/auth/secret';
import { type ImportStatement, ImportTokens } from '../../src/keys/import-tokens';
import { type Vault, openVault } from '../support/access-keys';
import { refusalOf } from '../support/refusal';
import { accountId, keyId } from '../support/sample-keys';

let vault: Vault;
let tokens: ImportTokens;
const now = new Date('2026-11-25T12:00:00.000Z');
const statement: ImportStatement = {
  keyId,
  importKeyId: 'ab'.repeat(32),
  algorithm: 'RSAES_OAEP_SHA_256',
  validTo: new Date('2026-11-26T12:00:00.000Z'),
};
const invalid = { code: 'InvalidImportTokenException', message: '' };
const expired = { code: 'ExpiredImportTokenException', message: '' };

function fresh(): ImportTokens {
  const sealing = new Sealing(vault.token, 'import-token-sealing');
  return new ImportTokens({ sealing, sealingKeys: new SealingKeys(vault.database, sealing) });
}

beforeAll(async () => {
  vault = await openVault();
  await vault.issue(accountId, false);
  tokens = fresh();
});
afterAll(() => vault.remove());

test('A token says in any worker what was sealed, and is another one each time', async () => {
  const [one, other] = [await tokens.seal(statement), await tokens.seal(statement)];
  expect(one.equals(other)).toBe(false);
  for (const token of [one, other]) {
    expect(token.length).toBeLessThan(6144);
    expect(await tokens.open(token, { keyId, now })).toEqual(statement);
    expect(await fresh().open(token, { keyId, now })).toEqual(statement);
  }
});

test('It is of use until its time, and not at it', async () => {
  const token = await tokens.seal(statement);
  const at = (text: string) => tokens.open(token, { keyId, now: new Date(text) });
  expect(await at('2026-11-26T11:59:59.999Z')).toEqual(statement);
  expect(await refusalOf(() => at('2026-11-26T12:00:00.000Z'))).toEqual(expired);
  expect(await refusalOf(() => at('2027-11-26T12:00:00.000Z'))).toEqual(expired);
});

test('It is of no use for another key, expired or not', async () => {
  const token = await tokens.seal(statement);
  const another = { keyId: '99999999-12ab-34cd-56ef-1234567890ab' };
  for (const at of [now, new Date('2027-01-01T00:00:00Z')]) {
    expect(await refusalOf(() => tokens.open(token, { ...another, now: at }))).toEqual(invalid);
  }
});

test('What is no token is refused in one form, whatever is wrong with it', async () => {
  const token = await tokens.seal(statement);
  const changed = [...token.keys()].map((at) => {
    const copy = Buffer.from(token);
    copy[at] = (copy[at] ?? 0) ^ 1;
    return copy;
  });
  const wrong = [
    ...changed,
    Buffer.alloc(1),
    Buffer.alloc(6144),
    Buffer.concat([token, Buffer.alloc(1)]),
    ...[1, 33, 61, 62, token.length - 1].map((end) => token.subarray(0, end)),
  ];
  for (const bytes of wrong) {
    expect(await refusalOf(() => tokens.open(bytes, { keyId, now }))).toEqual(invalid);
  }
});

test('What was sealed for another purpose is no import token', async () => {
  const plaintext = new Secret(JSON.stringify({ ...statement, validTo: Date.now() * 2 }));
  for (const purpose of ['grant-token-sealing', 'session-sealing', 'access-key-sealing'] as const) {
    const sealing = new Sealing(vault.token, purpose);
    const id = (await sealing.currentKey(vault.database)) ?? '';
    for (const owner of ['import-token-sealing/1', `${purpose}/1`]) {
      const { blob } = await sealing.seal(plaintext, { owner, keyId: id });
      const bytes = Buffer.concat([Buffer.from([1]), Buffer.from(id, 'hex'), blob]);
      expect(await refusalOf(() => fresh().open(bytes, { keyId, now }))).toEqual(invalid);
    }
  }
});
