import { Router } from 'express';
import { createServer } from '../../src/server';
import type { Listener } from '../../src/server';
import { createApp } from '../../src/server/app';
import { recordingLog } from '../support/log';

let listener: Listener;
let url: string;
const { log, events } = recordingLog();

beforeAll(async () => {
  const router = Router({ caseSensitive: true, strict: true });
  router.get('/page', (_req, res) => void res.send('page'));
  router.get('/late', (_req, res) => {
    res.write('begun');
    throw new Error('after the headers');
  });
  const app = createApp([router], log);
  listener = createServer({ aws: app, rest: app }, { host: '127.0.0.1', port: 0 });
  url = `http://127.0.0.1:${(await listener.listen()).port}`;
});

afterAll(() => listener.close(0));

test.each(['/', '/nothing', '/page/', '/PAGE', '/page/../etc'])(
  'the path %s that nobody serves is a 404 in JSON',
  async (path) => {
    const answer = await fetch(url + path);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toEqual({ message: 'Not Found' });
  },
);

test('every answer forbids sniffing, framing, rendering and keeping', async () => {
  for (const path of ['/page', '/nothing']) {
    const { headers } = await fetch(url + path);
    expect(Object.fromEntries(headers)).toMatchObject({
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    });
    expect(headers.has('x-powered-by')).toBe(false);
    expect(headers.has('strict-transport-security')).toBe(false);
  }
});

test('a broken escape in the path is the client’s fault', async () => {
  const answer = await fetch(`${url}/%E0%A4%A`);
  expect([400, 404]).toContain(answer.status);
  expect(events).toEqual([]);
});

test('an answer that fails half-way is cut, not completed', async () => {
  const answer = await fetch(`${url}/late`);
  await expect(answer.text()).rejects.toThrow('terminated');
  expect(events).toEqual([
    { level: 'error', message: 'a request failed', fields: { error: 'Error: after the headers' } },
  ]);
});
