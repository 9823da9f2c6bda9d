import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import {
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  RotateKeyOnDemandCommand,
} from '@aws-sdk/client-kms';
import { eventsNamed } from '../support/audit';
import { type TestDaemon, serve, startDaemon } from '../support/daemon';
import {
  type DocumentStore,
  type DocumentStoreSite,
  callStore,
  documentStoreSite,
} from '../support/document-store';
import { createKey } from '../support/kms';
import { listensNoMore } from '../support/listening';
import { administer } from '../support/postgres';
import { until } from '../support/until';

/** Whatever may not show in a log is easily found in it. */
const marker = 'SYNTHETIC-INVOICE';
const text = (what: number | string): string => `${marker} ${what}`;

let daemon: TestDaemon;
let site: DocumentStoreSite;
/** A data key for each document, and five uses of it. */
let store: DocumentStore;
/** On the same database: a data key for a tenant's documents. */
let sharing: DocumentStore;

beforeAll(async () => {
  daemon = await startDaemon();
  site = await documentStoreSite(daemon);
  store = await site.start({ DATA_KEY_MAX_USES: '5' });
  sharing = await site.start({ DATA_KEY_MAX_USES: '5', DATA_KEY_SCOPE: 'tenant' });
});
afterAll(async () => {
  await site.remove();
  await daemon.remove();
});

/** Makes a tenant of a name that no other test has. */
async function newTenant(): Promise<string> {
  const tenant = `t-${randomBytes(4).toString('hex')}`;
  const answer = await store.call('POST', '/tenants', JSON.stringify({ tenant }));
  expect(answer).toMatchObject({ status: 201, json: { tenant, keyId: await keyOf(tenant) } });
  return tenant;
}

const rows = <R extends object>(sql: string, ...values: unknown[]): Promise<R[]> =>
  administer<R>(site.environment['DOCUMENT_STORE_DATABASE_URL'] ?? '', sql, values);

async function keyOf(tenant: string): Promise<string> {
  const [row] = await rows<{ id: string }>(
    'select key_id as id from tenant where tenant = $1',
    tenant,
  );
  return row!.id;
}

const at = (tenant: string, document: string): string => `/tenants/${tenant}/documents/${document}`;

async function put(to: DocumentStore, where: string, body: string): Promise<void> {
  expect((await to.call('PUT', where, body)).status).toBe(204);
}

/** Encryption contexts of a tenant's requests of that kind that Claviger recorded, in order. */
async function contexts(eventName: string, tenant: string): Promise<unknown[]> {
  const records = await eventsNamed(daemon, eventName);
  return records
    .map(
      ({ requestParameters }) => requestParameters as { encryptionContext?: { tenant?: string } },
    )
    .map(({ encryptionContext }) => encryptionContext)
    .filter((context) => context?.tenant === tenant);
}

/** Re-wraps page by page, and gives how many of each kind. */
async function rewrapAll(
  tenant: string,
): Promise<{ rewrapped: number; failed: number; pages: number }> {
  const sum = { rewrapped: 0, failed: 0, pages: 0 };
  for (let next: unknown = ''; typeof next === 'string'; sum.pages += 1) {
    const { status, json } = await store.call('POST', `/tenants/${tenant}/rewrap?after=${next}`);
    expect(status).toBe(200);
    sum.rewrapped += json['rewrapped'] as number;
    sum.failed += json['failed'] as number;
    next = json['next'];
  }
  return sum;
}

