import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { GenerateRandomCommand } from '@aws-sdk/client-kms';
import {
  type CertificateFiles,
  issueCertificate,
  makeAuthority,
  makeCertificate,
} from '../support/certificates';
import { eventsNamed } from '../support/audit';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { putTokenBack, takeTokenAway } from '../support/outage';
import { childrenOf } from '../support/processes';
import { until } from '../support/until';

/** The port of the XKS proxy as clients other than node see it: curl, and openssl s_client. */

const kms = 'cks.kms.us-east-1.amazonaws.com';

let directory: string;
let daemon: TestDaemon;
/** Of the daemon; its files are replaced by the one or the other. */
let shown: CertificateFiles;
let ecdsa: CertificateFiles;
let rsa: CertificateFiles;
let client: CertificateFiles;
let stranger: CertificateFiles;
/** Of a name that is ours when its letters are made small, and another until then. */
let kelvin: CertificateFiles;

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'claviger-xks-'));
  ecdsa = makeCertificate(directory, 'ecdsa');
  rsa = makeCertificate(directory, 'rsa', { key: 'rsa:2048' });
  const authority = makeAuthority(directory, 'authority');
  client = issueCertificate(authority, directory, { name: 'client', subject: `/CN=${kms}` });
  stranger = issueCertificate(authority, directory, { name: 'stranger' });
  const subject = `/CN=${kms.replaceAll('k', '\u212a')}`;
  kelvin = issueCertificate(authority, directory, { name: 'kelvin', subject });
  shown = { certFile: path.join(directory, 'tls.crt'), keyFile: path.join(directory, 'tls.key') };
  show(ecdsa);
  daemon = await startDaemon({
    workers: 2,
    environment: {
      CLAVIGER_XKS_PORT: '0',
      CLAVIGER_XKS_PING_PORT: '0',
      CLAVIGER_XKS_TLS_CERT_FILE: shown.certFile,
      CLAVIGER_XKS_TLS_KEY_FILE: shown.keyFile,
      CLAVIGER_XKS_CLIENT_CA_FILE: authority.certFile,
      CLAVIGER_XKS_CLIENT_SUBJECT: `cks.kms.eu-west-1.amazonaws.com, ${kms}`,
    },
  });
});
afterAll(async () => {
  await daemon.remove();
  rmSync(directory, { recursive: true, force: true });
});

function show(files: CertificateFiles): void {
  for (const name of ['keyFile', 'certFile'] as const) {
    copyFileSync(files[name], `${shown[name]}.new`);
    renameSync(`${shown[name]}.new`, shown[name]);
  }
}

/** Serves another certificate from now on, on every worker. */
async function serveWith(files: CertificateFiles): Promise<void> {
  const said = (): number =>
    daemon.log.filter(({ message }) => message === 'the TLS certificate was read again').length;
  const before = said();
  show(files);
  await until('both workers read it', () => said() >= before + 2);
}

interface Ran {
  readonly code: number;
  readonly output: string;
}

/** Everything that a command printed; its standard input is what a request is. */
function run(command: string, args: readonly string[], input = ''): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(command, args, (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), output: stdout + stderr });
    });
    child.stdin?.on('error', () => undefined).end(input);
  });
}

const proof = (files: CertificateFiles): string[] => [
  '-cert',
  files.certFile,
  '-key',
  files.keyFile,
];

/** A handshake as AWS KMS would make it, or one that a test makes different. */
function handshake(...options: string[]): Promise<Ran> {
  const { host } = new URL(String(daemon.xks.endpoint));
  const request = 'GET /ping HTTP/1.1\r\nHost: xks\r\nConnection: close\r\n\r\n';
  const args = ['s_client', '-connect', host, ...proof(client), '-ign_eof', ...options];
  return run('openssl', args, request);
}

/** Status and body of a request over TLS, with a client's certificate. */
async function curl(url: string, ...options: string[]): Promise<string> {
  const own = ['--cert', client.certFile, '--key', client.keyFile, '--cacert', shown.certFile];
  const form = ['--silent', '--write-out', ' %{http_code} HTTP/%{http_version}'];
  return (await run('curl', [...form, ...own, ...options, url])).output;
}

const xksUrl = (suffix: string): string => `${String(daemon.xks.endpoint)}${suffix}`;

test('the daemon says where it listens before it says that it is ready', async () => {
  expect(daemon.xks.endpoint).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
  expect(daemon.xks.ping).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/ping$/);
  const ports = [daemon.endpoint, daemon.xks.endpoint, daemon.xks.ping].map((url) =>
    Number(new URL(String(url)).port),
  );
  expect(new Set(ports).size).toBe(3);
  const [port, xksPort, xksPingPort] = ports;
  const ready = (): unknown => daemon.log.find(({ message }) => message === 'ready');
  await until('the log says so', () => ready() !== undefined);
  expect(ready()).toMatchObject({ port, xksPort, xksPingPort, workers: 2 });
});

