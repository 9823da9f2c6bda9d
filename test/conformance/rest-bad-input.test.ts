import { METHODS } from 'node:http';
import { type Route, inputShapeOf, routes } from '../../src/rest/routes';
import { shapeNamed } from '../../src/shapes/table';
import { type Target, startTarget } from '../bad-input/target';
import { type RestReply, rest, unsignedRest } from '../support/rest';

/** Every route of the REST door, and everything that can be wrong with a request: a problem document, and nothing changed. */
const maxBodyBytes = 4096;

let target: Target;
let before: unknown;
const requestIds: string[] = [];

beforeAll(async () => {
  target = await startTarget({ environment: { CLAVIGER_MAX_BODY_BYTES: String(maxBodyBytes) } });
  before = await target.state();
});
afterAll(() => target.close());

/** What a bad request to a route is, and what is wrong with it: `pointer in: detail`, or the pointer alone. */
interface Bad {
  readonly route: Route;
  readonly query?: string;
  readonly body?: object | string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly wrong?: readonly string[];
}

const readsUrl = ({ line }: Route): boolean => line.method === 'GET' || line.method === 'DELETE';
const withBody = routes.filter((route) => !readsUrl(route));

/** A path to the key and alias that there are. */
function pathOf({ path }: Route, values: Readonly<Record<string, string>> = {}): string {
  const TokenId = '0123456789ABCDEF';
  const sample: Readonly<Record<string, string>> = {
    AliasName: target.aliasName,
    TokenId,
    ...values,
  };
  return path.replace(/\{(\w+)\}/g, (_, member: string) =>
    encodeURIComponent(sample[member] ?? target.keyId),
  );
}

async function sendBad({ route, query = '', body, headers }: Bad): Promise<RestReply> {
  const line = `${route.line.method} ${pathOf(route)}${query}`;
  return rest(target.daemon, line, body, headers === undefined ? {} : { headers });
}

/** Sends some at a time, and gives the answers in the order of the requests. */
async function all<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const lanes = Array.from({ length: 24 }, async (_, lane) => {
    for (let i = lane; i < items.length; i += 24) results[i] = await work(items[i] as T);
  });
  await Promise.all(lanes);
  return results;
}

/** Checks what every problem document has; gives what is particular to it. */
function problemIn(reply: RestReply): { status: number; code: string; wrong: readonly string[] } {
  const { status, headers, body = {} } = reply;
  const requestId = String(headers['x-amzn-requestid']);
  requestIds.push(requestId);
  const {
    code,
    title,
    errors = [],
    detail = '',
  } = body as {
    readonly code: string;
    readonly title: string;
    readonly detail?: string;
    readonly errors?: readonly { readonly pointer: string; readonly in: string; detail: string }[];
  };
  expect(headers).toMatchObject({
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    'content-length': String(Buffer.byteLength(reply.text)),
  });
  expect(body).toMatchObject({
    type: `urn:claviger:problem:${code}`,
    instance: `urn:uuid:${requestId}`,
    status,
    requestId,
  });
  expect(title).toMatch(/^[A-Z].*\.$/);
  expect(detail).toEqual(expect.any(String));
  const wrong = errors.map((one) => `${one.pointer} ${one.in}: ${one.detail}`);
  return { status, code, wrong };
}

const nameOf = ({ route: { line, path } }: Bad): string => `${line.method} ${path}`;

/** Every one of them is refused so, and for what is wrong with it. */
async function expectRefusals(bad: readonly Bad[], status: number, code: string): Promise<void> {
  const replies = await all(bad, sendBad);
  const told = replies.map((reply, i) => {
    const problem = problemIn(reply);
    const { wrong } = bad[i] as Bad;
    const short = (text: string): string => text.split(' ', 1)[0] ?? '';
    const pointers = wrong?.every((text) => !text.includes(' '));
    return {
      route: nameOf(bad[i] as Bad),
      status: problem.status,
      code: problem.code,
      ...(wrong && {
        wrong: pointers === true ? [...new Set(problem.wrong.map(short))].sort() : problem.wrong,
      }),
    };
  });
  expect(told).toEqual(
    bad.map((one) => ({
      ...{ route: nameOf(one), status, code },
      ...(one.wrong && { wrong: one.wrong }),
    })),
  );
}

