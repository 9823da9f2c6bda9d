import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, type Server, createServer } from 'node:net';
import { join } from 'node:path';
import type { TlsOptions } from 'node:tls';
import { promisify } from 'node:util';
import type { ProxyClient } from '../../src/xks-client/proxy-client';
import { Transport } from '../../src/xks-client/transport';
import { type CertificateFiles, issueCertificate, makeAuthority } from '../support/certificates';
import { freePort } from '../support/free-port';
import {
  type Different,
  type ProxyStage,
  encrypting,
  faultOf,
  host,
  openProxyStage,
} from '../support/proxy-stage';
import {
  type Behaviour,
  type TestProxy,
  babble,
  drip,
  half,
  hang,
  reset,
  rightly,
  startProxy,
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

test('Connections are kept, and shared between requests', async () => {
  const client = clientOf();
  const seen = proxy.requests.length;
  for (let i = 0; i < 5; i++) await encrypting(client);
  const connections = proxy.requests.slice(seen).map(({ connection }) => connection);
  expect(new Set(connections).size).toBe(1);
});

test('No more than 64 connections are made, and who comes later waits for one', async () => {
  const client = clientOf();
  const before = proxy.connections();
  await Promise.all(Array.from({ length: 200 }, () => encrypting(client)));
  expect(proxy.connections() - before).toBeLessThanOrEqual(64);
});

test('A request that met a closed connection is asked again on a new one', async () => {
  const client = clientOf();
  await encrypting(client);
  let times = 0;
  proxy.behave((_, right) => (++times === 1 ? reset : right()));
  expect(await encrypting(client)).toMatchObject({ iv: expect.any(Buffer) as Buffer });
  expect(times).toBe(2);
});

test.each<[string, Behaviour]>([
  ['resets the connection', () => reset],
  ['stops in the middle of the answer', () => half],
])(
  'A proxy that %s is asked twice, on two connections, and cannot be reached',
  async (_, behaviour) => {
    proxy.behave(behaviour);
    const seen = proxy.requests.length;
    expect(await faultOf(encrypting(clientOf()))).toEqual({
      kind: 'unreachable',
      message: 'the connection failed',
    });
    const connections = proxy.requests.slice(seen).map(({ connection }) => connection);
    expect(connections).toHaveLength(2);
    expect(new Set(connections).size).toBe(2);
  },
);

test('A proxy that does not answer, or is never done with it, is asked twice, and was late both times', async () => {
  proxy.behave(({ path }) => (path.includes('/slow/') ? drip : hang));
  const seen = proxy.requests.length;
  // Long enough for two handshakes on a machine that is busy.
  const client = clientOf({ deadlineMs: 3000 });
  const faults = await Promise.all(['slow', 'silent'].map((id) => faultOf(encrypting(client, id))));
  const late = { kind: 'timed-out', message: 'no answer within 3000 ms' };
  expect(faults).toEqual([late, late]);
  expect(proxy.requests.length - seen).toBe(4);
});

test('What is not HTTP at all is no answer', async () => {
  proxy.behave(() => babble);
  expect(await faultOf(encrypting(clientOf()))).toEqual({
    kind: 'invalid-response',
    message: 'the answer is not HTTP',
  });
});

const unreachable = { kind: 'unreachable', message: 'the connection failed' };
const noTls = { kind: 'tls', message: 'no TLS connection' };

/** Another proxy, for as long as the work takes. */
async function withProxy<T>(
  certificate: CertificateFiles,
  tls: TlsOptions,
  work: (other: TestProxy) => Promise<T>,
): Promise<T> {
  const other = await startProxy(certificate, tls);
  try {
    return await work(other);
  } finally {
    await other.close();
  }
}

async function withServer<T>(server: Server, work: (port: number) => Promise<T>): Promise<T> {
  const sockets = new Set<{ destroy(): void }>();
  server.on('connection', (socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    return await work((server.address() as AddressInfo).port);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

describe('Who cannot be reached', () => {
  test('is nobody that listens', async () => {
    const client = clientOf({ port: await freePort() });
    expect(await faultOf(encrypting(client))).toEqual(unreachable);
  });

  test('is who accepts a connection and says nothing', async () => {
    await withServer(createServer(), async (port) => {
      const client = clientOf({ port, deadlineMs: 200 });
      expect(await faultOf(encrypting(client))).toEqual({
        kind: 'unreachable',
        message: 'no connection within 200 ms',
      });
    });
  });

  test('is who hangs up in the middle of the handshake', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.destroy());
    });
    await withServer(server, async (port) => {
      expect(await faultOf(encrypting(clientOf({ port })))).toEqual(unreachable);
    });
  });
});

