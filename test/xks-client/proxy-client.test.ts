import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { XksFault, type XksFaultKind } from '../../src/xks-client/client';
import { ProxyClient, type ProxyRequestEvent } from '../../src/xks-client/proxy-client';
import { ProxySigner } from '../../src/xks-client/signer';
import { Transport, type TransportOptions } from '../../src/xks-client/transport';
import { type CertificateFiles, issueCertificate, makeAuthority } from '../support/certificates';
import {
  type Behaviour,
  type TestProxy,
  but,
  half,
  hang,
  proxyCredential,
  proxyRegion,
  refusing,
  reset,
  rightly,
  startProxy,
} from '../support/xks-proxy';

const host = 'proxy.example.test';
const about = {
  kmsRequestId: '4112f4d6-db54-4af4-ae30-c55a22a8dfae',
  kmsOperation: 'Encrypt',
  awsPrincipalArn: 'arn:aws:iam::111122223333:user/Alice',
  kmsKeyArn: 'arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab',
};
const plaintext = Buffer.from('the inner layer');
const aad = Buffer.from('header and digest');

/** No answer on this machine takes as long; a test that waits for the deadline sets its own. */
const wide = 20_000;

let directory: string;
let authority: CertificateFiles;
let certificate: CertificateFiles;
let proxy: TestProxy;
const open: ProxyClient[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'claviger-xks-client-'));
  authority = makeAuthority(directory, 'authority');
  certificate = serverCertificate('proxy', host);
  proxy = await startProxy(certificate);
});

beforeEach(() => proxy.behave(rightly));

afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.close()));
});

afterAll(async () => {
  await proxy.close();
  rmSync(directory, { recursive: true, force: true });
});

function serverCertificate(name: string, of: string, days = 2): CertificateFiles {
  return issueCertificate(authority, directory, {
    name,
    subject: `/CN=${of}`,
    days,
    extensions: [`subjectAltName=DNS:${of}`, 'extendedKeyUsage=serverAuth'],
  });
}

interface Different extends Partial<TransportOptions> {
  readonly port?: number;
  readonly secret?: () => Promise<Buffer>;
  readonly now?: () => number;
  readonly onRequest?: (event: ProxyRequestEvent) => void;
  readonly threshold?: number;
}

function clientOf({ port = proxy.port, ...different }: Different = {}): ProxyClient {
  const client = new ProxyClient({
    transport: new Transport({
      host,
      connectTo: { host: '127.0.0.1', port },
      ca: readFileSync(authority.certFile),
      deadlineMs: wide,
      ...different,
    }),
    signer: new ProxySigner({
      accessKeyId: proxyCredential.accessKeyId,
      region: proxyRegion,
      host,
      secret: different.secret ?? (() => Promise.resolve(Buffer.from(proxyCredential.secret))),
      now: different.now ?? Date.now,
    }),
    uriPath: '/prefix/kms/xks/v1',
    breaker: {
      threshold: different.threshold ?? 1000,
      pauseMs: 1000,
      now: () => performance.now(),
    },
    ...(different.onRequest === undefined ? {} : { onRequest: different.onRequest }),
  });
  open.push(client);
  return client;
}

async function faultOf(work: Promise<unknown>): Promise<{ kind: XksFaultKind; message: string }> {
  const thrown: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof XksFault)) throw new Error('no XksFault', { cause: thrown });
  return { kind: thrown.kind, message: thrown.message };
}

const encrypting = (client: ProxyClient, id = 'the-key') =>
  client.encrypt(id, { plaintext, aad, about });

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

test.each<[string, Behaviour, XksFaultKind]>([
  ['does not answer', () => reset, 'unreachable'],
  ['stops in the middle', () => half, 'unreachable'],
])('A proxy that %s is asked twice, on two connections', async (_, behaviour, kind) => {
  proxy.behave(behaviour);
  const seen = proxy.requests.length;
  expect(await faultOf(encrypting(clientOf()))).toMatchObject({ kind });
  const connections = proxy.requests.slice(seen).map(({ connection }) => connection);
  expect(new Set(connections).size).toBe(2);
  expect(connections).toHaveLength(2);
});

test('A wrong CDIV is an answer that cannot be interpreted', async () => {
  proxy.behave((_, right) =>
    but(right(), { ciphertextDataIntegrityValue: Buffer.alloc(32).toString('base64') }),
  );
  expect(await faultOf(encrypting(clientOf()))).toEqual({
    kind: 'invalid-response',
    message:
      'the answer cannot be interpreted: ciphertextDataIntegrityValue is not that of the ciphertext',
  });
});

test('A proxy that hangs has not answered in time', async () => {
  proxy.behave(() => hang);
  expect(await faultOf(encrypting(clientOf({ deadlineMs: 300 })))).toEqual({
    kind: 'timed-out',
    message: 'no answer within 300 ms',
  });
});

test('A refusal has what the proxy said of it', async () => {
  proxy.behave(() => refusing(403, 'AccessDeniedException', 'no\nallow rule matched'));
  expect(await faultOf(encrypting(clientOf()))).toEqual({
    kind: 'access-denied',
    message: 'AccessDeniedException: no?allow rule matched',
  });
});