const placeOf = (route: Route): string => (readsUrl(route) ? 'query' : 'body');
const membersOf = (route: Route): readonly string[] => [...route.inQuery, ...route.inBody];

test('There are routes to be wrong about', () => {
  expect(routes.length).toBeGreaterThanOrEqual(54);
});

test('Everything that is missing is told of', async () => {
  const bad = routes.flatMap((route): Bad[] => {
    const missing = membersOf(route).filter((member) => route.required.includes(member));
    const wrong = missing.map((member) => `#/${member} ${placeOf(route)}: is required`);
    return wrong.length === 0 ? [] : [{ route, wrong }];
  });
  expect(bad.length).toBeGreaterThan(15);
  await expectRefusals(bad, 422, 'ValidationException');
});

test('What is not known is told of, and not ignored', async () => {
  const surprising = { Surprise: 1, __proto: {} };
  const bad = routes.map((route): Bad => {
    const missing = membersOf(route).filter((member) => route.required.includes(member));
    const pointers = ['#/Surprise', ...(readsUrl(route) ? [] : ['#/__proto'])];
    const wrong = [...pointers, ...missing.map((member) => `#/${member}`)].sort();
    return readsUrl(route)
      ? { route, query: '?Surprise=1', wrong }
      : { route, body: surprising, wrong };
  });
  await expectRefusals(bad, 422, 'ValidationException');
});

test('A query is not ignored where all of a request is in its body', async () => {
  const bad = withBody.map((route): Bad => ({ route, query: '?KeyId=a', body: {} }));
  const replies = await all(bad, sendBad);
  for (const reply of replies) {
    const { status, wrong } = problemIn(reply);
    expect(status).toBe(422);
    expect(wrong).toContain('#/KeyId query: is not known here');
  }
});

test('A member that the path has is not taken from the body too', async () => {
  const bad = withBody
    .filter(({ inPath }) => inPath.length > 0)
    .map((route): Bad => {
      const body = Object.fromEntries(route.inPath.map((member) => [member, target.keyId]));
      return { route, body };
    });
  const replies = await all(bad, sendBad);
  replies.forEach((reply, i) => {
    const { status, wrong } = problemIn(reply);
    expect(status).toBe(422);
    for (const member of bad[i]?.route.inPath ?? []) {
      expect(wrong).toContain(
        `#/${member} body: is in the path already and must not be in the body`,
      );
    }
  });
});

test('Every member of a wrong type is told of', async () => {
  const bad = routes.flatMap((route): Bad[] => {
    const members = membersOf(route);
    if (members.length === 0) return [];
    const wrong = members.map((member) => `#/${member}`).sort();
    if (!readsUrl(route)) {
      return [{ route, body: Object.fromEntries(members.map((member) => [member, null])), wrong }];
    }
    const inQuery = members.map((member) => wrongInQuery(route, member));
    const query = `?${inQuery.map(([pair]) => pair).join('&')}`;
    return [{ route, query, wrong: inQuery.map(([, pointer]) => pointer).sort() }];
  });
  await expectRefusals(bad, 422, 'ValidationException');
});

test('What an operation refuses of a value that its shape allows is told of with its place', async () => {
  const rows: readonly (readonly [string, object | string, string])[] = [
    ['GenerateRandom', {}, '#/NumberOfBytes body: NumberOfBytes is required.'],
    ['Decrypt', {}, '#/CiphertextBlob body: is required'],
    [
      'ScheduleKeyDeletion',
      '?PendingWindowInDays=5',
      '#/PendingWindowInDays query: PendingWindowInDays must be between 7 and 30',
    ],
    ['CreateKey', { Description: '\0' }, '#/Description body: must not contain U+0000'],
    [
      'ListRetirableGrants',
      '',
      '#/RetiringPrincipal query: Exactly one of RetiringPrincipal and RetiringServicePrincipal must be specified.',
    ],
  ];
  const bad = rows.map(([operation, sent, wrong]): Bad => {
    const route = routes.find((one) => one.operation === operation) as Route;
    return {
      route,
      wrong: [wrong],
      ...(typeof sent === 'string' ? { query: sent } : { body: sent }),
    };
  });
  await expectRefusals(bad, 422, 'ValidationException');
});