test('A document is read as it was written, and the database has neither it nor a key that opens it', async () => {
  const tenant = await newTenant();
  await put(store, at(tenant, 'invoice-1'), text(1));
  const read = await store.call('GET', at(tenant, 'invoice-1'));
  expect(read).toMatchObject({ status: 200, text: text(1) });
  expect(read.headers.get('content-type')).toBe('application/octet-stream');
  expect(read.headers.get('cache-control')).toBe('no-store');
  const [row] = await rows<{ sealed: Buffer; wrapped_key: Buffer }>(
    'select sealed, wrapped_key from document where tenant = $1',
    tenant,
  );
  expect(row!.sealed.includes(marker)).toBe(false);
  expect(row!.sealed.length).toBe(text(1).length + 29);
  await put(store, at(tenant, 'empty'), '');
  expect(await store.call('GET', at(tenant, 'empty'))).toMatchObject({ status: 200, text: '' });
  expect((await store.call('DELETE', at(tenant, 'empty'))).status).toBe(204);
  expect((await store.call('GET', at(tenant, 'empty'))).status).toBe(404);
});

test('Claviger records a data key for each document that is new, and for each five times that one is written', async () => {
  const tenant = await newTenant();
  for (let time = 1; time <= 12; time += 1) await put(store, at(tenant, 'draft'), text(time));
  await put(store, at(tenant, 'other'), text('other'));
  const draft = { tenant, document: 'draft' };
  const made = await contexts('GenerateDataKey', tenant);
  expect(made).toEqual([draft, draft, draft, { tenant, document: 'other' }]);
  for (let time = 1; time <= 10; time += 1) {
    expect((await store.call('GET', at(tenant, 'draft'))).text).toBe(text(12));
  }
  expect(await contexts('Decrypt', tenant)).toEqual([draft]);
});

test('Where documents share data keys, Claviger records one for five of them, and one opening for all that share it', async () => {
  const tenant = await newTenant();
  const names = Array.from({ length: 12 }, (_, number) => `invoice-${number}`);
  await Promise.all(names.map((name) => put(sharing, at(tenant, name), text(name))));
  expect(await contexts('GenerateDataKey', tenant)).toEqual([{ tenant }, { tenant }, { tenant }]);
  // Whatever a process makes, the others read it.
  for (const name of names) {
    expect((await store.call('GET', at(tenant, name))).text).toBe(text(name));
  }
  expect((await contexts('Decrypt', tenant)).length).toBe(3);
});

test('A data key leaves when its time is over', async () => {
  const tenant = await newTenant();
  const brief = await site.start({ DATA_KEY_MAX_AGE_SECONDS: '1' });
  await until('another data key is asked for', async () => {
    await put(brief, at(tenant, 'draft'), text(1));
    return (await contexts('GenerateDataKey', tenant)).length > 1;
  });
  await brief.stop();
});

test('After a rotation every data key is wrapped anew, page by page, while documents are written and read', async () => {
  const tenant = await newTenant();
  const keyId = await keyOf(tenant);
  const names = Array.from({ length: 104 }, (_, number) => `invoice-${number}`);
  await Promise.all(names.map((name) => put(store, at(tenant, name), text(name))));
  for (const name of ['a', 'b', 'c']) await put(sharing, at(tenant, name), text(name));
  const all = [...names, 'a', 'b', 'c'];
  const sealed = (): Promise<object[]> =>
    rows('select document, sealed from document where tenant = $1 order by 1', tenant);
  const before = await sealed();

  const kms = daemon.client();
  await kms.send(new RotateKeyOnDemandCommand({ KeyId: keyId }));
  const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: keyId }));
  // The first page alone, as if whoever asks for them had died then.
  const first = await store.call('POST', `/tenants/${tenant}/rewrap`);
  expect(first.json).toEqual({
    rewrapped: 100,
    failed: 0,
    next: expect.stringMatching(/^[\w-]+$/) as unknown,
  });
  // Four that have a data key each, and the one that three have in common.
  const reading = Promise.all(all.map((name) => store.call('GET', at(tenant, name))));
  expect(await rewrapAll(tenant)).toEqual({ rewrapped: 5, failed: 0, pages: 1 });
  expect((await reading).map((read) => read.text)).toEqual(all.map(text));

  expect(await sealed()).toEqual(before);
  const materials = 'select distinct key_material_id as id from document where tenant = $1';
  expect(await rows(materials, tenant)).toEqual([{ id: KeyMetadata?.CurrentKeyMaterialId }]);
  const again = await Promise.all(all.map((name) => sharing.call('GET', at(tenant, name))));
  expect(again.map((read) => read.text)).toEqual(all.map(text));
  expect(await rewrapAll(tenant)).toEqual({ rewrapped: 0, failed: 0, pages: 1 });
});

