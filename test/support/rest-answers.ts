import { type Route, routes } from '../../src/rest/routes';
import type { TestDaemon } from './daemon';
import { type RestReply, rest } from './rest';

export type Members = Readonly<Record<string, unknown>>;

/** An answer as the route promises it. */
export interface Succeeded extends RestReply {
  readonly route: Route;
  readonly body: Members;
}

const patterns = routes.map((route) => ({
  route,
  pattern: new RegExp(`^${route.path.replace(/\{\w+\}/g, '[^/?]+')}(?:\\?.*)?$`),
}));

function routeOf(line: string): Route {
  const [method, url = ''] = line.split(' ');
  const found = patterns.find(
    ({ route, pattern }) => route.line.method === method && pattern.test(url),
  );
  if (found === undefined) throw new Error(`no route is ${line}`);
  return found.route;
}

/** Sends what must succeed, and checks of the answer what is the same for all. */
export async function succeeded(
  daemon: TestDaemon,
  line: string,
  body?: object,
): Promise<Succeeded> {
  const route = routeOf(line);
  const reply = await rest(daemon, line, body);
  expect([line, reply.status, reply.text]).toEqual([line, route.status, expect.any(String)]);
  expect(reply.headers).toMatchObject({
    'x-amzn-requestid': expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  expect(reply.headers['content-type']).toBe(reply.text === '' ? undefined : 'application/json');
  expect(reply.headers.location !== undefined).toBe(route.status === 201);
  if (route.status === 204) expect(reply.headers['content-length']).toBeUndefined();
  expect(reply.text === '').toBe(route.status === 204 || reply.body === undefined);
  return { ...reply, route, body: reply.body ?? {} };
}

/** Status and code of a refusal. */
export async function problemOf(daemon: TestDaemon, line: string, body?: object): Promise<Members> {
  const { status, headers, body: document } = await rest(daemon, line, body);
  expect(headers['content-type']).toBe('application/problem+json');
  return { status, code: document?.['code'] };
}

/** The last segment of a path: of what Location says, the id. */
export function idIn(path: string): string {
  return path.split('/').at(-1) ?? '';
}
