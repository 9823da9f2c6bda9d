import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { readBody, RequestAborted } from '../../src/doors/body';
import { KmsError } from '../../src/errors';
import { createServer } from '../../src/server';
import type { Listener } from '../../src/server';
import { RawConnection } from '../support/raw-http';
import { until } from '../support/until';

const LIMIT = 1000;
const MEBIBYTE = 1 << 20;
let listener: Listener;
let port: number;
let outcomes: unknown[];

beforeEach(async () => {
  outcomes = [];
  const aws = (req: IncomingMessage, res: Parameters<typeof respond>[0]): void => {
    void readBody(req, LIMIT).then(
      (body) => {
        outcomes.push(body);
        respond(res, 200, String(body.length));
      },
      (error: unknown) => {
        outcomes.push(error);
        respond(res, 413, error instanceof KmsError ? `${error.code}: ${error.message}` : 'none');
      },
    );
  };
  listener = createServer({ aws, rest: aws }, { host: '127.0.0.1', port: 0 });
  ({ port } = await listener.listen());
});

afterEach(() => listener.close(0));

function respond(
  res: {
    writeHead(status: number, headers: Record<string, string>): unknown;
    end(text: string): unknown;
  },
  status: number,
  text: string,
): void {
  res.writeHead(status, { Connection: 'close' });
  res.end(text);
}

async function post(head: string, ...pieces: string[]): Promise<string> {
  const connection = await RawConnection.open(port);
  connection.write(`POST / HTTP/1.1\r\nHost: a\r\n${head}\r\n\r\n`);
  for (const piece of pieces) connection.write(piece);
  return connection.end();
}

const TOO_LARGE =
  'RequestEntityTooLargeException: The request body must have length less than or equal to 1000 bytes.';

test.each([0, 1, LIMIT])('a body of %i bytes is read whole', async (length) => {
  const text = 'x'.repeat(length);
  await post(`Content-Length: ${length}`, text);
  expect(outcomes).toEqual([Buffer.from(text)]);
});

test('a body in many chunks is put together in order', async () => {
  await post('Transfer-Encoding: chunked', '3\r\nabc\r\n', '1\r\nd\r\n', '2\r\nef\r\n0\r\n\r\n');
  expect(outcomes).toEqual([Buffer.from('abcdef')]);
});

test('a request without a body is an empty body', async () => {
  await post('X: y');
  expect(outcomes).toEqual([Buffer.alloc(0)]);
});

test.each([
  ['declared', `Content-Length: ${LIMIT + 1}`, 'x'.repeat(LIMIT + 1)],
  ['in chunks', 'Transfer-Encoding: chunked', `3e9\r\n${'x'.repeat(LIMIT + 1)}\r\n0\r\n\r\n`],
])('a body one byte too large, %s, is read to its end and refused', async (_how, head, body) => {
  expect(await post(head, body)).toMatch(new RegExp(`^HTTP/1.1 413 .*${TOO_LARGE}`, 's'));
});

test('a body declared far too large is refused before it is read', async () => {
  expect(await post(`Content-Length: ${LIMIT + MEBIBYTE + 1}`)).toContain(TOO_LARGE);
});

test('a body that never ends is refused once it is far too large', async () => {
  const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
  const connection = await RawConnection.open(port);
  connection.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  for (let i = 0; i < 40; i++) connection.write(chunk);
  await until('the request was refused', () => outcomes.length > 0);
  connection.destroy();
  expect(outcomes[0]).toMatchObject({ code: 'RequestEntityTooLargeException' });
});

test('a client that goes away in the middle rejects the reading', async () => {
  const connection = await RawConnection.open(port);
  connection.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc');
  connection.destroy();
  await until('the reading was rejected', () => outcomes.length > 0);
  expect(outcomes[0]).toBeInstanceOf(RequestAborted);
  expect(outcomes[0]).toMatchObject({
    message: 'The client closed the connection before its whole request had arrived.',
  });
});

test('a request that is gone before its body is asked for rejects at once', async () => {
  const requests: IncomingMessage[] = [];
  const keep = (req: IncomingMessage): void => {
    requests.push(req.on('error', () => undefined));
  };
  const other = createServer({ aws: keep, rest: keep }, { host: '127.0.0.1', port: 0 });
  try {
    const connection = await RawConnection.open((await other.listen()).port);
    connection.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc');
    await until('the request came', () => requests.length > 0);
    connection.destroy();
    await until('the request was closed', () => requests[0]?.destroyed === true);
    const [gone] = requests as [IncomingMessage];
    await expect(readBody(gone, LIMIT)).rejects.toBeInstanceOf(RequestAborted);
  } finally {
    await other.close(0);
  }
});

test('a client that waits for 100 Continue gets it, then the answer', async () => {
  const continued = await new Promise<boolean>((resolve, reject) => {
    let asked = false;
    const headers = { Expect: '100-continue', 'Content-Length': 3 };
    const sent = request({ host: '127.0.0.1', port, method: 'POST', headers }, (res) => {
      res.resume().on('end', () => resolve(asked));
    });
    sent.on('continue', () => {
      asked = true;
      sent.end('abc');
    });
    sent.on('error', reject);
    sent.flushHeaders();
  });
  expect(continued).toBe(true);
  expect(outcomes).toEqual([Buffer.from('abc')]);
});