/** Everything in a query is a text, so that what is wrong with one is what it says, or that there are two. */
function wrongInQuery(route: Route, member: string): readonly [pair: string, pointer: string] {
  const { type } = shapeNamed(inputShapeOf(route.operation).members[member] ?? '');
  if (type === 'list') return [`${member}=`, `#/${member}/0`];
  return [type === 'string' ? `${member}=a&${member}=a` : `${member}=x`, `#/${member}`];
}

test('A list takes no limit and no cursor of another kind', async () => {
  const wrong = ['#/cursor', '#/limit'];
  const bad = routes
    .filter(({ paged }) => paged)
    .flatMap((route): Bad[] =>
      [
        'limit=x&cursor=!',
        'limit=0&cursor=',
        'limit=1001&cursor=_w',
        'limit=1&limit=1&cursor=AA&cursor=AA',
      ].map((query) => ({ route, query: `?${query}`, wrong })),
    );
  await expectRefusals(bad, 422, 'ValidationException');
});

test('A name in a path that is too long is told of', async () => {
  const named = routes.filter(({ inPath }) => inPath.length > 0);
  const replies = await all(named, (route) => {
    const long = Object.fromEntries(route.inPath.map((member) => [member, 'a'.repeat(3000)]));
    return rest(target.daemon, `${route.line.method} ${pathOf(route, long)}`);
  });
  replies.forEach((reply, i) => {
    const { status, wrong } = problemIn(reply);
    expect(status).toBe(422);
    for (const member of named[i]?.inPath ?? []) {
      expect(
        wrong.filter((one) => one.startsWith(`#/${member} path: must have at most`)),
      ).toHaveLength(1);
    }
  });
});

test('An Idempotency-Key that is none is told of', async () => {
  const keys = ['two words', 'k'.repeat(256), '\u00e9'];
  const bad = routes
    .filter(({ line }) => line.idempotencyKey === true)
    .flatMap((route) => keys.map((key): Bad => ({ route, headers: { 'idempotency-key': key } })));
  const replies = await all(bad, sendBad);
  for (const reply of replies) {
    const { status, wrong } = problemIn(reply);
    expect(status).toBe(422);
    expect(wrong).toContain(
      '#/Idempotency-Key header: must be 1 to 255 visible characters of ASCII, sent once',
    );
  }
});

test('A body that is too large is refused unread, and its connection closed', async () => {
  const body = { Description: 'x'.repeat(maxBodyBytes) };
  // Asked to be kept: else it were closed for every answer.
  const headers = { connection: 'keep-alive' };
  const bad = routes.map((route): Bad => ({ route, body, headers }));
  const replies = await all(bad, sendBad);
  for (const reply of replies) {
    expect(problemIn(reply)).toMatchObject({
      status: 413,
      code: 'RequestEntityTooLargeException',
    });
    expect(reply.headers.connection).toBe('close');
  }
});

test('A body that is no JSON is refused', async () => {
  const bodies = ['{', '{} {}', "{'a':1}", '\ufeff{}', 'null x'];
  const bad = withBody.flatMap((route) => bodies.map((body): Bad => ({ route, body })));
  await expectRefusals(bad, 400, 'SerializationException');
});

test('A body that is no object is told of', async () => {
  const bodies = ['[]', 'null', '"text"', '7', 'true'];
  const wrong = ['# body: must be an object'];
  const bad = withBody.flatMap((route) => bodies.map((body): Bad => ({ route, body, wrong })));
  await expectRefusals(bad, 422, 'ValidationException');
});

test('A GET or DELETE has no body', async () => {
  const bad = routes.filter(readsUrl).map((route): Bad => ({ route, body: {} }));
  await expectRefusals(bad, 400, 'SerializationException');
});

test('A body of another type is refused', async () => {
  const headers: readonly Readonly<Record<string, string>>[] = [
    { 'content-type': 'text/plain' },
    { 'content-type': 'application/x-www-form-urlencoded' },
    { 'content-type': 'application/x-amz-json-1.1' },
    { 'content-type': 'application/jsonp' },
    { 'content-type': '' },
    { 'content-encoding': 'gzip' },
  ];
  const bad = withBody.flatMap((route) =>
    headers.map((one): Bad => ({ route, body: {}, headers: one })),
  );
  await expectRefusals(bad, 415, 'UnsupportedMediaTypeException');
});

