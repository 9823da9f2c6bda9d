import { initialiseAccount, isInitialised, type IssuedAccessKey } from '../../src/auth/accounts';
import { Sealing } from '../../src/auth/sealing';
import { type Vault, openVault } from '../support/access-keys';
import { accountId, otherAccountId, place, rootOf } from '../support/sample-keys';

let vault: Vault;
let issued: IssuedAccessKey;

beforeAll(async () => {
  vault = await openVault();
  issued = await vault.issue(accountId, false);
});
afterAll(() => vault.remove());

describe('an account that is initialised', () => {
  test('has a root, an access key of AWS’s form, and one sealing key in the token', async () => {
    expect(issued).toMatchObject({ AccountId: accountId, Arn: rootOf(accountId).arn });
    expect(issued.AccessKeyId).toMatch(/^AKIA[A-Z2-7]{16}$/);
    expect(issued.SecretAccessKey.revealText()).toMatch(/^[A-Za-z0-9+/]{40}$/);
    expect(await vault.token.listKeys('claviger:sealing')).toHaveLength(1);
  });

  test('gets no other access key unasked', async () => {
    const parts = { ...vault, place };
    expect(await initialiseAccount(parts, accountId, { another: false })).toBeUndefined();
    expect(await vault.token.listKeys('claviger:sealing')).toHaveLength(1);
  });

  test('gets another when asked, and a second account shares the sealing key', async () => {
    const [again, theirs] = [
      await vault.issue(accountId, true),
      await vault.issue(otherAccountId, false),
    ];
    expect(new Set([issued, again, theirs].map((key) => key.AccessKeyId)).size).toBe(3);
    expect(theirs.Arn).toBe(rootOf(otherAccountId).arn);
    expect(await vault.token.listKeys('claviger:sealing')).toHaveLength(1);
  });

  test('of an older deployment gets the sealing keys that it lacks, and no access key', async () => {
    const purpose = 'session-sealing';
    const text = 'delete from system_key where purpose = $1::text';
    await vault.database.execute({ text, values: [purpose] });
    expect(await isInitialised(vault.database, accountId)).toBe(false);
    const parts = { ...vault, place };
    expect(await initialiseAccount(parts, accountId, { another: false })).toBeUndefined();
    expect(await isInitialised(vault.database, accountId)).toBe(true);
    expect(await new Sealing(vault.token, purpose).keys(vault.database)).toHaveLength(1);
  });

  test('by two processes at once has one access key', async () => {
    const parts = { ...vault, place };
    const both = await Promise.all(
      [1, 2].map(() => initialiseAccount(parts, '777766665555', { another: false })),
    );
    expect(both.filter((key) => key !== undefined)).toHaveLength(1);
  });

  test('prints no secret, however it is printed', () => {
    const secret = issued.SecretAccessKey.revealText();
    expect(JSON.stringify(issued)).not.toContain(secret);
    expect(String(issued.SecretAccessKey)).toBe('(redacted)');
  });
});
