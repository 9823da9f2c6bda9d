import { Agent, request } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from '../src/server';
import type { Handler, Handlers, Listener, ListenerOptions, ServerLimits } from '../src/server';
import { recordingLog } from './support/log';
import { RawConnection } from './support/raw-http';
import { until } from './support/until';

const open: Listener[] = [];
const connections: RawConnection[] = [];

afterEach(async () => {
  for (const connection of connections.splice(0)) connection.destroy();
  await Promise.all(open.splice(0).map((listener) => listener.close(0)));
});

const named =
  (name: string) =>
  (req: IncomingMessage, res: ServerResponse): void => {
    req.resume();
    res.end(name);
  };
const both: Handlers = { aws: named('aws'), rest: named('rest') };

async function start(
  limits: Partial<ServerLimits> = {},
  { handlers = both, ...more }: Partial<ListenerOptions> & { handlers?: Handlers } = {},
): Promise<{ port: number; listener: Listener }> {
  const listener = createServer(handlers, { host: '127.0.0.1', port: 0, limits, ...more });
  open.push(listener);
  return { port: (await listener.listen()).port, listener };
}

async function connect(port: number): Promise<RawConnection> {
  const connection = await RawConnection.open(port);
  connections.push(connection);
  return connection;
}

/** Sends one request and returns what came back until the connection ended. */
async function exchange(port: number, text: string): Promise<string> {
  const connection = await connect(port);
  connection.write(text);
  return connection.end();
}

