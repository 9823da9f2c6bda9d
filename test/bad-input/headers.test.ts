import { RawConnection } from '../support/raw-http';
import { until } from '../support/until';
import { type Target, processesOf, startTarget } from './target';

let target: Target;
let before: unknown;
const connections: RawConnection[] = [];

beforeAll(async () => {
  target = await startTarget({
    environment: { CLAVIGER_HEADERS_TIMEOUT_MS: '1000', CLAVIGER_REQUEST_TIMEOUT_MS: '1500' },
  });
  before = await target.state();
});
afterAll(async () => {
  for (const connection of connections) connection.destroy();
  await target.close();
});

interface Sent {
  readonly status: number;
  readonly type: unknown;
  readonly message: unknown;
  readonly requestId: string | undefined;
}

async function open(): Promise<RawConnection> {
  const connection = await RawConnection.open(target.daemon.port);
  connections.push(connection);
  return connection;
}

const lines = (headers: Record<string, string>): string[] =>
  Object.entries(headers).map(([name, value]) => `${name}: ${value}`);

/** One request of exactly these bytes on a connection of its own, and its one answer. */
async function raw(head: readonly string[], body = '', start = 'POST / HTTP/1.1'): Promise<Sent> {
  const connection = await open();
  connection.write([start, ...head, '', body].join('\r\n'));
  return readAnswer(connection);
}

async function readAnswer(connection: RawConnection): Promise<Sent> {
  const text = await connection.until(/\r\n\r\n/);
  const length = Number(/^content-length: (\d+)/im.exec(text)?.[1] ?? 0);
  const received = await connection.until(new RegExp(`\\r\\n\\r\\n[^]{${length}}`));
  connection.destroy();
  const [head = '', body = ''] = received.split('\r\n\r\n');
  const json = head.includes('json') ? (JSON.parse(body) as Record<string, unknown>) : {};
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]),
    type: json['__type'],
    message: json['message'],
    requestId: /^x-amzn-requestid: (\S+)/im.exec(head)?.[1],
  };
}

async function auditedOnce(requestId: string | undefined): Promise<boolean> {
  return (await target.audited()).filter((id) => id === requestId).length === 1;
}

