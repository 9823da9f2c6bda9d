import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClientCertificate, readCertificate } from '../../src/auth/certificate';
import {
  type CertificateFiles,
  type ClientCertificateOptions,
  issueCertificate,
  makeAuthority,
} from '../support/certificates';

let directory: string;
let authority: CertificateFiles;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'claviger-certificate-'));
  authority = makeAuthority(directory, 'authority');
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function read(options: Omit<ClientCertificateOptions, 'name'>): ClientCertificate {
  const { certFile } = issueCertificate(authority, directory, { name: 'client', ...options });
  return readCertificate(new X509Certificate(readFileSync(certFile)));
}

/** With a section of alternative names. */
const named = (...names: readonly string[]): ClientCertificate =>
  read({ extensions: ['subjectAltName=@names', '[names]', ...names] });

test('names, subject and dates are read', () => {
  const certificate = read({
    subject: '/C=DE/O=Example, Inc./OU=a/OU=b/CN=backup\\/1',
    extensions: ['subjectAltName=URI:spiffe://example.org/ns/a/sa/b,DNS:B.Example.org,DNS:c'],
  });
  expect(certificate).toMatchObject({
    uris: ['spiffe://example.org/ns/a/sa/b'],
    dnsNames: ['b.example.org', 'c'],
    subject: [
      { type: 'C', value: 'DE' },
      { type: 'O', value: 'Example, Inc.' },
      { type: 'OU', value: 'a' },
      { type: 'OU', value: 'b' },
      { type: 'CN', value: 'backup/1' },
    ],
  });
  expect(certificate.validTo.getTime() - certificate.validFrom.getTime()).toBe(2 * 86_400_000);
});

test('a certificate without alternative names has none', () => {
  expect(read({})).toMatchObject({ uris: [], dnsNames: [] });
});

test.each([
  ['a DNS name with a comma', 'DNS.1 = "a, DNS:victim.example.org"'],
  ['a DNS name with a comma and a URI', 'DNS.1 = "a, URI:spiffe://example.org/victim"'],
  ['a URI with a comma', 'URI.1 = "https://a, DNS:victim.example.org"'],
  ['a DNS name with a quote', `DNS.1 = "a'b"`],
  ['a DNS name with a double quote', "DNS.1 = 'a\"b'"],
  ['an e-mail address with a comma', 'email.1 = "a, URI:spiffe://example.org/victim"'],
])('%s makes every name of the certificate count for nothing', (_, trick) => {
  const { uris, dnsNames } = named('DNS.9 = good.example.org', 'URI.9 = https://good', trick);
  expect({ uris, dnsNames }).toEqual({ uris: [], dnsNames: [] });
});

test('a name of another kind is not taken for a URI or a DNS name, whatever is in it', () => {
  const { uris, dnsNames } = named(
    'otherName.1 = 1.3.6.1.4.1.311.20.2.3;UTF8:URI:spiffe://example.org/victim',
    'email.1 = DNS:victim@example.org',
    'RID.1 = 1.2.3.4',
    'IP.1 = 127.0.0.1',
    'DNS.1 = good.example.org',
  );
  expect({ uris, dnsNames }).toEqual({ uris: [], dnsNames: ['good.example.org'] });
});

test('a DNS name with a wildcard names nobody', () => {
  expect(named('DNS.1 = *.example.org', 'DNS.2 = one.example.org').dnsNames).toEqual([
    'one.example.org',
  ]);
});

test.each([
  ['spiffe://example.org/a', ['spiffe://example.org/a']],
  ['spiffe://example.org', ['spiffe://example.org']],
  ['spiffe://example.org/a/../b', []],
  ['spiffe://example.org/./b', []],
  ['spiffe://example.org//b', []],
  ['spiffe://example.org/a/', []],
  ['spiffe://Example.org/a', []],
  ['SPIFFE://example.org/a', []],
  ['spiffe://user@example.org/a', []],
  ['spiffe://example.org:443/a', []],
  ['spiffe://example.org/a?b', []],
  ['spiffe://example.org/a#b', []],
  ['spiffe://example.org/a%2fb', []],
  ['https://example.org/a/../b', ['https://example.org/a/../b']],
])('of the URI %s is read %p', (uri, uris) => {
  expect(named(`URI.1 = ${uri.replace('#', '\\#')}`).uris).toEqual(uris);
});

test('a SPIFFE ID beside another URI counts for nothing, and so does the other', () => {
  expect(named('URI.1 = spiffe://example.org/a', 'URI.2 = https://example.org').uris).toEqual([]);
  expect(named('URI.1 = spiffe://example.org/a', 'URI.2 = spiffe://example.org/b').uris).toEqual(
    [],
  );
});

test('a subject may hold what looks like more attributes', () => {
  const { subject } = read({ subject: '/O=Example/CN=x\nO=Other\\/CN=admin' });
  expect(subject).toEqual([
    { type: 'O', value: 'Example' },
    { type: 'CN', value: 'x\nO=Other/CN=admin' },
  ]);
});
