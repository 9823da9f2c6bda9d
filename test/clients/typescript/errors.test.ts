import { inspect } from 'node:util';
import {
  type Caller,
  ClavigerError,
  type ClavigerClientOptions,
  createClavigerClient,
} from '../../../clients/typescript/src';
import {
  type Answering,
  type RestStandIn,
  answering,
  hangingUp,
  silent,
  startRestStandIn,
} from '../../support/rest-stand-in';

let standIn: RestStandIn | undefined;
afterEach(() => standIn?.close());

const token = 'clv_secret-token';
const plaintext = 'c2VjcmV0LXBsYWludGV4dA==';
const encrypt = { params: { path: { KeyId: 'alias/invoices' } }, body: { Plaintext: plaintext } };

/** What an Encrypt is answered with an error, where the stand-in answers so. */
async function failure(
  answer: Answering,
  different: Partial<ClavigerClientOptions> = {},
): Promise<ClavigerError> {
  standIn = await startRestStandIn([answer]);
  const options = { baseUrl: standIn.url, token, retries: false, ...different };
  const claviger = createClavigerClient(options as ClavigerClientOptions);
  return errorOf(claviger.POST('/v1/keys/{KeyId}/encrypt', encrypt));
}

async function errorOf(call: Promise<unknown>): Promise<ClavigerError> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ClavigerError)) throw new Error('no ClavigerError', { cause: error });
  return error;
}

const problem = {
  type: 'urn:claviger:problem:ValidationException',
  title: 'The request is not valid.',
  status: 422,
  detail: '2 validation errors detected',
  instance: 'urn:uuid:5f1b3f0e-0f43-4c55-9d0c-1f6a3a0e6b11',
  code: 'ValidationException',
  requestId: '5f1b3f0e-0f43-4c55-9d0c-1f6a3a0e6b11',
  errors: [
    { pointer: '#/Plaintext', in: 'body', detail: 'must be base64' },
    { pointer: '#/KeyId', in: 'path', detail: 'must be ASCII' },
  ],
};

test('A problem document is an error with all that it says', async () => {
  const error = await failure(answering(422, problem));
  expect(error).toMatchObject({
    name: 'ClavigerError',
    message: problem.detail,
    code: 'ValidationException',
    detail: problem.detail,
    status: 422,
    requestId: problem.requestId,
    errors: problem.errors,
  });
  expect(error.stack).toContain('ClavigerError: 2 validation errors detected');
});

test.each([
  ['7', 7],
  ['Thu, 26 Nov 2026 03:00:00 GMT', undefined],
] as const)(
  'A refusal says when to ask again where that is in seconds: %s',
  async (after, seconds) => {
    const error = await failure(answering(503, problem, { 'retry-after': after }));
    expect(error.retryAfterSeconds).toBe(seconds);
  },
);

test('A problem without detail is described by its title', async () => {
  const { detail: _, errors: __, ...bare } = problem;
  const error = await failure(answering(500, bare));
  expect(error).toMatchObject({ message: problem.title, status: 500, errors: [] });
});

const html = `<html>${plaintext} ${token}</html>`;
const answeringHtml =
  (status: number, type = 'text/html'): Answering =>
  (response) =>
    response.writeHead(status, { 'content-type': type, 'x-amzn-requestid': 'r-9' }).end(html);

test.each([
  ['an error page', answeringHtml(502), 502],
  ['a success that is not JSON', answeringHtml(200), 200],
  ['a problem that is not JSON', answeringHtml(500, 'application/problem+json'), 500],
  ['a problem without a code', answering(500, { detail: token }), 500],
] as const)('%s is an UnexpectedAnswer that is not repeated', async (_, answer, status) => {
  const error = await failure(answer);
  expect(error).toMatchObject({ code: 'UnexpectedAnswer', status });
  expectNoSecrets(error);
});

test('A redirect is not followed: nobody else is given the request', async () => {
  const elsewhere = await startRestStandIn([answering(200, {})]);
  try {
    const error = await failure((response) =>
      response.writeHead(307, { location: `${elsewhere.url}/v1/random` }).end(),
    );
    expect(error.code).toBe('ConnectionFailed');
    expectNoSecrets(error);
    expect(elsewhere.received).toEqual([]);
  } finally {
    elsewhere.close();
  }
});

