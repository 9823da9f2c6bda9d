import type { XksFaultKind } from '../../src/xks-client/client';
import type { ProxyClient } from '../../src/xks-client/proxy-client';
import {
  type Different,
  type ProxyStage,
  aad,
  about,
  encrypting,
  faultOf,
  host,
  openProxyStage,
  plaintext,
} from '../support/proxy-stage';
import { until } from '../support/until';
import {
  type Behaviour,
  type TestProxy,
  but,
  refusing,
  reset,
  rightly,
} from '../support/xks-proxy';

let stage: ProxyStage;
let proxy: TestProxy;
const clientOf = (different?: Different): ProxyClient => stage.client(different);

beforeAll(async () => {
  stage = await openProxyStage();
  ({ proxy } = stage);
});
beforeEach(() => proxy.behave(rightly));
afterEach(() => stage.closeClients());
afterAll(() => stage.close());

test('What the proxy encrypted it decrypts again', async () => {
  const client = clientOf();
  const sealed = await encrypting(client);
  expect(sealed.ciphertext).toHaveLength(plaintext.length);
  expect(await client.decrypt('the-key', { sealed, aad, about })).toEqual(plaintext);
});

test('A request is what the API says it is, and its CDIV is always asked for', async () => {
  const seen = proxy.requests.length;
  await encrypting(clientOf());
  const [request] = proxy.requests.slice(seen);
  expect(request).toMatchObject({
    method: 'POST',
    path: '/prefix/kms/xks/v1/keys/the-key/encrypt',
    headers: { host, 'content-type': 'application/json' },
    body: {
      requestMetadata: about,
      plaintext: plaintext.toString('base64'),
      additionalAuthenticatedData: aad.toString('base64'),
      encryptionAlgorithm: 'AES_GCM',
      ciphertextDataIntegrityValueAlgorithm: 'SHA_256',
    },
  });
  expect(request?.headers.authorization).toMatch(
    /^AWS4-HMAC-SHA256 Credential=ABCDEFGHIJKLMNOPQRST\/\d{8}\/us-east-1\/kms-xks-proxy\/aws4_request, SignedHeaders=host;x-amz-date, Signature=[0-9a-f]{64}$/,
  );
});

test('Metadata and health are asked for as the API has them', async () => {
  const seen = proxy.requests.length;
  const client = clientOf();
  expect(await client.metadata('the-key', about)).toEqual({
    keySpec: 'AES_256',
    keyUsage: ['ENCRYPT', 'DECRYPT'],
    keyStatus: 'ENABLED',
  });
  expect(await client.health('KmsHealthCheck')).toMatchObject({
    ekmFleetDetails: [{ healthStatus: 'ACTIVE' }],
  });
  const [metadata, health] = proxy.requests.slice(seen);
  expect(metadata).toMatchObject({
    path: '/prefix/kms/xks/v1/keys/the-key/metadata',
    body: { requestMetadata: about },
  });
  expect(health?.path).toBe('/prefix/kms/xks/v1/health');
  expect(health?.body).toEqual({
    requestMetadata: {
      kmsRequestId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      kmsOperation: 'KmsHealthCheck',
    },
  });
});

test('A ciphertext of a proxy without metadata is sent back without', async () => {
  const client = clientOf();
  const sealed = { ...(await encrypting(client)), metadata: Buffer.alloc(0) };
  const seen = proxy.requests.length;
  // A proxy authenticates its metadata.
  expect(await faultOf(client.decrypt('the-key', { sealed, aad, about }))).toMatchObject({
    kind: 'ciphertext',
  });
  expect(Object.keys(proxy.requests[seen]?.body ?? {}).sort()).toEqual([
    'additionalAuthenticatedData',
    'authenticationTag',
    'ciphertext',
    'encryptionAlgorithm',
    'initializationVector',
    'requestMetadata',
  ]);
});

test.each(['', '.', '..', 'a/b', 'a%2fb', 'a key', 'a'.repeat(129)])(
  'No proxy has an external key %j, and none is asked for it',
  async (id) => {
    const seen = proxy.requests.length;
    const client = clientOf();
    const fault = {
      kind: 'key-not-found',
      message: 'the external key id is none that a proxy can have',
    };
    expect(await faultOf(encrypting(client, id))).toEqual(fault);
    expect(await faultOf(client.metadata(id, about))).toEqual(fault);
    expect(proxy.requests).toHaveLength(seen);
  },
);

