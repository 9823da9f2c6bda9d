import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SignedRequest } from '../../src/auth/sigv4';
import type { Answer, DoorRequest } from '../../src/corridor';
import { type AwsQueryDoor, awsQuery, isAwsQuery, namesAction } from '../../src/doors/aws-query';
import { KmsError } from '../../src/errors';
import { readNetworks } from '../../src/networks';
import { rootOf } from '../support/sample-keys';

const requestId = '11111111-2222-3333-4444-555555555555';
let answer: (request: DoorRequest) => Promise<Answer>;
let authenticated: { service: string; request: SignedRequest }[] = [];
let server: Server;
let url: string;

const door: AwsQueryDoor = {
  maxBodyBytes: 100,
  newRequestId: () => requestId,
  networks: readNetworks({}),
  authenticate: (service, request) => {
    authenticated.push({ service, request });
    return rootOf('111122223333');
  },
  handle: (request) => answer(request),
};

beforeAll(async () => {
  server = createServer(awsQuery(door));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
beforeEach(() => {
  authenticated = [];
});
afterAll(
  () =>
    new Promise((resolve) => {
      server.closeAllConnections();
      server.close(resolve);
    }),
);

const form = 'application/x-www-form-urlencoded; charset=utf-8';
const sts = 'https://sts.amazonaws.com/doc/2011-06-15/';
const iam = 'https://iam.amazonaws.com/doc/2010-05-08/';

const post = (body: string, target = url, method = 'POST'): Promise<Response> =>
  fetch(target, { method, headers: { 'content-type': form, 'user-agent': 'tests' }, body });

/** Names the operation as the corridor does; what that throws is the answer. */
async function named(request: DoorRequest, then: () => Promise<Answer>): Promise<Answer> {
  try {
    await request.operation();
    return await then();
  } catch (error) {
    if (error instanceof KmsError) return { ok: false, error };
    throw error;
  }
}

function error(namespace: string, type: string, code: string, message: string): string {
  return (
    `<ErrorResponse xmlns="${namespace}"><Error><Type>${type}</Type><Code>${code}</Code>` +
    `<Message>${message}</Message></Error><RequestId>${requestId}</RequestId></ErrorResponse>`
  );
}

test.each([
  ['Action=GetUser&Version=2010-05-08&UserName=a%20b', 'iam', 'GetUser'],
  ['Action=GetCallerIdentity&Version=2011-06-15', 'sts', 'GetCallerIdentity'],
  ['Action=GetCallerIdentity', undefined, 'GetCallerIdentity'],
  ['Action=GetCallerIdentity&Version=2011-06-16', undefined, 'GetCallerIdentity'],
  ['Action=GetCallerIdentity&Version=__proto__', undefined, 'GetCallerIdentity'],
])('%s is for the service %p', async (body, service, operation) => {
  const told: unknown[] = [];
  answer = async (request) => {
    told.push(await request.operation(), request.service);
    return { ok: true, output: '' };
  };
  await post(body);
  expect(told).toEqual([operation, service]);
});

test('a request is told with its origin, authenticated as it came, and its input read by shape', async () => {
  let seen: DoorRequest | undefined;
  let input: unknown;
  answer = (request) =>
    named(request, async () => {
      seen = request;
      await request.authenticate();
      input = await request.input('GetSessionToken');
      return { ok: true, output: '' };
    });
  const body = 'Action=GetSessionToken&Version=2011-06-15&DurationSeconds=900';
  await post(body, `${url}?x=1`);
  expect(seen).toMatchObject({
    requestId,
    origin: { sourceIp: '127.0.0.1', userAgent: 'tests', tls: undefined },
  });
  expect(input).toEqual({ DurationSeconds: 900 });
  expect(authenticated).toMatchObject([
    { service: 'sts', request: { method: 'POST', url: '/?x=1', body: Buffer.from(body) } },
  ]);
});

test('an input is read without anyone being authenticated: some operations are not signed', async () => {
  let input: unknown;
  answer = (request) =>
    named(request, async () => {
      input = await request.input('GetAccessKeyInfo');
      return { ok: true, output: '' };
    });
  await post('Action=GetAccessKeyInfo&Version=2011-06-15&AccessKeyId=AKIAIOSFODNN7EXAMPLE');
  expect(input).toEqual({ AccessKeyId: 'AKIAIOSFODNN7EXAMPLE' });
  expect(authenticated).toEqual([]);
});

test('a presigned URL is a request with an empty body', async () => {
  answer = (request) =>
    named(request, async () => {
      await request.authenticate();
      return { ok: true, output: '' };
    });
  const query = '?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Signature=s';
  await fetch(`${url}${query}`);
  expect(authenticated).toMatchObject([
    { service: 'sts', request: { method: 'GET', url: `/${query}`, body: Buffer.alloc(0) } },
  ]);
});

test('nobody is authenticated before it is known for what', async () => {
  let fault: unknown;
  answer = (request) => {
    try {
      void request.authenticate();
    } catch (thrown) {
      fault = thrown;
    }
    return Promise.resolve({ ok: true, output: '' });
  };
  await post('Action=GetUser&Version=2010-05-08');
  expect(fault).toMatchObject({
    message: 'a request was authenticated before its operation was named',
  });
});

test('an output is sent with the headers of the protocol', async () => {
  answer = (request) =>
    named(request, () =>
      Promise.resolve({
        ok: true,
        output: request.write('GetUser', { User: { UserName: 'é' } as never }),
      }),
    );
  const response = await post('Action=GetUser&Version=2010-05-08');
  const text = await response.text();
  expect(response.status).toBe(200);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'x-amzn-requestid': requestId,
    'content-type': 'text/xml',
    'content-length': String(Buffer.byteLength(text)),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  expect(text).toBe(
    `<GetUserResponse xmlns="${iam}"><GetUserResult><User><UserName>é</UserName></User></GetUserResult>` +
      `<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata></GetUserResponse>`,
  );
});

test.each<[KmsError, number, string]>([
  [
    new KmsError('NoSuchEntity', 'a < b & c\0'),
    404,
    error(iam, 'Sender', 'NoSuchEntity', 'a &lt; b &amp; c\ufffd'),
  ],
  [new KmsError('AccessDeniedException', 'no'), 403, error(iam, 'Sender', 'AccessDenied', 'no')],
  [
    new KmsError('MissingAuthenticationTokenException', 'Missing Authentication Token'),
    403,
    error(iam, 'Sender', 'MissingAuthenticationToken', 'Request is missing Authentication Token'),
  ],
  [
    new KmsError('KMSInternalException', 'x', { cause: new Error('hidden') }),
    500,
    error(iam, 'Receiver', 'InternalFailure', 'x'),
  ],
  [
    new KmsError('UnknownOperationException'),
    400,
    error(
      iam,
      'Sender',
      'InvalidAction',
      'Could not find operation A&lt;b&gt; for version 2010-05-08',
    ),
  ],
  [
    new KmsError('UnsupportedOperationException', 'The operation GetUser is not supported.'),
    400,
    error(iam, 'Sender', 'InvalidAction', 'The operation GetUser is not supported.'),
  ],
])('a refusal %p is sent as %d', async (refusal, status, text) => {
  answer = (request) => named(request, () => Promise.resolve({ ok: false, error: refusal }));
  const response = await post('Action=A%3Cb%3E&Version=2010-05-08');
  expect([response.status, await response.text()]).toEqual([status, text]);
});

test.each([
  ['', 'MissingAction', 'The request is missing an action or a required parameter.'],
  [
    'Action=&Version=2011-06-15',
    'MissingAction',
    'The request is missing an action or a required parameter.',
  ],
  [
    'Action=a&Action=b',
    'MalformedInput',
    'The form of the request cannot be read: a parameter comes twice.',
  ],
  ['Action=X', 'InvalidAction', 'Could not find operation X for version NO_VERSION_SPECIFIED'],
  [
    `Action=${'X'.repeat(60)}&Version=2`,
    'InvalidAction',
    `Could not find operation ${'X'.repeat(60)} for version 2`,
  ],
])('%s is refused with %s', async (body, code, message) => {
  const unknown = new KmsError('UnknownOperationException');
  answer = (request) => named(request, () => Promise.resolve({ ok: false, error: unknown }));
  const response = await post(body);
  expect([response.status, await response.text()]).toEqual([
    400,
    error(sts, 'Sender', code, message),
  ]);
});

test.each(['PUT', 'DELETE', 'PATCH'])('%s is no method of this protocol', async (method) => {
  answer = (request) => named(request, () => Promise.reject(new Error('it was named')));
  const response = await post('Action=GetUser&Version=2010-05-08', url, method);
  expect([response.status, await response.text()]).toEqual([
    400,
    error(sts, 'Sender', 'InvalidAction', `The method ${method} is not supported.`),
  ]);
});

test('after a body that is too large the connection is closed', async () => {
  answer = (request) => named(request, () => Promise.reject(new Error('it was named')));
  const response = await post('x'.repeat(101));
  expect([response.status, response.headers.get('connection')]).toEqual([413, 'close']);
  const message = 'The request body must have length less than or equal to 100 bytes.';
  expect(await response.text()).toBe(error(sts, 'Sender', 'RequestEntityTooLarge', message));
});

test.each([
  [{ 'content-type': form }, '/', true],
  [{ 'content-type': 'APPLICATION/X-WWW-FORM-URLENCODED' }, '/', true],
  [{ 'content-type': form, 'x-amz-target': 'TrentService.Encrypt' }, '/', false],
  [{ 'content-type': 'application/x-amz-json-1.1' }, '/', false],
  [{}, '/', false],
  [{}, '/?Action=GetUser', true],
  [{ 'x-amz-target': '' }, '/?Action=GetUser', false],
])('the headers %j to %s are of this protocol: %p', (headers, target, expected) => {
  expect(isAwsQuery({ headers, url: target })).toBe(expected);
});

test.each([
  ['/?Action=x', true],
  ['/?a=b&Action=x', true],
  ['/?Action=', true],
  ['/?Action', false],
  ['/?Actions=x', false],
  ['/?XAction=x', false],
  ['/', false],
  ['/x?Action=x', false],
  [undefined, false],
])('%p names an action: %p', (target, expected) => {
  expect(namesAction(target)).toBe(expected);
});
