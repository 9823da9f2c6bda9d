import { ModuleKind, ScriptTarget, transpile } from 'typescript';
import * as library from '../../../clients/typescript/src';
import {
  type ClavigerClient,
  createClavigerClient,
  fromBase64,
  toBase64,
} from '../../../clients/typescript/src';
import { type TestDaemon, startDaemon } from '../../support/daemon';
import { auditOf } from '../../support/kms';
import { snippetUnder } from '../../support/snippets';

const readme = 'clients/typescript/README.md';

let daemon: TestDaemon;
let claviger: ClavigerClient;

beforeAll(async () => {
  daemon = await startDaemon();
  const { endpoint: baseUrl, credentials, region } = daemon;
  claviger = createClavigerClient({ baseUrl, credentials, region, retries: false });
});
afterAll(() => daemon.remove());

/** A new key, by its id and an alias. */
async function newKey(alias?: string): Promise<string> {
  const { data } = await claviger.POST('/v1/keys', { body: {} });
  const TargetKeyId = data.KeyMetadata.KeyId;
  if (alias !== undefined) {
    await claviger.POST('/v1/aliases', { body: { AliasName: alias, TargetKeyId } });
  }
  return TargetKeyId;
}

const of = (KeyId: string) => ({ params: { path: { KeyId } } });

test('A data key is made, wrapped, and unwrapped again under its encryption context alone', async () => {
  await newKey('alias/invoices');
  const EncryptionContext = { tenant: 'Größe 7/42' };
  const made = await claviger.POST('/v1/keys/{KeyId}/generate-data-key', {
    ...of('alias/invoices'),
    body: { KeySpec: 'AES_256', EncryptionContext },
  });
  const { Plaintext, CiphertextBlob } = made.data;
  expect(fromBase64(Plaintext)).toHaveLength(32);
  const decrypt = (context: Record<string, string>) =>
    claviger.POST('/v1/keys/{KeyId}/decrypt', {
      ...of('alias/invoices'),
      body: { CiphertextBlob, EncryptionContext: context },
    });
  expect((await decrypt(EncryptionContext)).data.Plaintext).toBe(Plaintext);
  await expect(decrypt({ tenant: '8' })).rejects.toMatchObject({
    ...{ code: 'InvalidCiphertextException', status: 422 },
  });
});

test('The README shows how: its code does what it says', async () => {
  await newKey('alias/readme');
  const { data } = await claviger.POST('/v1/api-tokens');
  const shown = snippetUnder(readme, 'Wrap and unwrap a data key', 'ts')
    .replace("'http://127.0.0.1:4599'", `'${daemon.endpoint}'`)
    .replace('process.env.CLAVIGER_TOKEN!', `'${data.Token}'`)
    .replace('alias/invoices', 'alias/readme')
    .replace(/^import (.*) from '@claviger\/client';$/m, 'const $1 = library;');
  const options = { target: ScriptTarget.ES2022, module: ModuleKind.ESNext };
  const code = transpile(`${shown}\nreturn { dataKey, sameKey };`, options);
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- code of this checkout
  const run = new Function('library', `return (async () => {${code}})();`) as (
    given: object,
  ) => Promise<Record<'dataKey' | 'sameKey', Uint8Array>>;
  const { dataKey, sameKey } = await run(library);
  expect(dataKey).toHaveLength(32);
  expect(sameKey).toEqual(dataKey);
});

test('A text is encrypted and decrypted as bytes', async () => {
  const key = of(await newKey());
  const Plaintext = toBase64('Schlüssel');
  const { data } = await claviger.POST('/v1/keys/{KeyId}/encrypt', { ...key, body: { Plaintext } });
  const { CiphertextBlob } = data;
  const decrypted = await claviger.POST('/v1/keys/{KeyId}/decrypt', {
    ...key,
    body: { CiphertextBlob },
  });
  expect(Buffer.from(fromBase64(decrypted.data.Plaintext)).toString()).toBe('Schlüssel');
});

test('A list is given page by page, as far as it is wanted', async () => {
  const names = ['alias/p-1', 'alias/p-2', 'alias/p-3', 'alias/p-4', 'alias/p-5'];
  const TargetKeyId = await newKey();
  for (const AliasName of names) {
    await claviger.POST('/v1/aliases', { body: { AliasName, TargetKeyId } });
  }
  const query = { KeyId: TargetKeyId, limit: 2 };
  const pages: (string | undefined)[][] = [];
  for await (const { Aliases } of claviger.pages('/v1/aliases', { params: { query } })) {
    pages.push(Aliases.map(({ AliasName }) => AliasName));
  }
  expect(pages).toEqual([names.slice(0, 2), names.slice(2, 4), names.slice(4)]);
  for await (const { next } of claviger.pages('/v1/aliases', { params: { query } })) {
    const rest = claviger.pages('/v1/aliases', { params: { query: { ...query, cursor: next! } } });
    const { value } = await rest.next();
    expect(value?.Aliases[0]?.AliasName).toBe('alias/p-3');
    break;
  }
});

