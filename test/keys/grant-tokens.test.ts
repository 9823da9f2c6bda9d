import { Sealing } from '../../src/auth/sealing';
import { inTransaction } from '../../src/db';
import { SealingKeys } from '../../src/auth/sealing-keys';
import { Secret } from '../../src/auth/secret';
import { GrantTokens, checkGrantTokens } from '../../src/keys/grant-tokens';
import { type Vault, openVault } from '../support/access-keys';
import { refusalOf } from '../support/refusal';
import { accountId, keyId } from '../support/sample-keys';

let vault: Vault;
let grantTokens: GrantTokens;
const grantId = 'ab'.repeat(32);
const invalid = {
  code: 'InvalidGrantTokenException',
  message: 'The grant token is not valid.',
};

const sealingFor = (purpose: ConstructorParameters<typeof Sealing>[1]) =>
  new Sealing(vault.token, purpose);

function fresh(): GrantTokens {
  const sealing = sealingFor('grant-token-sealing');
  return new GrantTokens({ sealing, sealingKeys: new SealingKeys(vault.database, sealing) });
}

beforeAll(async () => {
  vault = await openVault();
  await vault.issue(accountId, false);
  grantTokens = fresh();
});
afterAll(() => vault.remove());

test('A token is another one each time, and opens to its grant in any worker', async () => {
  const multiRegion = `mrk-${'0f'.repeat(16)}`;
  for (const id of [keyId, multiRegion]) {
    const grant = { grantId, keyId: id };
    const [one, other] = [await grantTokens.seal(grant), await grantTokens.seal(grant)];
    expect(one).not.toBe(other);
    expect(one).toMatch(/^[A-Za-z0-9_-]{150,250}$/);
    for (const text of [one, other]) {
      expect(await grantTokens.open(text)).toEqual(grant);
      expect(await fresh().open(text)).toEqual(grant);
    }
  }
});

test('What is no token is refused in one form, whatever is wrong with it', async () => {
  const token = await grantTokens.seal({ grantId, keyId });
  const bytes = Buffer.from(token, 'base64url');
  const changed = (at: number) => {
    const copy = Buffer.from(bytes);
    copy[at] = (copy[at] ?? 0) ^ 1;
    return copy.toString('base64url');
  };
  const wrong = [
    'x',
    '',
    'A'.repeat(8192),
    'ключ',
    `${token}=`,
    ` ${token}`,
    `${token}A`,
    bytes.toString('base64') === token ? '!' : bytes.toString('base64'),
    bytes.subarray(0, bytes.length - 1).toString('base64url'),
    bytes.subarray(0, 61).toString('base64url'),
    bytes.subarray(0, 20).toString('base64url'),
    ...[0, 1, 32, 33, 44, 45, bytes.length - 17, bytes.length - 1].map(changed),
  ];
  for (const text of wrong) {
    expect(await refusalOf(() => grantTokens.open(text))).toEqual(invalid);
  }
});

test('What other keys of the token sealed, or this one for another purpose, is no grant token', async () => {
  const plaintext = new Secret(Buffer.concat([Buffer.from(grantId, 'hex'), Buffer.from(keyId)]));
  const write = (sealed: { readonly sealingKeyId: string; readonly blob: Buffer }) =>
    Buffer.concat([
      Buffer.from([1]),
      Buffer.from(sealed.sealingKeyId, 'hex'),
      sealed.blob,
    ]).toString('base64url');
  const owner = 'grant-token-sealing/1';
  for (const purpose of ['session-sealing', 'access-key-sealing'] as const) {
    const sealing = sealingFor(purpose);
    const id = await sealing.currentKey(vault.database);
    const text = write(await sealing.seal(plaintext, { owner, keyId: id ?? '' }));
    expect(await refusalOf(() => fresh().open(text))).toEqual(invalid);
  }
  const own = sealingFor('grant-token-sealing');
  const id = (await own.currentKey(vault.database)) ?? '';
  const elsewhere = write(await own.seal(plaintext, { owner: 'session-sealing/1', keyId: id }));
  expect(await refusalOf(() => grantTokens.open(elsewhere))).toEqual(invalid);
  const right = write(await own.seal(plaintext, { owner, keyId: id }));
  expect(await grantTokens.open(right)).toEqual({ grantId, keyId });
});

test('A key that is added seals, and what the older one sealed still opens', async () => {
  const older = fresh();
  const before = await older.seal({ grantId, keyId });
  const added = await inTransaction(vault.database, (transaction) =>
    sealingFor('grant-token-sealing').createKey(vault.database, transaction),
  );
  const after = await fresh().seal({ grantId, keyId });
  expect(Buffer.from(after, 'base64url').toString('hex', 1, 33)).toBe(added);
  for (const text of [before, after]) expect(await fresh().open(text)).toEqual({ grantId, keyId });
});

test('The GrantTokens of a request must all be tokens, of whatever grants', async () => {
  const token = await grantTokens.seal({ grantId, keyId });
  const check = (input: object) => refusalOf(() => checkGrantTokens(input, { grantTokens }));
  const passed = { code: 'nothing was thrown', message: '' };
  expect(await check({})).toEqual(passed);
  expect(await check({ GrantTokens: [] })).toEqual(passed);
  expect(await check({ GrantTokens: [token, token] })).toEqual(passed);
  expect(await check({ GrantTokens: [token, 'x'] })).toEqual(invalid);
});