describe('a request that reached the corridor is refused with an AWS error and recorded', () => {
  const body = '{}';
  const length = 'content-length: 2';

  async function refused(head: readonly string[], start?: string): Promise<[unknown, unknown]> {
    const { status, type, message, requestId } = await raw([...head, length], body, start);
    expect(status).toBe(400);
    expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(await auditedOnce(requestId)).toBe(true);
    return [type, message];
  }

  test('two Authorization headers', async () => {
    const signed = await target.sign('ListKeys', body);
    const again = `authorization: ${signed['authorization'] ?? ''}`;
    expect(await refused([...lines(signed), again])).toEqual([
      'IncompleteSignatureException',
      'Only one Authorization header is allowed.',
    ]);
  });

  test('two X-Amz-Target headers, of which none is chosen', async () => {
    const signed = await target.sign('ListKeys', body);
    const head = [...lines(signed), 'x-amz-target: TrentService.CreateKey'];
    expect(await refused(head)).toEqual(['UnknownOperationException', undefined]);
  });

  test('two X-Amz-Date headers', async () => {
    const signed = await target.sign('ListKeys', body);
    const [type] = await refused([...lines(signed), 'x-amz-date: 20260101T000000Z']);
    expect(type).toBe('IncompleteSignatureException');
  });

  test.each([
    ['no Authorization', undefined],
    ['another scheme', 'Basic YTpi'],
    ['an empty one', ''],
    ['bytes beyond ASCII', 'B\xe4r \xff'],
  ])('%s in place of a signature', async (_what, authorization) => {
    const { authorization: _, ...signed } = await target.sign('ListKeys', body);
    const head = lines(authorization === undefined ? signed : { ...signed, authorization });
    expect(await refused(head)).toEqual([
      'MissingAuthenticationTokenException',
      'Missing Authentication Token',
    ]);
  });

  test.each([
    ['no X-Amz-Target', undefined],
    ['the target of another service', 'DynamoDB_20120810.ListTables'],
    ['no such operation', 'TrentService.DropTables'],
    ['an operation in another case', 'TrentService.listkeys'],
    ['a name of Object.prototype', 'TrentService.__proto__'],
    ['a name of Object.prototype', 'TrentService.constructor'],
    ['bytes beyond ASCII', 'TrentService.ListK\xe9ys'],
    ['8000 characters', `TrentService.${'A'.repeat(8000)}`],
    ['the prefix alone', 'TrentService.'],
  ])('%s is an UnknownOperationException', async (_what, name) => {
    const { 'x-amz-target': _, ...signed } = await target.sign('ListKeys', body);
    const head = lines(name === undefined ? signed : { ...signed, 'x-amz-target': name });
    expect(await refused(head)).toEqual(['UnknownOperationException', undefined]);
  });

  test.each(['text/html', 'application/x-amz-json-1.0', 'multipart/form-data', '\xff', ';'])(
    'the Content-Type %j is an UnknownOperationException',
    async (type) => {
      const signed = await target.sign('ListKeys', body, { 'content-type': type });
      expect(await refused(lines(signed))).toEqual(['UnknownOperationException', undefined]);
    },
  );

  test.each(['PUT', 'DELETE', 'OPTIONS', 'PATCH'])('the method %s', async (method) => {
    const signed = await target.sign('ListKeys', body);
    expect(await refused(lines(signed), `${method} / HTTP/1.1`)).toEqual([
      'UnknownOperationException',
      undefined,
    ]);
  });

  test('an unsigned header that changes what a signature means', async () => {
    const signed = await target.sign('ListKeys', body);
    const [type, message] = await refused([...lines(signed), 'x-amz-security-token: t']);
    expect([type, message]).toEqual([
      'InvalidSignatureException',
      "'X-Amz-Security-Token' must be a 'SignedHeader' in the AWS Authorization.",
    ]);
  });

  test('a wrong signature and an unknown access key differ in what AWS says and nothing else', async () => {
    const { authorization = '', ...signed } = await target.sign('ListKeys', body);
    const last = authorization.endsWith('0') ? '1' : '0';
    const flipped = `${authorization.slice(0, -1)}${last}`;
    expect((await refused(lines({ ...signed, authorization: flipped })))[0]).toBe(
      'InvalidSignatureException',
    );
    const { accessKeyId } = target.daemon.credentials;
    const unknown = authorization.replace(accessKeyId, 'AKIANOBODYKNOWSTHIS1');
    expect(await refused(lines({ ...signed, authorization: unknown }))).toEqual([
      'UnrecognizedClientException',
      'The security token included in the request is invalid.',
    ]);
  });

  test('another body than the one that was signed', async () => {
    const signed = await target.sign('ListKeys', '{"Limit":1}');
    expect((await refused(lines(signed)))[0]).toBe('InvalidSignatureException');
  });
});

describe('what is not HTTP is answered by status alone and never reaches the corridor', () => {
  const host = 'host: claviger';

  const post = 'POST / HTTP/1.1';

  test.each<[string, number, string, readonly string[]]>([
    ['no Host', 400, post, ['content-length: 0']],
    ['a header block of more than 16 KiB', 431, post, [host, `x-a: ${'a'.repeat(17_000)}`]],
    ['a URL of more than 16 KiB', 431, `POST /?${'a'.repeat(17_000)} HTTP/1.1`, [host]],
    [
      'very many headers',
      431,
      post,
      [host, ...Array.from({ length: 3000 }, (_, i) => `x-${i}: 1`)],
    ],
    ['two lengths', 400, post, [host, 'content-length: 2', 'content-length: 3']],
    ['a length and chunks', 400, post, [host, 'content-length: 2', 'transfer-encoding: chunked']],
    ['a negative length', 400, post, [host, 'content-length: -1']],
    ['a length that is no number', 400, post, [host, 'content-length: 2x']],
    ['a header without a name', 400, post, [host, ': x']],
    ['a space before the colon', 400, post, [host, 'x-a : x']],
    ['a NUL in a header', 400, post, [host, 'x-a: \0']],
    ['another protocol', 400, 'POST / HTTQ/1.1', [host]],
    ['no method', 400, '/ HTTP/1.1', [host]],
    [
      'an expectation that nobody meets',
      417,
      post,
      [host, 'content-length: 0', 'expect: a miracle'],
    ],
  ])('%s: %d', async (_what, status, start, head) => {
    const rows = (await target.audited()).length;
    expect((await raw(head, '', start)).status).toBe(status);
    expect((await target.audited()).length).toBe(rows);
  });
});

