import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect } from 'node:tls';
import { type Listener, createListener } from '../../src/server';
import {
  type CertificateFiles,
  issueCertificate,
  makeAuthority,
  makeCertificate,
} from '../support/certificates';
import { type Recorded, recordingLog } from '../support/log';
import { RawConnection } from '../support/raw-http';
import { until } from '../support/until';

/** Clients as AWS KMS is one: known by the subject of a certificate, to a listener that lets nobody else in. */

const kms = 'cks.kms.us-east-1.amazonaws.com';
const protocols = ['TLSv1.2', 'TLSv1.3'] as const;

let directory: string;
let server: CertificateFiles;
let authority: CertificateFiles;
let other: CertificateFiles;
const made = new Map<string, CertificateFiles | undefined>();
const open: Listener[] = [];

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'claviger-clients-'));
  server = makeCertificate(directory, 'server');
  authority = makeAuthority(directory, 'authority');
  other = makeAuthority(directory, 'other');
  const by = (name: string, subject: string, more = {}, issuer = authority): void => {
    made.set(name, issueCertificate(issuer, directory, { name, subject, ...more }));
  };
  by('kms', `/CN=${kms}`);
  by('kms in Frankfurt', '/O=Amazon/CN=CKS.kms.eu-central-1.amazonaws.com');
  by('kms in Tokyo', '/CN=cks.kms.ap-northeast-1.amazonaws.com');
  by('somebody whose name begins so', `/CN=${kms}.example.org`);
  by('somebody whose name ends so', `/CN=x.${kms}`);
  by('a wildcard', '/CN=*.kms.us-east-1.amazonaws.com');
  by('two names', `/CN=example.org/CN=${kms}`);
  by('no CN', `/O=${kms}`, { extensions: [`subjectAltName=DNS:${kms}`] });
  by('a name with more behind a line', `/CN=${kms}\nCN=x`);
  by('a server', `/CN=${kms}`, { extensions: ['extendedKeyUsage=serverAuth'] });
  by('kms of last year', `/CN=${kms}`, { days: -1 });
  by('kms of another authority', `/CN=${kms}`, {}, other);
  made.set('kms by itself', makeCertificate(directory, kms));
  made.set('nobody', undefined);
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((listener) => listener.close(0)));
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface Started {
  readonly port: number;
  readonly handled: () => number;
  readonly news: () => Recorded[];
  readonly listener: Listener;
}

async function start(
  commonNames: readonly string[] = [kms, 'cks.kms.eu-central-1.amazonaws.com'],
): Promise<Started> {
  const { log, events } = recordingLog();
  let handled = 0;
  const handler = (_req: IncomingMessage, res: ServerResponse): void => {
    handled += 1;
    res.end('let in');
  };
  const clients = { caFile: authority.certFile, required: true, commonNames };
  const tls = { ...server, clients };
  // Whoever is cut is cut by something else.
  const limits = { headersTimeoutMs: 3_600_000 };
  const listener = createListener(handler, { host: '127.0.0.1', port: 0, tls, log, limits });
  open.push(listener);
  const { port } = await listener.listen();
  const news = (): Recorded[] => events.filter(({ level }) => level !== 'debug');
  return { port, handled: () => handled, news, listener };
}

/** Sends its request with the end of the handshake, before it can know that it is refused; what it gets back. */
function eager(
  port: number,
  name: string,
  maxVersion: ConnectionOptions['maxVersion'],
): Promise<string> {
  const files = made.get(name);
  const own = files && { cert: readFileSync(files.certFile), key: readFileSync(files.keyFile) };
  return new Promise((resolve) => {
    const socket = connect({
      host: '127.0.0.1',
      port,
      rejectUnauthorized: false,
      maxVersion,
      ...own,
    });
    let text = '';
    socket.setEncoding('latin1').on('data', (data) => (text += String(data)));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  });
}

/** The exit code of curl, and the body that it got. */
function curl(
  port: number,
  name: string,
  ...options: string[]
): Promise<{ code: number; body: string }> {
  const files = made.get(name);
  const own = files ? ['--cert', files.certFile, '--key', files.keyFile] : [];
  const args = ['--silent', '--cacert', server.certFile, ...own, ...options];
  return new Promise((resolve) => {
    execFile('curl', [...args, `https://127.0.0.1:${port}/`], (error, body) => {
      resolve({ code: Number(error?.code ?? 0), body });
    });
  });
}

describe.each(protocols)('over %s', (version) => {
  test.each(['kms', 'kms in Frankfurt'])('%s is let in', async (name) => {
    const { port, news } = await start();
    expect(await eager(port, name, version)).toMatch(/^HTTP\/1\.1 200 .*let in/s);
    expect(news()).toEqual([]);
  });

  test.each([
    ['kms in Tokyo', 'cks.kms.ap-northeast-1.amazonaws.com'],
    ['somebody whose name begins so', `${kms}.example.org`],
    ['somebody whose name ends so', `x.${kms}`],
    ['a wildcard', '*.kms.us-east-1.amazonaws.com'],
    ['two names', 'none that can be read, or several'],
    ['no CN', 'none that can be read, or several'],
    ['a name with more behind a line', 'none that can be read, or several'],
  ])('%s is cut before a request is read, and the log has the name', async (name, subject) => {
    const { port, handled, news } = await start();
    expect(await eager(port, name, version)).toBe('');
    await until('it is logged', () => news().length > 0);
    expect(news()).toEqual([
      {
        level: 'info',
        message: 'a client certificate was not accepted',
        fields: { reason: 'SUBJECT', subject },
      },
    ]);
    expect(handled()).toBe(0);
  });

  test.each([
    ['a server', 'INVALID_PURPOSE'],
    ['kms of last year', 'CERT_HAS_EXPIRED'],
    ['kms of another authority', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['kms by itself', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  ])('%s is cut before a request is read, and the log says why', async (name, reason) => {
    const { port, handled, news } = await start();
    expect(await eager(port, name, version)).toBe('');
    await until('it is logged', () => news().length > 0);
    expect(news()).toEqual([
      { level: 'info', message: 'a client certificate was not accepted', fields: { reason } },
    ]);
    expect(handled()).toBe(0);
  });

  test('who shows no certificate is cut, and is no news', async () => {
    const { port, handled, news } = await start();
    expect(await eager(port, 'nobody', version)).toBe('');
    expect(await eager(port, 'kms', version)).toMatch(/let in/);
    expect([handled(), news()]).toEqual([1, []]);
  });

  test('curl is told the same', async () => {
    const { port } = await start();
    const as = ['--tls-max', version.slice(-3)];
    expect(await curl(port, 'kms', ...as)).toEqual({ code: 0, body: 'let in' });
    for (const name of ['kms in Tokyo', 'kms of another authority', 'nobody']) {
      const { code, body } = await curl(port, name, ...as);
      // What curl makes of a connection that ends: in the handshake, in what is sent, or in what is received.
      expect([name, [35, 52, 55, 56].includes(code), body]).toEqual([name, true, '']);
    }
  });
});

test('who is cut holds nothing up: the listener closes at once', async () => {
  const { port, listener } = await start();
  await Promise.all(protocols.map((version) => eager(port, 'kms in Tokyo', version)));
  await listener.close(60_000);
});

test('who never shakes hands is cut when the grace is over', async () => {
  const { port, listener } = await start();
  const silent = await RawConnection.open(port);
  // The listener has taken it: it is served what comes later in turn.
  expect(await eager(port, 'kms', 'TLSv1.3')).toMatch(/let in/);
  await listener.close(50);
  expect(await silent.end()).toBe('');
});
