import type { IssuedAccessKey } from '../../src/auth/accounts';
import { type Vault, openVault } from '../support/access-keys';
import { administer } from '../support/postgres';
import { accountId, rootOf } from '../support/sample-keys';

let vault: Vault;
let issued: IssuedAccessKey;

beforeAll(async () => {
  vault = await openVault();
  issued = await vault.issue(accountId, false);
});
afterAll(() => vault.remove());

const sealedOf = async (accessKeyId: string): Promise<{ sealed_secret: Buffer }> => {
  const [row] = await administer<{ sealed_secret: Buffer }>(
    vault.url,
    'select sealed_secret from access_key where access_key_id = $1',
    [accessKeyId],
  );
  if (row === undefined) throw new Error('no such access key');
  return row;
};

describe('an access key', () => {
  test('is found with its secret and its principal', async () => {
    const found = await vault.accessKeys().find(issued.AccessKeyId);
    expect(found?.secret.equals(issued.SecretAccessKey)).toBe(true);
    expect(found?.principal).toEqual({ ...rootOf(accountId), accessKeyId: issued.AccessKeyId });
  });

  test('is found at once the second time', async () => {
    const keys = vault.accessKeys();
    const first = await keys.find(issued.AccessKeyId);
    expect(keys.find(issued.AccessKeyId)).toBe(first);
  });

  test('that is inactive or unknown is not found', async () => {
    const { AccessKeyId } = await vault.issue(accountId, true);
    await administer(
      vault.url,
      `update access_key set status = 'Inactive' where access_key_id = $1`,
      [AccessKeyId],
    );
    expect(await vault.accessKeys().find(AccessKeyId)).toBeUndefined();
    expect(await vault.accessKeys().find('AKIANOBODYKNOWSTHIS1')).toBeUndefined();
    expect(await vault.accessKeys().find("' or true --")).toBeUndefined();
  });

  test('whose secret was moved to another’s row opens for neither', async () => {
    const [one, other] = [await vault.issue(accountId, true), await vault.issue(accountId, true)];
    const { sealed_secret: stolen } = await sealedOf(one.AccessKeyId);
    await administer(
      vault.url,
      'update access_key set sealed_secret = $2 where access_key_id = $1',
      [other.AccessKeyId, stolen],
    );
    await expect(vault.accessKeys().find(other.AccessKeyId)).rejects.toMatchObject({
      code: 'ciphertext-invalid',
    });
  });

  test('is in the database without its secret', async () => {
    const { sealed_secret: sealed } = await sealedOf(issued.AccessKeyId);
    expect(sealed.length).toBe(12 + 40 + 16);
    expect(sealed.includes(issued.SecretAccessKey.reveal())).toBe(false);
  });
});