describe('the port of the XKS proxy', () => {
  test('answers the ping of whoever may connect, on every worker', async () => {
    const answers = Array.from({ length: 6 }, () => curl(xksUrl('/ping')));
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['pong 200 HTTP/1.1']));
    expect(await curl(xksUrl('/ping?from=nlb'))).toBe('pong 200 HTTP/1.1');
  });

  test.each([
    '/healthz',
    '/readyz',
    '/metrics',
    '/',
    '/?Action=GetCallerIdentity&Version=2011-06-15',
  ])('serves nothing of the other doors: GET %s', async (url) => {
    expect(await curl(xksUrl(url))).toMatch(/ 404 HTTP\/1\.1$/);
  });

  test('serves no operation of KMS, and the main port none of the proxy', async () => {
    const kmsCall = [
      '--data',
      '{"NumberOfBytes":8}',
      '--header',
      'X-Amz-Target: TrentService.GenerateRandom',
    ];
    expect(await curl(xksUrl('/'), ...kmsCall)).toMatch(/ 404 HTTP\/1\.1$/);
    const answer = await fetch(`${daemon.endpoint}/kms/xks/v1/health`, {
      method: 'POST',
      body: '{}',
    });
    expect([answer.status, await answer.text()]).toEqual([404, '{"message":"Not Found"}']);
    await daemon.client().send(new GenerateRandomCommand({ NumberOfBytes: 8 }));
  });

  test('keeps idle connections for longer than a network load balancer does', async () => {
    const answer = await curl(xksUrl('/ping'), '--include');
    expect(answer).toMatch(/^Keep-Alive: timeout=400\r$/m);
  });

  test('speaks HTTP/1.1 with who would rather have HTTP/2, and not with who takes nothing else', async () => {
    expect(await curl(xksUrl('/ping'), '--http2')).toBe('pong 200 HTTP/1.1');
    const both = await handshake('-alpn', 'h2,http/1.1');
    expect(both.output).toContain('ALPN protocol: http/1.1\n');
    const one = await handshake('-alpn', 'h2');
    expect(one.output).toContain('no application protocol');
    expect((await handshake()).output).toContain('pong');
  });
});