const oneShot = (line: string): string =>
  `${line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;

describe('the two doors', () => {
  test.each([
    ['POST /', 'aws'],
    ['POST /?X-Amz-Algorithm=AWS4-HMAC-SHA256', 'aws'],
    ['PUT /', 'aws'],
    ['DELETE /', 'aws'],
    ['OPTIONS /', 'aws'],
    ['GET /', 'rest'],
    ['GET /?Action=x', 'aws'],
    ['GET /?X-Amz-Date=1&Action=x', 'aws'],
    ['GET /?action=x', 'rest'],
    ['GET /?Reaction=x', 'rest'],
    ['GET /x?Action=x', 'rest'],
    ['POST /v1/keys', 'rest'],
    ['POST /kms/xks/v1/health', 'rest'],
    ['POST //', 'rest'],
    ['POST http://a/', 'aws'],
    ['POST HTTPS://a', 'aws'],
    ['GET http://a?Action=x', 'aws'],
    ['POST ftp://a/', 'rest'],
    ['OPTIONS *', 'rest'],
  ])('%s goes to %s', async (line, door) => {
    const { port } = await start();
    expect(await exchange(port, oneShot(line))).toMatch(new RegExp(`^HTTP/1.1 200 .*${door}`, 's'));
  });

  test.each([
    ['POST /kms/xks/v1/health', 'xks'],
    ['GET /a/b/kms/xks/v1/keys/k/encrypt', 'xks'],
    ['POST http://a/kms/xks/v1/health', 'xks'],
    ['POST /?/kms/xks/', 'aws'],
    ['POST /kms/xks', 'rest'],
    ['GET /v1/keys?cursor=/kms/xks/', 'rest'],
  ])('%s goes to %s, where the XKS proxy has no port of its own', async (line, door) => {
    const { port } = await start({}, { handlers: { ...both, xks: named('xks') } });
    expect(await exchange(port, oneShot(line))).toMatch(new RegExp(`^HTTP/1.1 200 .*${door}`, 's'));
  });

  test('what a target says of the host is no part of the path that a door is given', async () => {
    const seen: (string | undefined)[] = [];
    const note: Handler = (req, res) => void (seen.push(req.url), res.end());
    const { port } = await start({}, { handlers: { aws: note, rest: note } });
    await exchange(port, oneShot('GET http://a:1/v1/keys?limit=1'));
    await exchange(port, oneShot('GET http://a?limit=1'));
    await exchange(port, oneShot('GET /http://a/'));
    expect(seen).toEqual(['/v1/keys?limit=1', '/?limit=1', '/http://a/']);
  });

  test('HEAD / goes where GET / goes', async () => {
    const seen: string[] = [];
    const handlers: Handlers = {
      aws: (_req, res) => void (seen.push('aws'), res.end()),
      rest: (_req, res) => void (seen.push('rest'), res.end()),
    };
    const { port } = await start({}, { handlers });
    await exchange(port, oneShot('HEAD /'));
    expect(seen).toEqual(['rest']);
  });
});

test('a header is not lost behind any number of others', async () => {
  const seen: unknown[] = [];
  const note: Handler = ({ headers }, res) =>
    void (seen.push(headers['x-forwarded-for']), res.end());
  const { port } = await start({}, { handlers: { aws: note, rest: note } });
  const headers = `${'A:a\r\n'.repeat(6000)}X-Forwarded-For: 203.0.113.9\r\nConnection: close\r\n`;
  await exchange(port, `GET / HTTP/1.1\r\nHost: a\r\n${headers}\r\n`);
  expect(seen).toEqual(['203.0.113.9']);
});

describe('a request that is not HTTP', () => {
  test.each([
    ['nonsense', 'nonsense\r\n\r\n'],
    ['a TLS handshake', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    [
      'a body of two lengths',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
    ],
    [
      'a length beside chunks',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
    ['a folded header', 'GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n  2\r\n\r\n'],
    ['a header name with a blank', 'GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n'],
  ])('such as %s is answered 400 and cut, and the next one served', async (_what, text) => {
    const handlers: Handlers = { aws: jest.fn(), rest: jest.fn() };
    const { port } = await start({}, { handlers });
    expect(await exchange(port, text)).toMatch(
      /^HTTP\/1\.1 400 Bad Request\r\nConnection: close\r\n/,
    );
    expect(handlers.aws).not.toHaveBeenCalled();
    expect(handlers.rest).not.toHaveBeenCalled();
  });

  test('does not stop the server', async () => {
    const { port } = await start();
    await Promise.all(Array.from({ length: 20 }, () => exchange(port, '\0\r\n\r\n')));
    expect(await exchange(port, oneShot('GET /'))).toMatch(/^HTTP\/1\.1 200 OK/);
  });
});

describe('the limits', () => {
  test('headers that are too large are answered 431 and cut', async () => {
    const { port } = await start({ headerBytes: 4096 });
    const fits = `GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: ${'x'.repeat(3000)}\r\n\r\n`;
    expect(await exchange(port, fits)).toMatch(/^HTTP\/1\.1 200 OK/);
    const large = fits.replace('x', 'x'.repeat(2000));
    expect(await exchange(port, large)).toMatch(/^HTTP\/1\.1 431 .*\r\nConnection: close\r\n/);
  });

  test.each([
    ['says nothing', ''],
    ['stops in its headers', 'POST / HTTP/1.1\r\nHost: a\r\n'],
  ])('a client that %s is answered 408 and cut', async (_what, text) => {
    const { port } = await start({ headersTimeoutMs: 100, requestTimeoutMs: 60_000 });
    expect(await exchange(port, text)).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
  });

  test('the answers to what is no request are problem documents', async () => {
    const { port } = await start({ headerBytes: 4096, headersTimeoutMs: 100 });
    const large = `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(5000)}\r\n\r\n`;
    const sent = ['POST / HTTP/1.1\r\nHost: a\r\n', large, 'GET / HTTQ/1.1\r\n\r\n'];
    const answers = await Promise.all(sent.map((text) => exchange(port, text)));
    const problems = answers.map((answer) => {
      const [head = '', body = ''] = answer.split('\r\n\r\n');
      expect(head).toContain('\r\nContent-Type: application/problem+json\r\n');
      expect(head).toContain(`\r\nContent-Length: ${body.length}`);
      return JSON.parse(body) as Record<string, unknown>;
    });
    expect(problems.map(({ status, code, type }) => [status, code, type])).toEqual([
      [408, 'RequestTimeoutException', 'urn:claviger:problem:RequestTimeoutException'],
      [
        ...[431, 'RequestHeaderFieldsTooLargeException'],
        'urn:claviger:problem:RequestHeaderFieldsTooLargeException',
      ],
      [400, 'BadRequestException', 'urn:claviger:problem:BadRequestException'],
    ]);
  });

  test('an answer that is on its way is cut, and no other one put into it', async () => {
    const aws: Handlers['aws'] = (req, res) => {
      req.on('error', () => undefined);
      res.writeHead(200, { 'Content-Length': '99' }).write('half');
    };
    const { port } = await start(
      { headersTimeoutMs: 100, requestTimeoutMs: 200 },
      { handlers: { ...both, aws } },
    );
    const text = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{';
    expect(await exchange(port, text)).toMatch(/\r\n\r\nhalf$/);
  });

  test('a client that drips its headers is cut, however busy it looks', async () => {
    const { port } = await start({ headersTimeoutMs: 200, requestTimeoutMs: 60_000 });
    const connection = await connect(port);
    connection.write('POST / HTTP/1.1\r\nHost: a\r\nX: ');
    const drip = setInterval(() => connection.write('x'), 20);
    expect(await connection.end()).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
    clearInterval(drip);
  });

  test('a client that never finishes its body is answered 408 and cut', async () => {
    const { port } = await start(
      { headersTimeoutMs: 100, requestTimeoutMs: 200 },
      { handlers: { ...both, aws: (req) => void req.resume().on('error', () => undefined) } },
    );
    const text = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{';
    expect(await exchange(port, text)).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
  });

  test('an idle connection outlives the header timeout, serves again, and is closed in the end', async () => {
    const { port } = await start({ headersTimeoutMs: 60, keepAliveTimeoutMs: 400 });
    const connection = await connect(port);
    connection.write('GET /1 HTTP/1.1\r\nHost: a\r\n\r\n');
    await connection.until(/rest\r?\n?.*0\r\n\r\n|rest$/s);
    const idleSince = Date.now();
    await until('the header timeout passed twice', () => Date.now() - idleSince > 150);
    connection.write('GET /2 HTTP/1.1\r\nHost: a\r\n\r\n');
    const all = await connection.end();
    expect(all.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2);
    expect(all).not.toContain('408');
  });

  test('connections beyond the limit are closed as they come, and that is logged', async () => {
    const { log, events } = recordingLog();
    const { port } = await start({ maxConnections: 2 }, { log });
    const served = [await connect(port), await connect(port)];
    for (const one of served) one.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await Promise.all(served.map((one) => one.until(/200 OK/)));
    expect(await (await connect(port)).end()).toBe('');
    expect(events).toContainEqual({
      level: 'warn',
      message: 'a connection was dropped: too many are open',
      fields: { limit: 2 },
    });
  });
});

describe('closing', () => {
  test('lets a request in flight finish, closes idle connections, and accepts no more', async () => {
    let answer = (): void => undefined;
    const aws = (_req: IncomingMessage, res: ServerResponse): void => {
      answer = () => res.end('late');
    };
    const { port, listener } = await start({}, { handlers: { ...both, aws } });
    const idle = await connect(port);
    idle.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await idle.until(/200 OK/);
    const busy = await connect(port);
    const before = answer;
    busy.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n');
    await until('the request reached its handler', () => answer !== before);
    const closed = listener.close(10_000);
    await idle.end();
    await expect(RawConnection.open(port)).rejects.toThrow('ECONNREFUSED');
    expect(busy.closed).toBe(false);
    answer();
    await closed;
    expect(await busy.end()).toMatch(/^HTTP\/1\.1 200 OK.*late/s);
  });

  test('cuts what is left when the grace is over', async () => {
    const { port, listener } = await start({}, { handlers: { ...both, aws: () => undefined } });
    const stuck = await connect(port);
    stuck.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n');
    const halfway = await connect(port);
    halfway.write('POST / HTTP/1.1\r\n');
    await exchange(port, oneShot('GET /'));
    await listener.close(50);
    expect(await stuck.end()).toBe('');
    expect(await halfway.end()).toBe('');
  });

  test('tells a client that sends on while it closes not to send more', async () => {
    let answer: (() => void) | undefined;
    const aws = (_req: IncomingMessage, res: ServerResponse): void => {
      answer = () => res.end('first');
    };
    const { port, listener } = await start({}, { handlers: { ...both, aws } });
    const connection = await connect(port);
    const get = 'GET /second HTTP/1.1\r\nHost: a\r\n\r\n';
    connection.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n');
    await until('the first request reached its handler', () => answer !== undefined);
    const closed = listener.close(10_000);
    connection.write(get);
    await until('the second was written', () => connection.socket.bytesWritten >= get.length);
    answer?.();
    await closed;
    expect(await connection.end()).toMatch(/first/);
  });

  test('is quick and quiet when it never listened, and when it is asked twice', async () => {
    const never = createServer(both, { host: '127.0.0.1', port: 0 });
    await expect(never.close(10_000)).resolves.toBeUndefined();
    const { listener } = await start();
    await Promise.all([listener.close(10_000), listener.close(10_000)]);
  });
});

test('a port that is taken is an error of listen', async () => {
  const { port } = await start();
  const second = createServer(both, { host: '127.0.0.1', port });
  await expect(second.listen()).rejects.toMatchObject({ code: 'EADDRINUSE', port });
});

test('many requests pass through one kept connection', async () => {
  const { port } = await start();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ports = new Set<number | undefined>();
  for (let i = 0; i < 20; i++) {
    await new Promise<void>((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port, agent, method: 'POST' }, (res) => {
        ports.add(res.socket.localPort);
        res.resume().on('end', resolve);
      });
      sent.on('error', reject).end('{}');
    });
  }
  agent.destroy();
  expect(ports.size).toBe(1);
});
