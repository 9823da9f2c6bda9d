import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Answer, DoorRequest } from '../../src/corridor';
import { type AwsJsonDoor, awsJson } from '../../src/doors/aws-json';
import { KmsError } from '../../src/errors';
import { readNetworks } from '../../src/networks';
import { rootOf } from '../support/sample-keys';

const requestId = '11111111-2222-3333-4444-555555555555';
let answer: (request: DoorRequest) => Promise<Answer>;
let server: Server;
let url: string;

const door: AwsJsonDoor = {
  maxBodyBytes: 100,
  newRequestId: () => requestId,
  networks: readNetworks({}),
  authenticate: ({ rawHeaders }) => {
    if (!rawHeaders.includes('x-good')) throw new KmsError('MissingAuthenticationTokenException');
    return rootOf('111122223333');
  },
  handle: (request) => answer(request),
};

beforeAll(async () => {
  server = createServer(awsJson(door));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterAll(
  () =>
    new Promise((resolve) => {
      server.closeAllConnections();
      server.close(resolve);
    }),
);

const post = (headers: Record<string, string>, body = '{}'): Promise<Response> =>
  fetch(url, { method: 'POST', headers: { 'x-good': '1', ...headers }, body });

/** What the corridor is told of a request. */
async function seen(headers: Record<string, string>): Promise<DoorRequest> {
  let told: DoorRequest | undefined;
  answer = async (request) => {
    told = request;
    await request.authenticate();
    return { ok: true, output: '' };
  };
  await post(headers);
  if (told === undefined) throw new Error('the corridor was not asked');
  return told;
}

const type = 'application/x-amz-json-1.1';

test.each([
  ['TrentService.Encrypt', type, 'Encrypt'],
  ['TrentService.Encrypt', 'application/json', 'Encrypt'],
  ['TrentService.Encrypt', 'Application/X-Amz-JSON-1.1; charset=utf-8', 'Encrypt'],
  ['TrentService.', type, ''],
  ['TrentService.A.B', type, 'A.B'],
  ['trentservice.Encrypt', type, undefined],
  ['Encrypt', type, undefined],
  ['TrentService.Encrypt', 'application/x-amz-json-1.0', undefined],
  ['TrentService.Encrypt', 'text/plain', undefined],
])('the target %s with the content type %s names %p', async (target, contentType, operation) => {
  const request = await seen({ 'x-amz-target': target, 'content-type': contentType });
  expect(request.operation()).toBe(operation);
});

test('a request is told with its origin and without TLS where there is none', async () => {
  const request = await seen({ 'user-agent': 'tests' });
  expect(request).toMatchObject({
    requestId,
    origin: {
      sourceIp: '127.0.0.1',
      secureTransport: false,
      userAgent: 'tests',
      tls: undefined,
    },
  });
});

test('the body is not to be had before the sender was authenticated', async () => {
  let fault: unknown;
  answer = (request) => {
    try {
      void request.input('Encrypt');
    } catch (error) {
      fault = error;
    }
    return Promise.resolve({ ok: true, output: '' });
  };
  await post({});
  expect(fault).toMatchObject({
    message: 'the body was asked for before it was authenticated',
  });
});

test('an output is sent with the headers of the protocol', async () => {
  answer = () => Promise.resolve({ ok: true, output: '{"KeyId":"\u00e9"}' });
  const response = await post({});
  expect(response.status).toBe(200);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'x-amzn-requestid': requestId,
    'content-type': type,
    'content-length': '14',
    'cache-control': 'no-store',
  });
  expect(await response.text()).toBe('{"KeyId":"\u00e9"}');
});

test('an operation without an output answers no byte', async () => {
  answer = () => Promise.resolve({ ok: true, output: '' });
  const response = await post({});
  expect([response.status, response.headers.get('content-length')]).toEqual([200, '0']);
});

test.each([
  [new KmsError('NotFoundException', 'x'), 400, { __type: 'NotFoundException', message: 'x' }],
  [new KmsError('InvalidCiphertextException'), 400, { __type: 'InvalidCiphertextException' }],
  [
    new KmsError('AccessDeniedException', 'x'),
    400,
    { __type: 'AccessDeniedException', Message: 'x' },
  ],
  [
    new KmsError('KMSInternalException', 'x', { cause: new Error('hidden') }),
    500,
    { __type: 'KMSInternalException', message: 'x' },
  ],
])('a refusal %p is sent as %d without its cause', async (error, status, body) => {
  answer = () => Promise.resolve({ ok: false, error });
  const response = await post({});
  expect([response.status, await response.json()]).toEqual([status, body]);
});

test('after a body that is too large the connection is closed', async () => {
  answer = async (request) => {
    try {
      await request.authenticate();
    } catch (error) {
      if (error instanceof KmsError) return { ok: false, error };
    }
    return { ok: true, output: '' };
  };
  const response = await post({}, 'x'.repeat(101));
  expect([response.status, response.headers.get('connection')]).toEqual([413, 'close']);
  expect(await response.json()).toEqual({
    __type: 'RequestEntityTooLargeException',
    message: 'The request body must have length less than or equal to 100 bytes.',
  });
});