test('A path has its own methods and no other', async () => {
  const paths = [...new Set(routes.map(({ path }) => path))];
  const methods = METHODS.filter((method) => method !== 'CONNECT');
  const bad = paths.flatMap((path) => {
    const own = routes.filter((route) => route.path === path);
    const served = own.map(({ line }): string => line.method);
    const allowed = [...served, ...(served.includes('GET') ? ['HEAD'] : [])].sort();
    const [route] = own as [Route, ...Route[]];
    return methods
      .filter((method) => !allowed.includes(method) && method !== 'HEAD')
      .filter((method) => common.includes(method) || path === '/v1/keys')
      .map((method) => ({ method, route, allowed: allowed.join(', ') }));
  });
  const replies = await all(bad, ({ method, route }) =>
    rest(target.daemon, `${method} ${pathOf(route)}`),
  );
  const told = replies.map((reply) => {
    const { status, code } = problemIn(reply);
    return [status, code, reply.headers.allow];
  });
  expect(told).toEqual(bad.map(({ allowed }) => [405, 'MethodNotAllowedException', allowed]));
});

const common = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

test('Who proves nothing is told how to', async () => {
  const replies = await all(routes, (route) =>
    unsignedRest(target.daemon, `${route.line.method} ${pathOf(route)}`),
  );
  for (const reply of replies) {
    expect(problemIn(reply)).toMatchObject({
      status: 401,
      code: 'MissingAuthenticationTokenException',
    });
    expect(reply.headers['www-authenticate']).toBe('Bearer, AWS4-HMAC-SHA256');
  }
});

test.each([
  ['/v1/keys?limit=%zz', 'The query has an escape that is not UTF-8, or not complete.'],
  ['/v1/keys?limit=%', 'The query has an escape that is not UTF-8, or not complete.'],
  ['/v1/keys?%ff=1', 'The query has an escape that is not UTF-8, or not complete.'],
  ['/v1/keys?cursor=a+b', 'The query has a + sign. Write %20 for a space and %2B for a plus.'],
  ['/v1/keys/%zz', 'The path has an escape that is not UTF-8, or not complete.'],
  ['/v1/keys/%ff', 'The path has an escape that is not UTF-8, or not complete.'],
])('A URL that cannot be read is refused: %s', async (url, detail) => {
  const reply = await unsignedRest(target.daemon, `GET ${url}`);
  expect(problemIn(reply)).toMatchObject({ status: 400, code: 'SerializationException' });
  expect(reply.body).toMatchObject({ detail });
});

const slashes = 'A slash in a name or ARN is written %2F here: /v1/keys/alias%2Finvoices/encrypt.';

test.each([
  ['GET /v1', undefined],
  ['GET /v1/', undefined],
  ['GET /v1/keys/', undefined],
  ['GET /v1//keys', undefined],
  ['GET /v1/Keys', undefined],
  ['POST /v1/keys/a/encrypt/', undefined],
  ['POST /v1/keys/a/b/encrypt', undefined],
  ['GET /v1/keys/..', undefined],
  ['GET /v1/keys/.', undefined],
  ['GET /v1/keys/%2e%2E', undefined],
  ['GET /v1/keys/a/../policy', undefined],
  ['GET /v1/nothing?limit=%zz', undefined],
  ['GET /v1/keys/alias/target', slashes],
  ['POST /v1/keys/alias/target/encrypt', slashes],
  ['GET /v1/keys/arn:aws:kms:us-east-1:111122223333:key/x/policy', slashes],
  ['DELETE /v1/aliases/alias/target', slashes],
] as const)('There is nothing at %s', async (line, detail) => {
  const reply = await unsignedRest(target.daemon, line);
  expect(problemIn(reply)).toMatchObject({ status: 404, code: 'UnknownOperationException' });
  expect(reply.body?.['detail']).toBe(detail);
});

test('Nothing of it changed anything, and each refusal is recorded once', async () => {
  expect(await target.state()).toEqual(before);
  const recorded = await target.audited();
  const times = new Map<string, number>();
  for (const id of recorded) times.set(id, (times.get(id) ?? 0) + 1);
  const wrong = requestIds.filter((id) => times.get(id) !== 1);
  expect(wrong).toEqual([]);
  expect(new Set(requestIds).size).toBe(requestIds.length);
});
