import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { createServer } from '../../src/server';
import type { Listener, ServerLimits } from '../../src/server';
import { loadTls } from '../../src/server/tls';
import type { TlsFiles } from '../../src/server/tls';
import { issueCertificate, makeAuthority, makeCertificate } from '../support/certificates';
import type { CertificateFiles } from '../support/certificates';
import { recordingLog } from '../support/log';
import type { Recorded } from '../support/log';
import { until } from '../support/until';

let directory: string;
let first: TlsFiles;
let second: TlsFiles;
const open: Listener[] = [];

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'claviger-tls-'));
  first = makeCertificate(directory, 'first');
  second = makeCertificate(directory, 'second');
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((listener) => listener.close(0)));
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function start(
  tls: TlsFiles,
  limits: Partial<ServerLimits> = {},
): Promise<{ port: number; listener: Listener; news: () => Recorded[] }> {
  const { log, events } = recordingLog();
  const handler = (_req: unknown, res: { end(text: string): void }): void => res.end('ok');
  const listener = createServer(
    { aws: handler, rest: handler },
    { host: '127.0.0.1', port: 0, tls, log, limits },
  );
  open.push(listener);
  // A client that hangs up early is a failed handshake, which is told at debug and is no news here.
  const news = (): Recorded[] => events.filter(({ level }) => level !== 'debug');
  return { port: (await listener.listen()).port, listener, news };
}

/** Shakes hands and tells whose certificate was shown, and in which protocol. */
function handshake(
  port: number,
  options: ConnectionOptions = {},
): Promise<{ name: string; protocol: string }> {
  return new Promise((resolve, reject) => {
    const socket = connect(
      { host: '127.0.0.1', port, rejectUnauthorized: false, ...options },
      () => {
        const name = String(socket.getPeerCertificate().subject.CN);
        const protocol = socket.getProtocol() ?? 'none';
        socket.destroy();
        resolve({ name, protocol });
      },
    );
    socket.on('error', reject);
  });
}

/** A directory with a pair of its own, which a test may replace. */
function ownPair(name: string, from: TlsFiles): TlsFiles {
  const own = join(directory, name);
  mkdirSync(own);
  const files = { certFile: join(own, 'tls.crt'), keyFile: join(own, 'tls.key') };
  install(from, files);
  return files;
}

function install(from: TlsFiles, to: TlsFiles): void {
  copyFileSync(from.certFile, `${to.certFile}.new`);
  copyFileSync(from.keyFile, `${to.keyFile}.new`);
  renameSync(`${to.certFile}.new`, to.certFile);
  renameSync(`${to.keyFile}.new`, to.keyFile);
}