describe('TLS', () => {
  test('is what HTTP is not', async () => {
    await withServer(createHttpServer(), async (port) => {
      expect(await faultOf(encrypting(clientOf({ port })))).toEqual(noTls);
    });
  });

  test.each<[string, () => CertificateFiles]>([
    ['of another host', () => stage.serverCertificate('other', { of: 'other.example.test' })],
    ['that has expired', () => stage.serverCertificate('old', { days: -1 })],
    ['of an authority that is not believed', () => makeAuthority(stage.directory, 'stranger')],
  ])('with a certificate %s is refused, and not tried again', async (_, certificate) => {
    await withProxy(certificate(), {}, async (other) => {
      expect(await faultOf(encrypting(clientOf({ port: other.port })))).toEqual(noTls);
      expect(other.requests).toHaveLength(0);
    });
  });

  test('asks for the host of the endpoint, wherever that is', async () => {
    const asked: string[] = [];
    const SNICallback: TlsOptions['SNICallback'] = (name, done) => {
      asked.push(name);
      done(null);
    };
    await withProxy(stage.serverCertificate('asked'), { SNICallback }, async (other) => {
      await encrypting(clientOf({ port: other.port }));
    });
    expect(asked).toEqual([host]);
  });

  test('without authorities of its own believes the public ones', async () => {
    expect(await faultOf(encrypting(clientOf({ ca: undefined })))).toEqual(noTls);
  });

  test('believes no more in a process that is told to believe everybody', async () => {
    const module = join(__dirname, '..', '..', 'src', 'xks-client', 'transport.js');
    const connectTo = `{ host: '127.0.0.1', port: ${proxy.port} }`;
    const script = `
      const { Transport } = require(${JSON.stringify(module)});
      const host = ${JSON.stringify(host)};
      new Transport({ host, connectTo: ${connectTo}, deadlineMs: 20000 })
        .post({ path: '/', headers: { host }, body: Buffer.alloc(0), fresh: true })
        .then(() => console.log('answered'), ({ kind }) => console.log(kind));`;
    const env = { NODE_TLS_REJECT_UNAUTHORIZED: '0' };
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], { env });
    expect(stdout).toBe('tls\n');
  });

  test.each<[string, TlsOptions]>([
    ['TLS 1.1', { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }],
    [
      'a cipher suite that the API does not have',
      { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' },
    ],
  ])('is not %s', async (_, tls) => {
    await withProxy(stage.serverCertificate('weak'), tls, async (other) => {
      expect(await faultOf(encrypting(clientOf({ port: other.port })))).toEqual(noTls);
    });
  });

  test.each<[string, TlsOptions]>([
    ['1.2', { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' }],
    ['1.3', { minVersion: 'TLSv1.3', ciphers: 'TLS_AES_256_GCM_SHA384' }],
    ['1.3 with ChaCha20', { minVersion: 'TLSv1.3', ciphers: 'TLS_CHACHA20_POLY1305_SHA256' }],
  ])('%s serves', async (_, tls) => {
    await withProxy(stage.serverCertificate('fine'), tls, async (other) => {
      expect(await encrypting(clientOf({ port: other.port }))).toBeDefined();
    });
  });
});

describe('A proxy that wants a client certificate', () => {
  const subject = 'cks.kms.us-east-1.amazonaws.com';
  const wanting = (): TlsOptions => ({
    requestCert: true,
    rejectUnauthorized: true,
    ca: readFileSync(stage.authority.certFile),
  });
  const clientCertificate = () => {
    const { certFile, keyFile } = issueCertificate(stage.authority, stage.directory, {
      name: 'client',
      subject: `/CN=${subject}`,
    });
    return { cert: readFileSync(certFile), key: readFileSync(keyFile) };
  };

  test('gets ours', async () => {
    await withProxy(stage.serverCertificate('wanting'), wanting(), async (other) => {
      const client = clientOf({ port: other.port, identity: clientCertificate() });
      expect(await encrypting(client)).toBeDefined();
    });
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('refuses who has none, by %s', async (maxVersion) => {
    const tls = { ...wanting(), maxVersion };
    await withProxy(stage.serverCertificate('wanting'), tls, async (other) => {
      expect(await faultOf(encrypting(clientOf({ port: other.port })))).toEqual(noTls);
    });
  });
});

test('What is no certificate is found before anything is sent', () => {
  const pem = Buffer.from('no certificate');
  const wrong = () => new Transport({ host, deadlineMs: 1, identity: { cert: pem, key: pem } });
  expect(wrong).toThrow(/PEM/);
});
