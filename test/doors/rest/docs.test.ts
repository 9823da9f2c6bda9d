import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { docsRouter } from '../../../src/doors/rest/docs';
import { openApiDocument } from '../../../src/rest/openapi/document';
import { createApp } from '../../../src/server/app';

let server: Server;
let origin: string;
beforeAll(async () => {
  server = createServer(createApp([docsRouter()]));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

const get = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${origin}${path}`, { redirect: 'manual', ...init });

/** The paths that the page names. */
async function linked(): Promise<string[]> {
  const page = await (await get('/docs')).text();
  return [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path = '']) => path);
}

test('The document is served as JSON to everybody', async () => {
  const answer = await get('/v1/openapi.json');
  expect([answer.status, answer.headers.get('content-type')]).toEqual([
    200,
    'application/json; charset=utf-8',
  ]);
  expect(await answer.json()).toEqual(openApiDocument());
});

test.each(['/v1/openapi.json', '/docs'])('%s is not sent again to who has it', async (path) => {
  const first = await get(path);
  expect(first.headers.get('cache-control')).toBe('no-cache');
  const etag = String(first.headers.get('etag'));
  expect(etag).toMatch(/^"[\w-]{43}"$/);
  // Without it, fetch asks for a new copy of what it has a validator of.
  const again = await get(path, {
    headers: { 'If-None-Match': etag, 'Cache-Control': 'max-age=0' },
  });
  expect([again.status, await again.text()]).toEqual([304, '']);
});

test('The page may do what it needs, and nothing else', async () => {
  const { status, headers } = await get('/docs');
  expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
  const policy = String(headers.get('content-security-policy')).split('; ');
  expect(policy.sort()).toEqual([
    "base-uri 'none'",
    "connect-src 'self'",
    "default-src 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "img-src 'self' data:",
    "script-src 'self'",
    "style-src 'self'",
  ]);
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('x-frame-options')).toBe('DENY');
  expect(headers.get('referrer-policy')).toBe('no-referrer');
});

test('The page has nothing inline and names no other host', async () => {
  const page = await (await get('/docs')).text();
  expect(page).not.toMatch(/https?:|\/\/|<style|style=|\son\w+=/i);
  for (const [, attributes, content] of page.matchAll(/<script([^>]*)>([^<]*)</g)) {
    expect([attributes, content]).toEqual([expect.stringMatching(/^ src="\/docs\//), '']);
  }
});

test('Everything that the page names is there, and is kept for ever', async () => {
  const paths = await linked();
  expect(paths).toHaveLength(5);
  for (const path of paths) {
    const { status, headers } = await get(path);
    expect([path, status]).toEqual([path, 200]);
    expect(headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(headers.get('content-type')).toMatch(
      /^(text\/(javascript|css); charset=utf-8|image\/png)$/,
    );
    // Of the page alone.
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none'; frame-ancestors 'none'",
    );
  }
});

test('The page asks this daemon for the document, and no validator', async () => {
  const script = (await linked()).find((path) => path.endsWith('/page.js')) ?? '';
  const text = await (await get(script)).text();
  expect(text).toContain("url: '/v1/openapi.json'");
  expect(text).toContain('validatorUrl: null');
  expect(text).toContain('persistAuthorization: false');
  expect(text).not.toMatch(/https?:/);
});

test.each([
  '/docs/DIGEST/package.json',
  '/docs/DIGEST/index.html',
  '/docs/DIGEST/..%2fpackage.json',
  '/docs/DIGEST/%2e%2e%2f%2e%2e%2fexpress%2fpackage.json',
  '/docs/DIGEST/swagger-ui.css%00',
  '/docs/DIGEST/__proto__',
  '/docs/DIGEST/',
  '/docs/0000000000000000/swagger-ui.css',
  '/docs/swagger-ui.css',
  '/docs/index.html',
])('%s is not there', async (path) => {
  const [one = ''] = await linked();
  const digest = one.split('/')[2] ?? '';
  expect((await get(path.replace('DIGEST', digest))).status).toBe(404);
});

test('A slash too many leads to the page', async () => {
  const { status, headers } = await get('/docs/');
  expect([status, headers.get('location')]).toEqual([308, '/docs']);
});

test.each(['/v1/openapi.json', '/docs'])('%s can only be read', async (path) => {
  const answer = await get(path, { method: 'POST', body: '{}' });
  expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  const head = await get(path, { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
});