describe('the protocol', () => {
  test('is TLS 1.2 or newer', async () => {
    const { port } = await start(first);
    expect(await handshake(port)).toEqual({ name: 'first', protocol: 'TLSv1.3' });
    expect((await handshake(port, { maxVersion: 'TLSv1.2' })).protocol).toBe('TLSv1.2');
    await expect(
      handshake(port, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL@SECLEVEL=0' }),
    ).rejects.toThrow();
  });

  test('may be limited to TLS 1.3', async () => {
    const { port } = await start({ ...first, minVersion: 'TLSv1.3' });
    expect((await handshake(port)).protocol).toBe('TLSv1.3');
    await expect(handshake(port, { maxVersion: 'TLSv1.2' })).rejects.toThrow('protocol version');
  });
});

describe('a new certificate', () => {
  test('is served after a reload', async () => {
    const files = ownPair('reload', first);
    const { port, listener } = await start(files);
    install(second, files);
    await listener.reloadTls();
    expect((await handshake(port)).name).toBe('second');
  });

  test('is served soon after its files changed', async () => {
    const files = ownPair('watched', first);
    const { port, news } = await start(files);
    expect((await handshake(port)).name).toBe('first');
    install(second, files);
    await until('the certificate was read again', () => news().length > 0);
    expect(news()).toContainEqual({
      level: 'info',
      message: 'the TLS certificate was read again',
      fields: {},
    });
    expect((await handshake(port)).name).toBe('second');
  });

  test('is seen when a link to its directory is replaced, as Kubernetes does', async () => {
    const volume = join(directory, 'volume');
    mkdirSync(volume);
    for (const [name, pair] of [
      ['v1', first],
      ['v2', second],
    ] as const) {
      mkdirSync(join(volume, name));
      install(pair, {
        certFile: join(volume, name, 'tls.crt'),
        keyFile: join(volume, name, 'tls.key'),
      });
    }
    symlinkSync('v1', join(volume, '..data'));
    for (const file of ['tls.crt', 'tls.key'])
      symlinkSync(join('..data', file), join(volume, file));
    const files = { certFile: join(volume, 'tls.crt'), keyFile: join(volume, 'tls.key') };
    const { port, news } = await start(files);
    symlinkSync('v2', join(volume, '..data_tmp'));
    renameSync(join(volume, '..data_tmp'), join(volume, '..data'));
    await until('the certificate was read again', () => news().length > 0);
    expect((await handshake(port)).name).toBe('second');
  });

  test('that is bad leaves the old one in service, and says so', async () => {
    const files = ownPair('bad', first);
    const { port, news } = await start(files);
    copyFileSync(second.keyFile, files.keyFile);
    await until('the certificate was read again', () => news().length > 0);
    expect(news()).toEqual([
      {
        level: 'error',
        message: 'the new TLS certificate is bad, the old one is kept',
        fields: {
          error: `Error: the key in ${files.keyFile} is not that of the certificate ${files.certFile}`,
        },
      },
    ]);
    expect((await handshake(port)).name).toBe('first');
  });

  test('that is bad makes a reload fail and nothing else', async () => {
    const files = ownPair('rejected', first);
    const { port, listener } = await start(files);
    rmSync(files.certFile);
    await expect(listener.reloadTls()).rejects.toMatchObject({ code: 'ENOENT' });
    expect((await handshake(port)).name).toBe('first');
  });
});

describe('loading', () => {
  test('refuses a certificate that has expired', async () => {
    const late = Date.now() + 3 * 86_400_000;
    await expect(loadTls(first, late)).rejects.toThrow(/^the certificate .*first\.crt expired on /);
  });

  test('names the file that is no PEM, and shows nothing of it', async () => {
    const keyFile = join(directory, 'broken.key');
    writeFileSync(keyFile, '-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n');
    const failure = loadTls({ ...first, keyFile }, Date.now());
    await expect(failure).rejects.toThrow(/broken\.key cannot be used as PEM \(\w+\)$/);
    await expect(failure).rejects.not.toThrow('c2VjcmV0');
  });
});

describe('certificates of clients', () => {
  let authority: CertificateFiles;
  let good: CertificateFiles;
  let foreign: CertificateFiles;
  let late: CertificateFiles;

  beforeAll(() => {
    authority = makeAuthority(directory, 'authority');
    good = issueCertificate(authority, directory, { name: 'good' });
    late = issueCertificate(authority, directory, { name: 'late', days: -1 });
    const other = makeAuthority(directory, 'other');
    foreign = issueCertificate(other, directory, { name: 'foreign' });
  });

  const withClients = (required: boolean, caFile = authority.certFile): TlsFiles => ({
    ...first,
    clients: { caFile, required },
  });
  const by = (client: CertificateFiles | undefined): ConnectionOptions =>
    client === undefined
      ? {}
      : { cert: readFileSync(client.certFile), key: readFileSync(client.keyFile) };

  /** What the listener answers; a client learns in TLS 1.3 after its handshake that it was refused. */
  function answer(port: number, options: ConnectionOptions): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
      let text = '';
      socket.on('error', reject);
      socket.on('close', () => (text === '' ? reject(new Error('closed')) : resolve(text)));
      socket.setEncoding('latin1');
      socket.on('data', (data: string) => (text += data));
      socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    });
  }

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('may be required, over %s', async (maxVersion) => {
    const { port } = await start(withClients(true));
    expect(await answer(port, { ...by(good), maxVersion })).toMatch(/^HTTP\/1\.1 200 /);
    for (const client of [undefined, foreign, late]) {
      await expect(answer(port, { ...by(client), maxVersion })).rejects.toThrow(
        /closed|disconnected|ECONNRESET|alert|EPIPE/,
      );
    }
  });

  test('may be left away where they are optional, and a bad one is told in the log', async () => {
    const { port, news } = await start(withClients(false));
    for (const client of [undefined, good]) {
      expect(await answer(port, by(client))).toMatch(/^HTTP\/1\.1 200 /);
    }
    expect(news()).toEqual([]);
    for (const client of [foreign, late]) {
      expect(await answer(port, by(client))).toMatch(/^HTTP\/1\.1 200 /);
    }
    expect(news()).toEqual(
      ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'CERT_HAS_EXPIRED'].map((reason) => ({
        level: 'info',
        message: 'a client certificate was not accepted',
        fields: { reason },
      })),
    );
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'are shown on every connection: none is resumed over %s',
    async (maxVersion) => {
      const { port } = await start(withClients(true));
      let session: Buffer | undefined;
      const resumed = await new Promise<boolean>((resolve, reject) => {
        const options = { host: '127.0.0.1', port, rejectUnauthorized: false, maxVersion };
        const one = connect({ ...options, ...by(good) });
        one.on('session', (given: Buffer) => (session = given));
        one.on('error', reject);
        one.on('close', () => {
          const two = connect({ ...options, ...by(good), ...(session && { session }) }, () => {
            resolve(two.isSessionReused());
            two.destroy();
          });
          two.on('error', reject);
        });
        one.resume();
        one.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      });
      expect(resumed).toBe(false);
    },
  );

  test('are judged by the authorities that the file holds now', async () => {
    const own = join(directory, 'ca');
    mkdirSync(own);
    const caFile = join(own, 'ca.crt');
    copyFileSync(authority.certFile, caFile);
    const { port, news } = await start(withClients(true, caFile));
    expect(await answer(port, by(good))).toMatch(/^HTTP/);
    copyFileSync(join(directory, 'other.crt'), `${caFile}.new`);
    renameSync(`${caFile}.new`, caFile);
    await until('the certificate was read again', () => news().length > 0);
    expect(await answer(port, by(foreign))).toMatch(/^HTTP/);
    await expect(answer(port, by(good))).rejects.toThrow();
  });

  test('of two authorities are both good', async () => {
    const caFile = join(directory, 'bundle.crt');
    const both = [authority.certFile, join(directory, 'other.crt')].map((f) => readFileSync(f));
    writeFileSync(caFile, Buffer.concat([Buffer.from('# a bundle\n'), ...both]));
    const { port } = await start(withClients(true, caFile));
    for (const client of [good, foreign]) {
      expect(await answer(port, by(client))).toMatch(/^HTTP/);
    }
  });

  test('need authorities: a file with none, or with what is none, is refused', async () => {
    const empty = join(directory, 'empty.crt');
    writeFileSync(empty, 'nothing');
    await expect(start(withClients(false, empty))).rejects.toThrow(
      `${empty} has no PEM certificate in it`,
    );
    await expect(start(withClients(false, good.certFile))).rejects.toThrow(
      `${good.certFile} has a certificate that is no authority's: `,
    );
    const broken = join(directory, 'broken.crt');
    writeFileSync(broken, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    await expect(start(withClients(false, broken))).rejects.toThrow(
      `${broken} cannot be used as PEM`,
    );
  });
});

test('a listener whose certificate is missing does not start', async () => {
  const tls = { ...first, certFile: join(directory, 'nowhere.crt') };
  await expect(start(tls)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('plain HTTP into a TLS port is dropped and leaves the port in service', async () => {
  const { port } = await start(first);
  await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow('fetch failed');
  expect((await handshake(port)).name).toBe('first');
});

test('a request over TLS that never ends is answered 408, with a problem document', async () => {
  const { port } = await start(first, { headersTimeoutMs: 200 });
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
  socket.write('GET / HTTP/1.1\r\n');
  let text = '';
  socket.setEncoding('latin1').on('data', (data: string) => (text += data));
  await new Promise((resolve) => socket.once('close', resolve));
  expect(text).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n.*"code":"RequestTimeoutException"\}$/s);
});
