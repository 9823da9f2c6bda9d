import { reseal } from '../../src/auth/resealing';
import { Sealing } from '../../src/auth/sealing';
import { findStore } from '../../src/custom-key-stores/stores';
import { inTransaction } from '../../src/db';
import { type Vault, openVault } from '../support/access-keys';
import { accountId } from '../support/sample-keys';
import { makeStore, storePassword, storeSecrets } from '../support/store-connections';

let vault: Vault;
beforeAll(async () => {
  vault = await openVault();
  await vault.issue(accountId, false);
});
afterAll(() => vault.remove());

test('What a key of the token sealed is sealed under the newest, for the same owner', async () => {
  const { database, token } = vault;
  const store = await makeStore(vault);
  const newest = await inTransaction(database, async (transaction) => {
    const purpose = 'key-store-sealing';
    const keyId = await new Sealing(token, purpose).createKey(database, transaction);
    await reseal(transaction, token, purpose);
    return keyId;
  });
  const resealed = await findStore(database, store.id);
  expect(resealed?.sealedSecret.sealingKeyId).toBe(newest);
  expect(store.sealedSecret.sealingKeyId).not.toBe(newest);
  const secrets = storeSecrets(vault);
  const { sealedSecret } = resealed ?? store;
  expect((await secrets.open({ id: store.id, sealedSecret })).toString()).toBe(storePassword);
  await expect(secrets.open({ id: 'cks-00000000000000000', sealedSecret })).rejects.toMatchObject({
    code: 'ciphertext-invalid',
  });
});
