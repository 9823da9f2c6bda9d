import type { IssuedAccessKey } from '../../src/auth/accounts';
import { Sealing } from '../../src/auth/sealing';
import { Secret } from '../../src/auth/secret';
import { openDatabase, inTransaction } from '../../src/db';
import { lockToken } from '../../src/keys/token-lock';
import { type Vault, openVault } from '../support/access-keys';
import { cloneDatabase, lockWaiters } from '../support/postgres';
import { accountId } from '../support/sample-keys';
import { until } from '../support/until';

let vault: Vault;
let issued: IssuedAccessKey;

beforeAll(async () => {
  vault = await openVault();
  issued = await vault.issue(accountId, false);
});
afterAll(() => vault.remove());

describe('sealing', () => {
  test('opens what it sealed for that owner alone', async () => {
    const sealing = new Sealing(vault.token);
    const keyId = await sealing.currentKey(vault.database);
    if (keyId === undefined) throw new Error('there is no sealing key');
    const secret = new Secret('wJalrXUtnFEMI');
    const sealed = await sealing.seal(secret, { owner: 'alice', keyId });
    expect(sealed.sealingKeyId).toBe(keyId);
    expect((await sealing.open(sealed, 'alice')).equals(secret)).toBe(true);
    await expect(sealing.open(sealed, 'bob')).rejects.toMatchObject({ code: 'ciphertext-invalid' });
    const last = sealed.blob.length - 1;
    sealed.blob[last] = (sealed.blob[last] ?? 0) ^ 1;
    await expect(sealing.open(sealed, 'alice')).rejects.toMatchObject({
      code: 'ciphertext-invalid',
    });
  });

  test('takes the newest of two keys', async () => {
    const sealing = new Sealing(vault.token);
    const before = await sealing.currentKey(vault.database);
    const created = await inTransaction(vault.database, (transaction) =>
      sealing.createKey(vault.database, transaction),
    );
    expect(await sealing.currentKey(vault.database)).toBe(created);
    expect(created).not.toBe(before);
    // What the older one sealed still opens.
    expect((await vault.accessKeys().find(issued.AccessKeyId))?.accessKeyId).toBe(
      issued.AccessKeyId,
    );
  });

  test('makes its key while nobody else changes the objects of the token', async () => {
    const other = await vault.database.begin();
    await lockToken(other, vault.token.status().serial);
    const creating = inTransaction(vault.database, (transaction) =>
      new Sealing(vault.token).createKey(vault.database, transaction),
    );
    await until('it waits', async () => (await lockWaiters(vault.url)) === 1);
    const held = await vault.token.listKeys('claviger:sealing');
    await other.commit();
    const created = await creating;
    expect(held).not.toContain(created);
    expect(await vault.token.listKeys('claviger:sealing')).toEqual(
      expect.arrayContaining([...held, created]),
    );
  });

  test('has no key before there was one', async () => {
    const empty = await cloneDatabase();
    const other = openDatabase({
      ...{ url: empty.url, poolSize: 1, statementTimeoutMs: 5000, connectTimeoutMs: 5000 },
    });
    expect(await new Sealing(vault.token).currentKey(other)).toBeUndefined();
    await other.close();
    await empty.drop();
  });
});