test('A document that is written while data keys are wrapped anew is the one that was written', async () => {
  const tenant = await newTenant();
  const names = Array.from({ length: 20 }, (_, number) => `draft-${number}`);
  for (const name of names) await put(store, at(tenant, name), text('old'));
  await daemon.client().send(new RotateKeyOnDemandCommand({ KeyId: await keyOf(tenant) }));
  const writing = Promise.all(names.map((name) => put(sharing, at(tenant, name), text('new'))));
  await Promise.all([rewrapAll(tenant), rewrapAll(tenant), writing]);
  expect(await rewrapAll(tenant)).toMatchObject({ failed: 0 });
  for (const name of names) {
    expect((await store.call('GET', at(tenant, name))).text).toBe(text('new'));
  }
});

const damaged = { status: 500, json: { code: 'Damaged', detail: 'It is not what was stored' } };

test.each([
  ['the row of another document', 'sealed = o.sealed, wrapped_key = o.wrapped_key', 'invoice-2'],
  ['the document of another, under its own key', 'sealed = o.sealed', 'invoice-2'],
  ['its own document, under the key of another', 'wrapped_key = o.wrapped_key', 'invoice-2'],
])(
  'With %s in its place a document is refused, though all keys are in memory',
  async (_, set, other) => {
    const tenant = await newTenant();
    for (const name of ['invoice-1', other]) {
      await put(store, at(tenant, name), text(name));
      expect((await store.call('GET', at(tenant, name))).text).toBe(text(name));
    }
    await rows(
      `update document d set ${set} from document o
     where d.tenant = $1 and o.tenant = $1 and d.document = 'invoice-1' and o.document = $2`,
      tenant,
      other,
    );
    expect(await store.call('GET', at(tenant, 'invoice-1'))).toMatchObject(damaged);
    expect((await store.call('GET', at(tenant, other))).text).toBe(text(other));
  },
);

test.each(['document', 'tenant'])(
  'The row of another tenant is refused, whose data key is for a %s',
  async (scope) => {
    const by = scope === 'tenant' ? sharing : store;
    const [mine, theirs] = [await newTenant(), await newTenant()];
    await put(by, at(theirs, 'invoice-1'), text('theirs'));
    await rows(
      `insert into document select $1, document, sealed, wrapped_key, key_for, key_material_id
     from document where tenant = $2`,
      mine,
      theirs,
    );
    expect(await by.call('GET', at(mine, 'invoice-1'))).toMatchObject(damaged);
    expect((await by.call('GET', at(theirs, 'invoice-1'))).text).toBe(text('theirs'));
    // Claviger refused it: the data key is of another key.
    const refused = (await eventsNamed(daemon, 'Decrypt')).at(-2);
    expect(refused).toMatchObject({ errorCode: 'IncorrectKeyException' });
    // Nor is that wrapped anew; the rest of the page is.
    await put(by, at(mine, 'invoice-2'), text('mine'));
    await daemon.client().send(new RotateKeyOnDemandCommand({ KeyId: await keyOf(mine) }));
    expect(await rewrapAll(mine)).toEqual({ rewrapped: 1, failed: 1, pages: 1 });
    expect((await by.call('GET', at(mine, 'invoice-2'))).text).toBe(text('mine'));
  },
);