test('A batch gives what became of each of its entries', async () => {
  const KeyId = await newKey();
  const { data } = await claviger.POST('/v1/batch', {
    body: {
      Entries: [
        { Operation: 'Encrypt', Input: { KeyId, Plaintext: toBase64('x') } },
        { Operation: 'GenerateDataKey', Input: { KeyId: 'alias/none', KeySpec: 'AES_256' } },
      ],
    },
  });
  const codes = data.Results.map((result) => ('Problem' in result ? result.Problem.code : 'done'));
  expect([codes, data.Failed]).toEqual([['done', 'NotFoundException'], 1]);
});

test('What has no body to answer gives no data, and what is made says where it is', async () => {
  const KeyId = await newKey();
  const tagged = await claviger.POST('/v1/keys/{KeyId}/tags', {
    ...of(KeyId),
    body: { Tags: ['a b', 'c/d'].map((TagKey) => ({ TagKey, TagValue: 'x' })) },
  });
  expect([tagged.response.status, tagged.data]).toEqual([204, undefined]);
  await claviger.DELETE('/v1/keys/{KeyId}/tags', {
    params: { path: { KeyId }, query: { TagKeys: ['a b', 'c/d'] } },
  });
  const { data } = await claviger.GET('/v1/keys/{KeyId}/tags', of(KeyId));
  expect(data.Tags).toEqual([]);
  const { response } = await claviger.POST('/v1/keys');
  expect([response.status, response.headers.get('location')]).toEqual([
    201,
    expect.stringMatching(/^\/v1\/keys\/[0-9a-f-]{36}$/),
  ]);
});

test('A creation that is sent twice with one Idempotency-Key is done once', async () => {
  const twice = { params: { header: { 'Idempotency-Key': 'client-1' } }, body: {} };
  const [one, other] = [
    await claviger.POST('/v1/keys', twice),
    await claviger.POST('/v1/keys', twice),
  ];
  expect(other.data).toEqual(one.data);
});

test('An answer that got lost is asked for again, and nothing is done twice', async () => {
  let sent = 0;
  const losing = createClavigerClient({
    ...{ baseUrl: daemon.endpoint, credentials: daemon.credentials, retries: { baseWaitMs: 1 } },
    fetch: async (request) => {
      const answer = await fetch(request);
      sent += 1;
      if (sent === 1) throw new TypeError('fetch failed');
      return answer;
    },
  });
  const before = await keyCount();
  expect((await losing.POST('/v1/keys')).data.KeyMetadata.KeyId).toBeDefined();
  expect([sent, (await keyCount()) - before]).toEqual([2, 1]);
});

async function keyCount(): Promise<number> {
  let count = 0;
  for await (const { Keys } of claviger.pages('/v1/keys')) count += Keys.length;
  return count;
}

test('A refusal has its code, status, request and every violation', async () => {
  const body = { KeySpec: 'AES_256', NumberOfBytes: 0, Tenant: 'x' } as object;
  const call = claviger.POST('/v1/keys/{KeyId}/generate-data-key', { ...of('alias/none'), body });
  await expect(call).rejects.toMatchObject({
    code: 'ValidationException',
    status: 422,
    errors: [
      expect.objectContaining({ in: 'body', pointer: '#/NumberOfBytes' }),
      expect.objectContaining({ in: 'body', pointer: '#/Tenant' }),
    ],
  });
  const missing = claviger.GET('/v1/keys/{KeyId}', of('alias/none'));
  const error: unknown = await missing.catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'NotFoundException', status: 404, errors: [] });
  expect(await auditOf(daemon, (error as { requestId: string }).requestId)).toMatchObject({
    eventName: 'DescribeKey',
    errorCode: 'NotFoundException',
    userAgent: 'claviger-typescript',
  });
});

test('Middleware of openapi-fetch sees requests and answers', async () => {
  const seen: string[] = [];
  const middleware = {
    onRequest: ({ schemaPath }: { schemaPath: string }) => void seen.push(schemaPath),
    onResponse: ({ response }: { response: Response }) => void seen.push(String(response.status)),
  };
  claviger.use(middleware);
  await claviger.POST('/v1/random', { body: { NumberOfBytes: 8 } });
  claviger.eject(middleware);
  await claviger.POST('/v1/random', { body: { NumberOfBytes: 8 } });
  expect(seen).toEqual(['/v1/random', '200']);
});