const neverEnding: Answering = (response) => response.writeHead(200).write('{');

test.each([
  ['no answer in time', silent],
  ['a body that does not end in time', neverEnding],
])('%s is a Timeout without status', async (_, answer) => {
  const error = await failure(answer, { timeoutMs: 100 });
  expect(error).toMatchObject({ code: 'Timeout', status: undefined, requestId: undefined });
  expect(error.detail).toBe('No answer within 100 ms');
  expectNoSecrets(error);
});

test('A connection that closes is a ConnectionFailed without status', async () => {
  const error = await failure(hangingUp);
  expect(error).toMatchObject({
    ...{ code: 'ConnectionFailed', status: undefined, requestId: undefined },
  });
  expect(error.detail).toMatch(/^No answer from http:\/\/127/);
  expectNoSecrets(error);
});

test('A daemon that is not there is named, and why it cannot be reached', async () => {
  const gone = await startRestStandIn([silent]);
  gone.close();
  const claviger = createClavigerClient({ baseUrl: gone.url, token, retries: { baseWaitMs: 1 } });
  const { code, detail } = await errorOf(claviger.POST('/v1/keys/{KeyId}/encrypt', encrypt));
  expect(code).toBe('ConnectionFailed');
  expect(detail).toContain(`No answer from ${gone.url}: connect ECONNREFUSED`);
});

describe.each(['two words', `${token}\r\nx-other: 1`, 'schlüssel', ''])(
  'What no header can carry is refused and not repeated: %j,',
  (bad) => {
    const key = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' };
    test.each<[string, Caller]>([
      ['a token', { token: () => bad }],
      ['an access key id', { credentials: { ...key, accessKeyId: bad } }],
      ['a session token', { credentials: { ...key, sessionToken: bad } }],
    ])('%s', async (_, caller) => {
      const claviger = createClavigerClient({ baseUrl: 'http://127.0.0.1:1', ...caller });
      const error = await errorOf(claviger.GET('/v1/keys'));
      expect(error).toMatchObject({ code: 'InvalidCredentials', status: undefined });
      if (bad !== '') expect(inspect(error, { depth: 9 })).not.toContain(bad.split('\r')[0]);
    });
  },
);

test.each(['', '.', '..'])(
  'A path parameter that leads elsewhere is refused: %j',
  async (KeyId) => {
    standIn = await startRestStandIn([answering(200, {})]);
    const claviger = createClavigerClient({ baseUrl: standIn.url, token });
    const error = await errorOf(
      claviger.DELETE('/v1/keys/{KeyId}', { params: { path: { KeyId } } }),
    );
    expect(error.code).toBe('InvalidPathParameter');
    expect(standIn.received).toEqual([]);
  },
);

test.each([
  '',
  'kms.internal:4599',
  'ftp://kms.internal',
  'https://me:secret@kms',
  'http://k/?a=b',
])('A baseUrl that is not just where Claviger is is refused and not repeated: %j', (baseUrl) => {
  expect(() => createClavigerClient({ baseUrl, token })).toThrow(
    new TypeError('baseUrl must be an http or https URL without user, query and fragment'),
  );
});

test('What is not set in the environment is no client that nobody knows', () => {
  const baseUrl = 'http://127.0.0.1:4599';
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
  const make = (options: object) => () => createClavigerClient({ baseUrl, ...options });
  expect(make({ token: undefined })).toThrow(new TypeError('token is undefined'));
  expect(make({ credentials: undefined })).toThrow(new TypeError('credentials is undefined'));
  expect(make({ token, credentials })).toThrow(
    new TypeError('Give token or credentials, not both'),
  );
});

function expectNoSecrets(error: ClavigerError): void {
  const all = `${inspect(error, { depth: 9, showHidden: true })} ${JSON.stringify(error)}`;
  for (const secret of [token, plaintext, 'secret']) expect(all).not.toContain(secret);
}
