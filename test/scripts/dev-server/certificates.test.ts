import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { provisionCertificates } from '../../../scripts/dev-server/certificates';
import { issueCertificate } from '../../support/certificates';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'claviger-dev-tls-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

const contents = (): Record<string, string> =>
  Object.fromEntries(
    readdirSync(directory).map((name) => [name, readFileSync(path.join(directory, name), 'utf8')]),
  );

/** The outcome of OpenSSL's own judgement. */
function verify(certFile: string, caFile: string, ...options: string[]): string {
  try {
    return execFileSync('openssl', ['verify', '-CAfile', caFile, ...options, certFile], {
      encoding: 'utf8',
      stdio: 'pipe',
    });
  } catch (error) {
    return String((error as { stderr?: string }).stderr);
  }
}

const day = 86_400_000;
const year = 365 * day;

test('The server is who it says to whoever believes the authority, and nothing else is left behind', () => {
  const { caFile, certFile } = provisionCertificates(directory);
  for (const host of ['localhost', '127.0.0.1', '::1']) {
    const asked = host === 'localhost' ? '-verify_hostname' : '-verify_ip';
    const options = ['-purpose', 'sslserver', asked, host];
    expect(verify(certFile, caFile, ...options)).toBe(`${certFile}: OK\n`);
  }
  expect(Object.keys(contents()).sort()).toEqual(['ca.crt', 'ca.key', 'server.crt', 'server.key']);
});

test('The authority is believed of no other name, should its key be lost', () => {
  const { caFile } = provisionCertificates(directory);
  const authority = { certFile: caFile, keyFile: path.join(directory, 'ca.key') };
  const stolen = issueCertificate(authority, directory, {
    name: 'stolen',
    extensions: ['extendedKeyUsage=serverAuth', 'subjectAltName=DNS:kms.example.org'],
  });
  expect(verify(stolen.certFile, caFile)).toContain('permitted subtree violation');
});

test('What is there is kept', () => {
  provisionCertificates(directory);
  const before = contents();
  provisionCertificates(directory);
  expect(contents()).toEqual(before);
});

test('A server certificate that ends soon is made anew, by the same authority', () => {
  provisionCertificates(directory);
  const before = contents();
  const { caFile, certFile } = provisionCertificates(directory, {
    now: Date.now() + year + 10 * day,
  });
  expect(contents()['ca.crt']).toBe(before['ca.crt']);
  expect(contents()['server.crt']).not.toBe(before['server.crt']);
  expect(verify(certFile, caFile)).toContain('OK');
});

test('An authority that ends soon is made anew, and the server certificate with it', () => {
  provisionCertificates(directory);
  const before = contents();
  expect(() => provisionCertificates(directory, { now: Date.now() + 11 * year })).toThrow(
    `openssl made no certificate that is of use: ${path.join(directory, 'ca.crt')}`,
  );
  expect(contents()['ca.crt']).not.toBe(before['ca.crt']);
  const { caFile, certFile } = provisionCertificates(directory);
  expect(verify(certFile, caFile)).toContain('OK');
});

test.each(['ca.crt', 'ca.key', 'server.crt', 'server.key'])(
  'Without %s, or with what is cut short in its place, all belongs together again',
  (name) => {
    provisionCertificates(directory);
    const file = path.join(directory, name);
    for (const spoil of [() => rmSync(file), () => writeFileSync(file, '-----BEGIN')]) {
      spoil();
      const { caFile, certFile, keyFile } = provisionCertificates(directory);
      expect(verify(certFile, caFile)).toContain('OK');
      const shown = new X509Certificate(readFileSync(certFile)).publicKey.export({
        ...{ type: 'spki', format: 'pem' },
      });
      expect(
        execFileSync('openssl', ['pkey', '-in', keyFile, '-pubout'], { encoding: 'utf8' }),
      ).toBe(shown);
    }
  },
);

test('Without the openssl command the error names it', () => {
  const openssl = path.join(directory, 'none');
  expect(() => provisionCertificates(directory, { openssl })).toThrow(
    'the openssl command is not installed; it makes the certificate of the XKS proxy',
  );
  expect(() => provisionCertificates(directory, { openssl: 'false' })).toThrow(
    'the openssl command failed; it makes the certificate of the XKS proxy',
  );
  expect(readdirSync(directory)).toEqual([]);
});