describe('a request that is signed', () => {
  const health = '/mutual/kms/xks/v1/health';
  let signed: string[];
  beforeAll(async () => {
    await daemon.run('xks', 'store', 'create', '/mutual');
    const printed = await daemon.run('xks', 'credential', 'create', '/mutual', '--json');
    const made = JSON.parse(printed) as Record<'AccessKeyId' | 'RawSecretAccessKey', string>;
    signed = [
      ...['--aws-sigv4', `aws:amz:${daemon.region}:kms-xks-proxy`],
      ...['--user', `${made.AccessKeyId}:${made.RawSecretAccessKey}`],
      ...['--header', 'Content-Type: application/json'],
    ];
  });

  const told = (kmsRequestId: string): string[] => {
    const requestMetadata = { kmsRequestId, kmsOperation: 'KmsHealthCheck' };
    return ['--data', JSON.stringify({ requestMetadata })];
  };
  const recorded = async (kmsRequestId: string): Promise<boolean> => {
    const records = await eventsNamed(daemon, 'GetHealthStatus');
    return records.some((record) => JSON.stringify(record).includes(kmsRequestId));
  };

  test('is answered on as many as come over one connection', async () => {
    const url = xksUrl(health);
    const answers = await curl(url, url, '--http1.1', ...signed, ...told('let-in'));
    expect(answers).toMatch(/^(\{"xksProxyFleetSize":[12],.*"\}\]\} 200 HTTP\/1\.1){2}$/);
    expect(await recorded('let-in')).toBe(true);
  });

  test('is not read of a client of another name, however right the signature is', async () => {
    const as = ['--cert', stranger.certFile, '--key', stranger.keyFile];
    expect(await curl(xksUrl(health), ...signed, ...told('kept-out'), ...as)).toBe(' 000 HTTP/0');
    expect(await recorded('kept-out')).toBe(false);
  });
});

describe('TLS of the XKS proxy', () => {
  test.each(['-tls1', '-tls1_1'])('is not %s', async (version) => {
    const { code, output } = await handshake(version, '-cipher', 'ALL:@SECLEVEL=0');
    expect(code).toBe(1);
    expect(output).toMatch(/alert protocol version|no protocols available/);
  });

  test.each(['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'])(
    '1.3 has %s',
    async (suite) => {
      const { output } = await handshake('-tls1_3', '-ciphersuites', suite);
      expect(output).toContain(`New, TLSv1.3, Cipher is ${suite}\n`);
      expect(output).toContain('pong');
    },
  );

  test('1.3 has no suite of 128 bits', async () => {
    const { output } = await handshake('-tls1_3', '-ciphersuites', 'TLS_AES_128_GCM_SHA256');
    expect(output).toContain('handshake failure');
  });

  const families = [
    ['ECDSA', () => ecdsa],
    ['RSA', () => rsa],
  ] as const;

  test.each(families)(
    '1.2 has AES-256 and ChaCha20 for a certificate of %s, and nothing weaker',
    async (kind, files) => {
      await serveWith(files());
      for (const suite of [`ECDHE-${kind}-AES256-GCM-SHA384`, `ECDHE-${kind}-CHACHA20-POLY1305`]) {
        const { output } = await handshake('-tls1_2', '-cipher', suite);
        expect(output).toContain(`New, TLSv1.2, Cipher is ${suite}\n`);
        expect(output).toContain('pong');
      }
      const weaker = [
        ...[
          `ECDHE-${kind}-AES128-GCM-SHA256`,
          `ECDHE-${kind}-AES256-SHA384`,
          `ECDHE-${kind}-AES256-SHA`,
        ],
        ...['AES256-GCM-SHA384', 'AES128-SHA', 'DHE-RSA-AES256-GCM-SHA384', 'aNULL'],
      ];
      for (const suite of weaker) {
        const { output } = await handshake('-tls1_2', '-cipher', `${suite}:@SECLEVEL=0`);
        expect([suite, output]).toEqual([suite, expect.stringContaining('handshake failure')]);
      }
    },
  );

  test('lets nobody negotiate anew on a connection that it has let in', async () => {
    const { host } = new URL(String(daemon.xks.endpoint));
    const { output } = await run(
      'openssl',
      ['s_client', '-connect', host, ...proof(client), '-tls1_2'],
      'R\n',
    );
    expect(output).toContain('RENEGOTIATING');
    expect(output).toContain('no renegotiation');
  });

  test('lets no client in but those of the authority and the names of the settings', async () => {
    expect((await handshake()).output).toContain('pong');
    for (const other of [stranger, kelvin]) {
      expect((await handshake(...proof(other))).output).not.toContain('pong');
    }
    const { host } = new URL(String(daemon.xks.endpoint));
    const nobody = await run(
      'openssl',
      ['s_client', '-connect', host, '-tls1_2', '-ign_eof'],
      'GET /ping HTTP/1.1\r\n\r\n',
    );
    expect(nobody.output).toMatch(/alert handshake failure/);
    expect(nobody.output).not.toContain('pong');
    await until('it is logged', () =>
      daemon.log.some(
        (line) =>
          line['message'] === 'a client certificate was not accepted' &&
          line['subject'] === 'stranger',
      ),
    );
  });
});

describe('the plain ping of load balancers', () => {
  const ping = async (init?: RequestInit, suffix = ''): Promise<[number, string]> => {
    const answer = await fetch(String(daemon.xks.ping) + suffix, init);
    return [answer.status, await answer.text()];
  };

  test('says that the worker serves, without a certificate', async () => {
    expect(await ping()).toEqual([200, 'pong']);
    expect(await ping({ method: 'HEAD' })).toEqual([200, '']);
  });

  test('is all there is on its port', async () => {
    expect(await ping({ method: 'POST', body: '{}' })).toEqual([404, 'Not Found']);
    expect(await ping({}, '/')).toEqual([404, 'Not Found']);
    expect(await ping({ method: 'POST', body: '{}' }, '/../kms/xks/v1/health')).toEqual([
      404,
      'Not Found',
    ]);
    const { origin } = new URL(String(daemon.xks.ping));
    const answer = await fetch(`${origin}/metrics`);
    expect([answer.status, answer.headers.get('connection')]).toEqual([404, 'close']);
  });

  test('says no while the worker cannot serve, and so does that over TLS', async () => {
    await takeTokenAway(daemon);
    await until('both workers say no', async () => {
      const answers = await Promise.all([ping(), ping(), ping(), ping()]);
      return answers.every(([status, text]) => status === 503 && text === 'Service Unavailable');
    });
    expect(await curl(xksUrl('/ping'))).toBe('Service Unavailable 503 HTTP/1.1');
    await putTokenBack(daemon);
    await until('both workers say yes', async () => {
      const answers = await Promise.all([ping(), ping(), ping(), ping()]);
      return answers.every(([status]) => status === 200);
    });
  });
});

test('all ports are where they were when every worker has died at once', async () => {
  const said = (text: string): number =>
    daemon.log.filter(({ message }) => message === text).length;
  for (const pid of childrenOf(daemon.process.pid)) process.kill(pid, 'SIGKILL');
  await until('two new workers serve', () => said('a new worker serves') === 2);
  expect(await curl(xksUrl('/ping'))).toBe('pong 200 HTTP/1.1');
  expect((await fetch(String(daemon.xks.ping))).status).toBe(200);
});
