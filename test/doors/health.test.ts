import { createApp } from '../../src/server/app';
import { type HealthOptions, healthRouter } from '../../src/doors/health';
import { type ReadinessCheck, type ReadinessOptions, readiness } from '../../src/doors/readiness';
import { createServer } from '../../src/server';
import type { Listener } from '../../src/server';
import { recordingLog } from '../support/log';

const open: Listener[] = [];
const { log, events } = recordingLog();

afterEach(async () => {
  events.length = 0;
  await Promise.all(open.splice(0).map((listener) => listener.close(0)));
});

const up: HealthOptions['metrics'] = () =>
  Promise.resolve({ contentType: 'text/plain; version=0.0.4; charset=utf-8', body: 'up 1\n' });

async function start({
  metrics = up,
  ...options
}: Partial<ReadinessOptions & HealthOptions> = {}): Promise<string> {
  const failing = readiness({ checks: [], log, ...options });
  const router = healthRouter({ failing, metrics });
  const app = createApp([router], log);
  const listener = createServer({ aws: app, rest: app }, { host: '127.0.0.1', port: 0 });
  open.push(listener);
  return `http://127.0.0.1:${(await listener.listen()).port}`;
}

async function get(url: string): Promise<{ status: number; body: unknown }> {
  const answer = await fetch(url);
  return { status: answer.status, body: await answer.json() };
}

const good: ReadinessCheck = { name: 'database', check: () => Promise.resolve() };
const ready = { status: 200, body: { status: 'ready' } };
const unavailable = (...failing: string[]): { status: number; body: unknown } => ({
  status: 503,
  body: { status: 'unavailable', failing },
});

test('a process that answers is alive, whatever else fails', async () => {
  const bad = { name: 'token', check: () => Promise.reject(new Error('gone')) };
  const url = await start({ checks: [bad] });
  expect(await get(`${url}/healthz`)).toEqual({ status: 200, body: { status: 'ok' } });
});

test('a service is ready when every check passes', async () => {
  const url = await start({ checks: [good, { ...good, name: 'token' }] });
  expect(await get(`${url}/readyz`)).toEqual(ready);
});

test('a service that is not ready names the part, and only the log says why', async () => {
  const bad = {
    name: 'token',
    check: () => Promise.reject(new Error('CKR_DEVICE_ERROR in slot 7')),
  };
  const url = await start({ checks: [good, bad] });
  expect(await get(`${url}/readyz`)).toEqual(unavailable('token'));
  expect(events).toEqual([
    {
      level: 'warn',
      message: 'a readiness check failed',
      fields: { check: 'token', error: 'Error: CKR_DEVICE_ERROR in slot 7' },
    },
  ]);
});

test('a check that throws at once is a check that failed', async () => {
  const check = (): never => {
    throw new Error('thrown');
  };
  const url = await start({ checks: [{ name: 'token', check }] });
  expect(await get(`${url}/readyz`)).toEqual(unavailable('token'));
});

test('callers at the same time share one run, whose result is good for a second', async () => {
  let now = 0;
  let runs = 0;
  let fails = false;
  let finish = (): void => undefined;
  const check = (): Promise<void> => {
    runs++;
    if (fails) return Promise.reject(new Error('now failing'));
    return new Promise((resolve) => (finish = resolve));
  };
  const url = await start({ checks: [{ name: 'token', check }], now: () => now });
  const calls = [1, 2, 3].map(() => get(`${url}/readyz`));
  while (runs === 0) await get(`${url}/healthz`);
  now = 5000;
  finish();
  expect(await Promise.all(calls)).toEqual([ready, ready, ready]);
  fails = true;
  now = 5999;
  expect(await get(`${url}/readyz`)).toEqual(ready);
  expect(runs).toBe(1);
  now = 6000;
  expect(await get(`${url}/readyz`)).toEqual(unavailable('token'));
  expect(runs).toBe(2);
});

test('a check that hangs fails in time, and is not started again while it hangs', async () => {
  let runs = 0;
  let release = (): void => undefined;
  const check = (): Promise<void> => {
    runs++;
    return runs > 1 ? Promise.resolve() : new Promise((resolve) => (release = resolve));
  };
  const url = await start({ checks: [good, { name: 'token', check }], timeoutMs: 20, cacheMs: 0 });
  expect(await get(`${url}/readyz`)).toEqual(unavailable('token'));
  expect(await get(`${url}/readyz`)).toEqual(unavailable('token'));
  expect(runs).toBe(1);
  expect(events[0]?.fields).toEqual({ check: 'token', error: 'Error: no result within 20 ms' });
  release();
  expect(await get(`${url}/readyz`)).toEqual(ready);
  expect(runs).toBe(2);
});

test('metrics are what they are given as', async () => {
  const answer = await fetch(`${await start()}/metrics`);
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(await answer.text()).toBe('up 1\n');
});

test('metrics that fail are an opaque 500 and a full log', async () => {
  const url = await start({ metrics: () => Promise.reject(new Error('registry 7 is broken')) });
  expect(await get(`${url}/metrics`)).toEqual({
    status: 500,
    body: { message: 'Internal Failure' },
  });
  expect(events).toEqual([
    {
      level: 'error',
      message: 'a request failed',
      fields: { error: 'Error: registry 7 is broken' },
    },
  ]);
});
