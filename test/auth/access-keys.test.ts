import { type Token, openToken } from '../../hsm';
import { AccessKeys } from '../../src/auth/access-keys';
import { initialiseAccount, type IssuedAccessKey } from '../../src/auth/accounts';
import { Sealing } from '../../src/auth/sealing';
import { Secret } from '../../src/auth/secret';
import type { Credential } from '../../src/auth/sigv4';
import { type Database, FeedCache, openDatabase } from '../../src/db';
import type { Principal } from '../../src/policy/principal';
import { type ClonedDatabase, administer, cloneDatabase } from '../support/postgres';
import { accountId, otherAccountId, place, rootOf } from '../support/sample-keys';
import { type SoftHsm, makeSoftHsm } from '../support/softhsm';
import { tokenOptions } from '../support/token-options';

let hsm: SoftHsm;
let token: Token;
let cloned: ClonedDatabase;
let database: Database;
let issued: IssuedAccessKey;

beforeAll(async () => {
  hsm = await makeSoftHsm();
  token = await openToken(tokenOptions(hsm));
  cloned = await cloneDatabase();
  database = openDatabase({
    ...{ url: cloned.url, poolSize: 4, statementTimeoutMs: 5000, connectTimeoutMs: 5000 },
  });
  issued = await made(accountId, false);
});
afterAll(async () => {
  await database.close();
  await token.close();
  await Promise.all([cloned.drop(), hsm.remove()]);
});

async function made(account: string, another: boolean): Promise<IssuedAccessKey> {
  const key = await initialiseAccount({ database, token, place }, account, { another });
  if (key === undefined) throw new Error('no access key was made');
  return key;
}

function accessKeys(): AccessKeys {
  const feed = { trusted: true, epoch: 0, onChange: () => undefined, onReset: () => undefined };
  const cache = new FeedCache<Credential<Principal>>({
    feed,
    capacity: 10,
    keyOf: () => undefined,
  });
  return new AccessKeys({ db: database, sealing: new Sealing(token), cache });
}

const sealedOf = async (accessKeyId: string): Promise<{ sealed_secret: Buffer }> => {
  const [row] = await administer<{ sealed_secret: Buffer }>(
    cloned.url,
    'select sealed_secret from access_key where access_key_id = $1',
    [accessKeyId],
  );
  if (row === undefined) throw new Error('no such access key');
  return row;
};

describe('an account that is initialised', () => {
  test('has a root, an access key of AWS’s form, and one sealing key in the token', async () => {
    expect(issued).toMatchObject({ AccountId: accountId, Arn: rootOf(accountId).arn });
    expect(issued.AccessKeyId).toMatch(/^AKIA[A-Z2-7]{16}$/);
    expect(issued.SecretAccessKey.revealText()).toMatch(/^[A-Za-z0-9+/]{40}$/);
    expect(await token.listKeys('claviger:sealing')).toHaveLength(1);
  });

  test('gets no other access key unasked', async () => {
    const parts = { database, token, place };
    expect(await initialiseAccount(parts, accountId, { another: false })).toBeUndefined();
    expect(await token.listKeys('claviger:sealing')).toHaveLength(1);
  });

  test('gets another when asked, and a second account shares the sealing key', async () => {
    const [again, theirs] = [await made(accountId, true), await made(otherAccountId, false)];
    expect(new Set([issued, again, theirs].map((key) => key.AccessKeyId)).size).toBe(3);
    expect(theirs.Arn).toBe(rootOf(otherAccountId).arn);
    expect(await token.listKeys('claviger:sealing')).toHaveLength(1);
  });

  test('by two processes at once has one access key', async () => {
    const parts = { database, token, place };
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

describe('an access key', () => {
  test('is found with its secret and its principal', async () => {
    const found = await accessKeys().find(issued.AccessKeyId);
    expect(found?.secret.equals(issued.SecretAccessKey)).toBe(true);
    expect(found?.principal).toEqual({ ...rootOf(accountId), accessKeyId: issued.AccessKeyId });
  });

  test('is found at once the second time', async () => {
    const keys = accessKeys();
    const first = await keys.find(issued.AccessKeyId);
    expect(keys.find(issued.AccessKeyId)).toBe(first);
  });

  test('that is inactive or unknown is not found', async () => {
    const { AccessKeyId } = await made(accountId, true);
    await administer(
      cloned.url,
      `update access_key set status = 'Inactive' where access_key_id = $1`,
      [AccessKeyId],
    );
    expect(await accessKeys().find(AccessKeyId)).toBeUndefined();
    expect(await accessKeys().find('AKIANOBODYKNOWSTHIS1')).toBeUndefined();
    expect(await accessKeys().find("' or true --")).toBeUndefined();
  });

  test('whose secret was moved to another’s row opens for neither', async () => {
    const [one, other] = [await made(accountId, true), await made(accountId, true)];
    const { sealed_secret: stolen } = await sealedOf(one.AccessKeyId);
    await administer(
      cloned.url,
      'update access_key set sealed_secret = $2 where access_key_id = $1',
      [other.AccessKeyId, stolen],
    );
    await expect(accessKeys().find(other.AccessKeyId)).rejects.toMatchObject({
      code: 'ciphertext-invalid',
    });
  });

  test('is in the database without its secret', async () => {
    const { sealed_secret: sealed } = await sealedOf(issued.AccessKeyId);
    expect(sealed.length).toBe(12 + 40 + 16);
    expect(sealed.includes(issued.SecretAccessKey.reveal())).toBe(false);
  });
});

describe('sealing', () => {
  test('opens what it sealed for that owner alone', async () => {
    const sealing = new Sealing(token);
    const keyId = await sealing.currentKey(database);
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
    const sealing = new Sealing(token);
    const before = await sealing.currentKey(database);
    const created = await sealing.createKey(database);
    expect(await sealing.currentKey(database)).toBe(created);
    expect(created).not.toBe(before);
    // What the older one sealed still opens.
    expect((await accessKeys().find(issued.AccessKeyId))?.accessKeyId).toBe(issued.AccessKeyId);
  });

  test('has no key before there was one', async () => {
    const empty = await cloneDatabase();
    const other = openDatabase({
      ...{ url: empty.url, poolSize: 1, statementTimeoutMs: 5000, connectTimeoutMs: 5000 },
    });
    expect(await new Sealing(token).currentKey(other)).toBeUndefined();
    await other.close();
    await empty.drop();
  });
});