describe('how a body may be sent', () => {
  test('in chunks', async () => {
    const signed = await target.sign('ListKeys', '{}');
    const head = [...lines(signed), 'transfer-encoding: chunked'];
    expect((await raw(head, '1\r\n{\r\n1\r\n}\r\n0\r\n\r\n')).status).toBe(200);
  });

  test('in chunks of more than a mebibyte it is refused', async () => {
    const signed = await target.sign('ListKeys', '{}');
    const chunk = `${(1_200_000).toString(16)}\r\n${' '.repeat(1_200_000)}\r\n0\r\n\r\n`;
    const sent = await raw([...lines(signed), 'transfer-encoding: chunked'], chunk);
    expect(sent).toMatchObject({ status: 413, type: 'RequestEntityTooLargeException' });
  });

  test('announced with a length that no client needs to be let send it is refused at once', async () => {
    const signed = await target.sign('ListKeys', '{}');
    const sent = await raw([...lines(signed), 'content-length: 9999999999']);
    expect(sent).toMatchObject({ status: 413, type: 'RequestEntityTooLargeException' });
    expect(await auditedOnce(sent.requestId)).toBe(true);
  });

  test('after a 100 Continue', async () => {
    const connection = await open();
    const signed = await target.sign('ListKeys', '{}');
    const head = [...lines(signed), 'content-length: 2', 'expect: 100-continue'];
    connection.write(['POST / HTTP/1.1', ...head, '', ''].join('\r\n'));
    await connection.until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
    connection.write('{}');
    await connection.until(/HTTP\/1\.1 200 OK/);
  });

  test('shorter than announced and then closed it is recorded as half a request', async () => {
    const rows = (await target.audited()).length;
    const connection = await open();
    const signed = await target.sign('ListKeys', '{}');
    connection.write(
      ['POST / HTTP/1.1', ...lines(signed), 'content-length: 20', '', '{}'].join('\r\n'),
    );
    connection.socket.end();
    await connection.end();
    await until('the record', async () => (await target.audited()).length === rows + 1);
  });

  test('shorter than announced and then silent it is answered 408 and the connection closed', async () => {
    const rows = (await target.audited()).length;
    const connection = await open();
    const signed = await target.sign('ListKeys', '{}');
    connection.write(
      ['POST / HTTP/1.1', ...lines(signed), 'content-length: 20', '', '{}'].join('\r\n'),
    );
    expect(await connection.end()).toMatch(/^HTTP\/1\.1 408 /);
    // Its record follows it, and would be counted by the next test.
    await until('the record', async () => (await target.audited()).length === rows + 1);
  });

  test('longer than announced the rest is no second request', async () => {
    const rows = (await target.audited()).length;
    const connection = await open();
    const signed = await target.sign('ListKeys', '{}');
    connection.write(
      ['POST / HTTP/1.1', ...lines(signed), 'content-length: 2', '', '{}{"x":1}'].join('\r\n'),
    );
    const received = await connection.end();
    expect(received.match(/HTTP\/1\.1 \d{3}/g)?.at(-1)).toBe('HTTP/1.1 400');
    await until('the record', async () => (await target.audited()).length === rows + 1);
  });
});

test('no request changed anything, and no process ended', async () => {
  expect(await target.state()).toEqual(before);
  expect(processesOf(target.daemon)).toHaveLength(2);
});
