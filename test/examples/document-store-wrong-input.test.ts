import type { Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { application } from '../../examples/document-store/app';
import type { Documents } from '../../examples/document-store/documents';
import { Problem } from '../../examples/document-store/problems';
import { callStore } from '../support/document-store';

/** Of a service that has no database and no Claviger: whatever it lets through shows here. */
const asked: string[] = [];
let failure: Error | undefined;
const documents = new Proxy(
  {},
  {
    get: (_, name) => () => {
      asked.push(String(name));
      return failure === undefined ? Promise.resolve(null) : Promise.reject(failure);
    },
  },
) as unknown as Documents;

let server: Server;
let url: string;
let logged: Record<string, unknown>[];
beforeAll(async () => {
  const app = application({
    ...{ documents, maxDocumentBytes: 1000 },
    health: () => Promise.resolve({ database: false, claviger: false }),
    log: (event) => logged.push(event),
  });
  server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  asked.length = 0;
  logged = [];
  failure = undefined;
});

const json = { 'content-type': 'application/json' };
const post = (body: string, headers: Record<string, string> = json): RequestInit => ({
  ...{ method: 'POST', headers, body },
});
const tenantRule = 'The name of a tenant must match ^[a-z\\d][a-z\\d-]{0,62}$';
const documentRule = 'The name of a document must match ^[\\w.-]{1,128}$';
const bodyRule = 'The body must be a JSON object with the member tenant alone';
const unreadable = 'The request cannot be read';
const pageRule = 'after must be the next of another page';
const document = '/tenants/acme/documents/invoice-1';

/** What is wrong, where it is sent, and how it is refused. */
type Row = readonly [string, string, RequestInit, readonly [number, string, string]];

const bad = (detail: string): Row[3] => [400, 'BadRequest', detail];
const notThere: Row[3] = [404, 'NotFound', 'No resource has this path'];
const onlyHas = (methods: string): Row[3] => [
  ...([405, 'MethodNotAllowed', `This resource has ${methods}`] as const),
];
const tooLarge: Row[3] = [413, 'TooLarge', 'It has more bytes than are taken here'];
const encoded: Row[3] = [
  ...([415, 'UnsupportedMediaType'] as const),
  'Content-Encoding is not taken, and JSON is in UTF-8',
];

const typed = (type: string): Record<string, string> => ({ 'content-type': type });
const putting = (body: string, headers = {}): RequestInit => ({ method: 'PUT', body, headers });
const [deleting, posting]: RequestInit[] = [{ method: 'DELETE' }, { method: 'POST' }];

test.each<Row>([
  ['another path', '/', {}, notThere],
  ['a path of another case', '/Tenants', post('{}'), notThere],
  ['a wrong method', '/tenants', {}, onlyHas('POST')],
  ['another wrong method', document, post(''), onlyHas('GET, PUT, DELETE')],
  ['no body', '/tenants', posting!, bad(bodyRule)],
  ['no JSON', '/tenants', post('{"tenant":'), bad(unreadable)],
  ['a list', '/tenants', post('["acme"]'), bad(bodyRule)],
  ['null', '/tenants', post('null'), bad(unreadable)],
  ['no tenant', '/tenants', post('{}'), bad(bodyRule)],
  ['more than a tenant', '/tenants', post('{"tenant":"a","more":1}'), bad(bodyRule)],
  ['a number', '/tenants', post('{"tenant":1}'), bad(tenantRule)],
  ['an empty name', '/tenants', post('{"tenant":""}'), bad(tenantRule)],
  ['a name with a slash', '/tenants', post('{"tenant":"a/b"}'), bad(tenantRule)],
  [
    'a form',
    '/tenants',
    post('tenant=a', typed('application/x-www-form-urlencoded')),
    bad(bodyRule),
  ],
  ['another charset', '/tenants', post('{}', typed('application/json; charset=latin1')), encoded],
  ['a large body', '/tenants', post(`{"tenant":"${'a'.repeat(5000)}"}`), tooLarge],
  ['a tenant in capitals', '/tenants/ACME', deleting!, bad(tenantRule)],
  ['a long tenant', `/tenants/${'a'.repeat(64)}`, deleting!, bad(tenantRule)],
  ['a way up', '/tenants/acme/documents/%2e%2e%2fother', {}, bad(documentRule)],
  ['a name that is not UTF-8', '/tenants/acme/documents/%ff', {}, bad(unreadable)],
  ['a long name', `/tenants/acme/documents/${'a'.repeat(129)}`, {}, bad(documentRule)],
  ['a null byte', '/tenants/acme/documents/a%00', {}, bad(documentRule)],
  ['a large document', document, putting('a'.repeat(1001)), tooLarge],
  ['a compressed document', document, putting('a', { 'content-encoding': 'gzip' }), encoded],
  ['no page', '/tenants/acme/rewrap?after=!', posting!, bad(pageRule)],
  ['two pages', '/tenants/acme/rewrap?after=a&after=b', posting!, bad(pageRule)],
])('%s is refused by a problem document, and nothing is done', async (_, target, init, refusal) => {
  const [status, code, detail] = refusal;
  const answer = await callStore(url + target, init);
  expect(answer).toMatchObject({ status, json: { status, code, detail } });
  expect(answer.json['type']).toBe(`urn:document-store:problem:${code}`);
  expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(asked).toEqual([]);
});

test('A wrong method is told which there are', async () => {
  const answer = await callStore(`${url}${document}`, { method: 'PATCH' });
  expect(answer.headers.get('allow')).toBe('GET, PUT, DELETE');
});

test('A document of the size that is allowed is taken', async () => {
  const answer = await callStore(`${url}${document}`, { method: 'PUT', body: 'a'.repeat(1000) });
  expect(answer.status).toBe(204);
  expect(asked).toEqual(['put']);
});

test('What fails is told without what failed, which the log has under the id of the request', async () => {
  failure = new Error('a text of the database');
  const answer = await callStore(`${url}${document}`, {});
  expect(answer).toMatchObject({
    status: 500,
    json: { code: 'Internal', detail: 'The log of this service says more' },
  });
  expect(answer.text).not.toContain('database');
  expect(logged).toEqual([
    expect.objectContaining({
      requestId: answer.headers.get('x-request-id'),
      ...{ method: 'GET', path: '/tenants/:tenant/documents/:document', tenant: 'acme' },
      ...{ status: 500, code: 'Internal', message: 'a text of the database' },
    }),
  ]);
});

test('What is to be asked again later says when', async () => {
  failure = new Problem('Unavailable', 'Claviger cannot answer now', { retryAfterSeconds: 7 });
  const answer = await callStore(`${url}${document}`, {});
  expect(answer.status).toBe(503);
  expect(answer.headers.get('retry-after')).toBe('7');
});

test('Without its database it says that it is not healthy', async () => {
  expect(await callStore(`${url}/healthz`, {})).toMatchObject({
    ...{ status: 503, json: { database: false, claviger: false } },
  });
});
