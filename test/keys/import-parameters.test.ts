import { HsmError, type Token } from '../../hsm';
import { tokenWith } from '../support/token-with';
import { administer } from '../support/postgres';
import { type Site, openSite, perform } from '../support/site';

let site: Site;
beforeAll(async () => {
  site = await openSite();
});
afterAll(() => site.close());

interface Created {
  readonly KeyMetadata: { readonly KeyId: string };
}

const wrapping = { WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_2048' };

/** The advisory locks of this database: the only ones are those of tokens. */
async function tokenLocks(): Promise<number> {
  const held = `
    select from pg_locks
    where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`;
  return (await administer(site.url, held)).length;
}

/** GetParametersForImport by a worker with this generation of pairs. */
async function getParameters(generate: Token['generateImportKeyPair']): Promise<void> {
  const { database, token } = site;
  const worker = site.worker({
    database,
    token: tokenWith(token, { generateImportKeyPair: generate }),
  });
  const { KeyMetadata } = await perform<Created>(worker, 'CreateKey', { Origin: 'EXTERNAL' });
  await perform(worker, 'GetParametersForImport', { KeyId: KeyMetadata.KeyId, ...wrapping });
}

test('a CreateKey that begins while a pair is generated is answered before the pair is', async () => {
  const { token } = site;
  const order: string[] = [];
  await getParameters(async (id, label, wanted) => {
    const generating = token.generateImportKeyPair(id, label, {
      ...wanted,
      // As slow as it may be.
      exclusively: async (work) => {
        await created;
        return wanted.exclusively?.(work) ?? work();
      },
    });
    const created = perform(site.worker(), 'CreateKey', {}).then(() => order.push('CreateKey'));
    const publicKey = await generating;
    order.push('pair');
    return publicKey;
  });
  expect(order).toEqual(['CreateKey', 'pair']);
});

test('the token is locked for the copy of a pair only, and the object entered before', async () => {
  const { token } = site;
  const seen: unknown[] = [];
  const look = async (id: string): Promise<void> => {
    const text = `select from doomed_object where token_key_id = '${id}'`;
    const entries = await administer(site.url, text);
    const objects = await token.listObjects('claviger:import:');
    seen.push({
      locks: await tokenLocks(),
      entries: entries.length,
      inToken: objects.some((object) => object.id === id),
    });
  };
  await getParameters(async (id, label, wanted) => {
    const publicKey = await token.generateImportKeyPair(id, label, {
      ...wanted,
      exclusively: async (work) => {
        await look(id);
        const exclusively = wanted.exclusively ?? ((now) => now());
        return exclusively(async () => {
          await look(id);
          return work();
        });
      },
    });
    await look(id);
    return publicKey;
  });
  expect(seen).toEqual([
    { locks: 0, entries: 1, inToken: false },
    { locks: 1, entries: 1, inToken: false },
    { locks: 0, entries: 1, inToken: true },
  ]);
});

test('a pair for which there is no turn takes none of the places of the account', async () => {
  const entries = 'select from doomed_object where account_id is not null';
  const before = (await administer(site.url, entries)).length;
  const asking = getParameters(() => Promise.reject(new HsmError('busy', 'too many')));
  await expect(asking).rejects.toMatchObject({ code: 'ThrottlingException' });
  expect(await administer(site.url, entries)).toHaveLength(before);
});

test('keys are created while parameters are made again and again, and none fails', async () => {
  const worker = site.worker();
  const { KeyMetadata } = await perform<Created>(worker, 'CreateKey', { Origin: 'EXTERNAL' });
  const input = { ...wrapping, KeyId: KeyMetadata.KeyId, WrappingKeySpec: 'RSA_4096' };
  const progress = { done: false };
  const making = Promise.all(
    [1, 2, 3].map(() => perform(worker, 'GetParametersForImport', input)),
  ).finally(() => {
    progress.done = true;
  });
  const keyIds: string[] = [];
  while (!progress.done) {
    keyIds.push((await perform<Created>(worker, 'CreateKey', {})).KeyMetadata.KeyId);
  }
  const made = await making;
  expect(new Set(made.map(({ ['PublicKey']: publicKey }) => publicKey)).size).toBe(3);
  expect(new Set(keyIds).size).toBe(keyIds.length);
  const ids = keyIds.map((id) => `'${id}'`).join(',');
  const text = `select from kms_key where state = 'Enabled' and key_id in (${ids})`;
  expect(await administer(site.url, text)).toHaveLength(keyIds.length);
});