test('What is shredded is unreadable at once for every process, keys in memory and rows that come back included', async () => {
  const tenant = await newTenant();
  const document = at(tenant, 'invoice-1');
  await put(store, document, text(1));
  for (const one of [store, sharing]) expect((await one.call('GET', document)).text).toBe(text(1));
  const { status, json } = await store.call('DELETE', `/tenants/${tenant}`);
  expect({ status, json }).toEqual({
    status: 200,
    json: { tenant, keyDeletionDate: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as unknown },
  });
  for (const one of [store, sharing]) {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      expect(await one.call(method, document)).toMatchObject({
        status: 410,
        json: { code: 'TenantShredded' },
      });
    }
  }
  const again = await sharing.call('DELETE', `/tenants/${tenant}`);
  expect(again.json).toEqual(json);
  const { KeyMetadata } = await daemon
    .client()
    .send(new DescribeKeyCommand({ KeyId: await keyOf(tenant) }));
  expect(KeyMetadata?.KeyState).toBe('PendingDeletion');
  // A backup that was restored: the rows are there again.
  await rows('update tenant set shredded_at = null where tenant = $1', tenant);
  for (const one of [store, sharing]) {
    for (const method of ['GET', 'PUT']) {
      expect(await one.call(method, document)).toMatchObject({
        status: 410,
        json: { code: 'TenantShredded' },
      });
    }
  }
  await rows('update tenant set shredded_at = now() where tenant = $1', tenant);
  const anew = await store.call('POST', '/tenants', JSON.stringify({ tenant }));
  expect(anew).toMatchObject({ status: 410, json: { code: 'TenantShredded' } });
});

test('A key that an administrator disables keeps documents closed until it is enabled again', async () => {
  const tenant = await newTenant();
  const document = at(tenant, 'invoice-1');
  await put(store, document, text(1));
  const KeyId = await keyOf(tenant);
  await daemon.client().send(new DisableKeyCommand({ KeyId }));
  expect(await store.call('GET', document)).toMatchObject({
    status: 409,
    json: { code: 'KeyDisabled' },
  });
  await daemon.client().send(new EnableKeyCommand({ KeyId }));
  expect((await store.call('GET', document)).text).toBe(text(1));
});

test('A crash between the key and its row makes no second key', async () => {
  const tenant = await newTenant();
  const keyId = await keyOf(tenant);
  await rows('update tenant set key_id = null where tenant = $1', tenant);
  expect((await store.call('GET', at(tenant, 'invoice-1'))).status).toBe(404);
  const again = await store.call('POST', '/tenants', JSON.stringify({ tenant }));
  expect(again.status).toBe(201);
  expect(await keyOf(tenant)).toBe(keyId);
  expect(await store.call('POST', '/tenants', JSON.stringify({ tenant }))).toMatchObject({
    ...{ status: 409, json: { code: 'TenantExists' } },
  });
});

test('The API token is of use for what the service does with keys of its own, and for nothing else', async () => {
  const tenant = await newTenant();
  await put(store, at(tenant, 'invoice-1'), text(1));
  const [own, { id: other }] = [await keyOf(tenant), await createKey(daemon.client())];
  const tags = { Tags: [{ TagKey: 'service', TagValue: 'document-store' }] };
  const tenantsKey = { KeySpec: 'AES_256', EncryptionContext: { tenant } };
  const statuses: Record<string, number> = {};
  const ask = async (line: string, body?: object): Promise<void> => {
    const [method = '', target = ''] = line.split(' ');
    const headers = {
      authorization: `Bearer ${await site.token()}`,
      ...(body && { 'content-type': 'application/json' }),
    };
    const sent = { method, headers, ...(body && { body: JSON.stringify(body) }) };
    statuses[line] = (await callStore(daemon.endpoint + target, sent)).status;
  };
  const makeDataKey = `POST /v1/keys/${own}/generate-data-key`;
  await ask(makeDataKey, tenantsKey);
  expect(statuses).toEqual({ [makeDataKey]: 200 });
  // The same without a tenant.
  await ask(makeDataKey, { KeySpec: 'AES_256' });
  await ask('GET /v1/keys');
  await ask('POST /v1/keys', {});
  await ask('POST /v1/api-tokens', {});
  await ask(`POST /v1/keys/${own}/encrypt`, { Plaintext: 'AAAA', EncryptionContext: { tenant } });
  await ask(`POST /v1/keys/${own}/rotations`);
  await ask(`POST /v1/keys/${own}/cancel-deletion`);
  await ask(`POST /v1/keys/${own}/disable`);
  await ask(`GET /v1/keys/${own}/policy`);
  await ask(`DELETE /v1/keys/${own}/tags?TagKeys=service`);
  await ask(`POST /v1/keys/${other}/generate-data-key`, tenantsKey);
  await ask(`POST /v1/keys/${other}/tags`, tags);
  await ask(`DELETE /v1/keys/${other}`);
  await ask('POST /v1/aliases', { AliasName: 'alias/mine', TargetKeyId: other });
  expect(Object.entries(statuses).filter(([, status]) => status !== 403)).toEqual([]);
  expect(Object.keys(statuses).length).toBe(14);
});

