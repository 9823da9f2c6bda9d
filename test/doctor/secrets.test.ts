import { randomBytes } from 'node:crypto';
import { examineToken } from '../../src/doctor/examine';
import { type Vault, openVault } from '../support/access-keys';
import { generateAes } from '../support/generated-keys';
import { administer } from '../support/postgres';
import { accountId } from '../support/sample-keys';
import { makeStore } from '../support/store-connections';

let vault: Vault;
beforeAll(async () => {
  vault = await openVault();
  await vault.issue(accountId, false);
  await makeStore(vault, { state: 'DISCONNECTED' });
  await sql(`insert into xks_store (prefix, account_id, region) values ('/a', $1, 'us-east-1')`, [
    accountId,
  ]);
  await sql(
    `insert into xks_credential (access_key_id, prefix, sealed_secret, sealing_key_id)
     values ('ABCDEFGHIJKLMNOPQRST', '/a', decode(repeat('00', 29), 'hex'), $1)`,
    [newId()],
  );
});
afterAll(() => vault.remove());

const sql = (text: string, values: readonly unknown[]): Promise<object[]> =>
  administer(vault.url, text, values);
const newId = (): string => randomBytes(32).toString('hex');

async function found(): Promise<readonly (readonly [string, string])[]> {
  const all = await examineToken({ ...vault, encryptionLimit: 2 ** 32 });
  return all.map(({ kind, subject }) => [kind, subject]);
}

test.each(['access_key', 'xks_credential', 'custom_key_store'])(
  'An object that nothing but secrets of the table %s name is no orphan: with it they can be opened once more',
  async (table) => {
    const id = newId();
    await generateAes(vault.token, id, 'claviger:sealing key of which the row was lost');
    expect(await found()).toEqual([['orphan-object', id]]);
    await sql(`update ${table} set sealing_key_id = $1`, [id]);
    expect(await found()).toEqual([]);
    await vault.token.destroyKey(id);
  },
);