test.each<[string, Behaviour, XksFaultKind, string]>([
  [
    'of more bytes than any has',
    () => ({ status: 200, body: Buffer.alloc(65_537, 0x20) }),
    'invalid-response',
    'the answer has more than 65536 bytes',
  ],
  [
    'that says that it is HTML',
    (_, right) => ({ ...right(), headers: { 'content-type': 'text/html' } }),
    'invalid-response',
    'the answer cannot be interpreted: it is not application/json, with status 200',
  ],
  [
    'with a wrong CDIV',
    (_, right) => but(right(), { ciphertextDataIntegrityValue: 'AAAA' }),
    'invalid-response',
    'the answer cannot be interpreted: ciphertextDataIntegrityValue is not that of the ciphertext',
  ],
  [
    'with a plaintext in place of a ciphertext',
    () => ({ status: 200, body: { plaintext: 'AAAA' } }),
    'invalid-response',
    'the answer cannot be interpreted: ciphertext is no base64',
  ],
  [
    'with status 500 and no body',
    () => ({ status: 500, body: '' }),
    'invalid-response',
    'the answer cannot be interpreted: it is no JSON',
  ],
  [
    'with status 503 and the page of a load balancer',
    () => ({ status: 503, headers: { 'content-type': 'text/html' }, body: '<h1>503</h1>' }),
    'invalid-response',
    'the answer cannot be interpreted: it is not application/json, with status 503',
  ],
  [
    'that leads elsewhere',
    () => ({ status: 307, headers: { location: 'https://elsewhere.example.test/' }, body: {} }),
    'invalid-response',
    'the answer cannot be interpreted: status 307 without an error that Encrypt has',
  ],
  [
    'that is a refusal',
    () => refusing(403, 'AccessDeniedException', 'no\nallow rule matched'),
    'access-denied',
    'AccessDeniedException: no?allow rule matched',
  ],
  [
    'that is an error of its own',
    () => refusing(500, 'InternalException', 'no HSM'),
    'unhealthy',
    'InternalException: no HSM',
  ],
  [
    'that it was late itself',
    () => refusing(503, 'DependencyTimeoutException'),
    'timed-out',
    'DependencyTimeoutException: (no message)',
  ],
])('An answer %s is a fault, and not asked for again', async (...[, behaviour, kind, message]) => {
  proxy.behave(behaviour);
  const seen = proxy.requests.length;
  expect(await faultOf(encrypting(clientOf()))).toEqual({ kind, message });
  expect(proxy.requests.length - seen).toBe(1);
});

test('A wrong secret, and a clock that is wrong, are a credential that the proxy refuses', async () => {
  const wrong = clientOf({ secret: () => Promise.resolve(Buffer.from('another secret')) });
  const late = clientOf({ now: () => Date.now() - 3_600_000 });
  for (const client of [wrong, late]) {
    expect(await faultOf(encrypting(client))).toEqual({
      kind: 'credential',
      message: 'AuthenticationFailedException: the signature is not right',
    });
  }
});

test('A secret that cannot be had is no fault of the proxy', async () => {
  const client = clientOf({ secret: () => Promise.reject(new Error('the token is away')) });
  await expect(encrypting(client)).rejects.toThrow(new Error('the token is away'));
});

test('After many failures in a row nothing is tried, but for health, which closes the breaker', async () => {
  const client = clientOf({ threshold: 3 });
  proxy.behave(() => reset);
  for (let i = 0; i < 3; i++) await faultOf(encrypting(client));
  const seen = proxy.requests.length;
  expect(await faultOf(encrypting(client))).toEqual({
    kind: 'unreachable',
    message: 'not tried, after 3 failures: the connection failed',
  });
  expect(proxy.requests).toHaveLength(seen);
  proxy.behave(rightly);
  await client.health('KmsHealthCheck');
  await encrypting(client);
});

test('Each request is told of once, with its outcome', async () => {
  const told: string[] = [];
  const client = clientOf({
    onRequest: ({ operation, outcome, seconds }) => {
      expect(seconds).toBeGreaterThan(0);
      told.push(`${operation} ${outcome}`);
    },
  });
  await encrypting(client);
  proxy.behave(() => reset);
  await faultOf(encrypting(client));
  proxy.behave(() => refusing(404, 'KeyNotFoundException'));
  await faultOf(client.metadata('the-key', about));
  expect(told).toEqual(['Encrypt ok', 'Encrypt unreachable', 'GetKeyMetadata key-not-found']);
});

test('Closing waits for what is under way, and then nothing more is asked', async () => {
  const client = clientOf();
  let answer: (() => void) | undefined;
  proxy.behave((_, right) => (response) => {
    const { body } = right();
    answer = () => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
  });
  const encrypted = encrypting(client);
  await until('the proxy has the request', () => answer !== undefined);
  const closed = client.close();
  expect(await faultOf(client.metadata('the-key', about))).toEqual({
    kind: 'unreachable',
    message: 'the connection to the proxy was closed',
  });
  answer?.();
  expect(await encrypted).toMatchObject({ iv: expect.any(Buffer) as Buffer });
  await closed;
});