test('What is being sent when it is told to end is still taken', async () => {
  const tenant = await newTenant();
  const ending = await site.start();
  const headers = { expect: '100-continue' };
  const sending = request(ending.url + at(tenant, 'invoice-1'), { method: 'PUT', headers });
  sending.flushHeaders();
  await once(sending, 'continue');
  const ended = ending.stop();
  await until('it listens no more', () => listensNoMore(ending.url));
  sending.end(text(1));
  const [{ statusCode }] = (await once(sending, 'response')) as [IncomingMessage];
  expect(statusCode).toBe(204);
  expect(await ended).toBe(0);
  expect((await store.call('GET', at(tenant, 'invoice-1'))).text).toBe(text(1));
});

test('While Claviger is away, what is in memory is read and the rest is put off; when it is back, all goes on', async () => {
  const tenant = await newTenant();
  const document = at(tenant, 'invoice-1');
  await put(store, document, text(1));
  expect((await store.call('GET', document)).text).toBe(text(1));
  await daemon.stop();
  expect((await store.call('GET', document)).text).toBe(text(1));
  const putOff = await store.call('PUT', at(tenant, 'invoice-2'), text(2));
  expect(putOff).toMatchObject({
    status: 503,
    json: { code: 'Unavailable', title: 'Claviger or the database cannot answer now' },
  });
  expect(putOff.headers.get('retry-after')).toBe('2');
  expect(putOff.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  expect(await store.call('GET', '/healthz')).toMatchObject({
    ...{ status: 200, json: { database: true, claviger: false } },
  });
  // What was asked to be shredded is not read from now on, though Claviger is still to be told.
  expect((await store.call('DELETE', `/tenants/${tenant}`)).status).toBe(503);
  expect((await store.call('GET', document)).status).toBe(410);

  const { child } = await serve({ ...daemon.environment, CLAVIGER_PORT: String(daemon.port) });
  try {
    expect((await store.call('DELETE', `/tenants/${tenant}`)).status).toBe(200);
    const other = await newTenant();
    await put(store, at(other, 'invoice-1'), text(1));
    expect((await sharing.call('GET', at(other, 'invoice-1'))).text).toBe(text(1));
    expect((await store.call('GET', '/healthz')).json).toEqual({ database: true, claviger: true });
  } finally {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
});

test('It ends cleanly, and nothing that is secret has been logged', async () => {
  const token = await site.token();
  for (const one of [store, sharing]) {
    expect(await one.stop()).toBe(0);
    expect(one.log()).toMatch(/"path":"\/tenants\/:tenant\/documents\/:document","tenant":"t-/);
    expect(one.log()).not.toContain(marker);
    expect(one.log()).not.toContain(token);
    expect(one.log()).not.toContain(Buffer.from(marker).toString('base64').slice(0, 20));
  }
});
