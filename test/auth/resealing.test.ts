import { initialiseAccount } from '../../src/auth/accounts';
import { reseal } from '../../src/auth/resealing';
import { Sealing } from '../../src/auth/sealing';
import { Secret } from '../../src/auth/secret';
import { findStore } from '../../src/custom-key-stores/stores';
import { inTransaction } from '../../src/db';
import { insertWrappingKey } from '../../src/keys/wrapping-keys';
import { insertCredential, openCredentials } from '../../src/xks/credentials';
import { type Vault, openVault } from '../support/access-keys';
import { accountId, place } from '../support/sample-keys';
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

test('In a store that becomes a wrapped one nothing needs the resident sealing keys any more', async () => {
  const { database, token } = vault;
  const issued = await vault.issue(accountId, true);
  const store = await makeStore(vault);
  const [prefix, accessKeyId] = ['/wrapped', 'ABCDEFGHIJKLMNOPQRST'];
  const sealing = new Sealing(token, 'xks-credential-sealing', database);
  await database.execute({
    text: `insert into xks_store (prefix, account_id, region) values ($1::text, $2::text, 'us-east-1')`,
    values: [prefix, accountId],
  });
  const secret = new Secret('the secret of AWS KMS');
  const sealingKeyId = String(await sealing.currentKey(database));
  await inTransaction(database, (transaction) =>
    insertCredential(transaction, sealing, { accessKeyId, prefix, secret, sealingKeyId }),
  );

  const wrappingKey = { id: 'ab'.repeat(32), exportable: false };
  await token.createWrappingKey(wrappingKey.id, 'claviger:wrapping:test', wrappingKey);
  await inTransaction(database, (transaction) =>
    insertWrappingKey(transaction, { ...wrappingKey, state: 'CURRENT' }),
  );
  const wrapped = { database, token, place, storage: 'wrapped' } as const;
  expect(await initialiseAccount(wrapped, accountId, { another: false })).toBeUndefined();

  const resident = await database.query<{ token_key_id: string }>({
    text: 'delete from system_key where wrapping_key_id is null returning token_key_id',
  });
  expect(resident.length).toBeGreaterThanOrEqual(7);
  for (const { token_key_id: id } of resident) await token.destroyKey(id);

  const { sealedSecret } = (await findStore(database, store.id)) ?? store;
  const password = await storeSecrets(vault).open({ id: store.id, sealedSecret });
  expect(password.toString()).toBe(storePassword);
  const afresh = new Sealing(token, 'xks-credential-sealing', database);
  const credentials = await openCredentials(database, afresh, prefix);
  expect(credentials.get(accessKeyId)?.revealText()).toBe('the secret of AWS KMS');
  const found = await vault.accessKeys().find(issued.AccessKeyId);
  expect(found?.secret.revealText()).toBe(issued.SecretAccessKey.revealText());
});
