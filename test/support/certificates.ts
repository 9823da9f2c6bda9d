import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface ServerCertificateOptions {
  readonly days?: number;
  /** As `openssl req -newkey` takes it, in place of P-256. */
  readonly key?: 'rsa:2048';
}

/** Makes a self-signed certificate for 127.0.0.1 with the openssl command. */
export function makeCertificate(
  directory: string,
  name: string,
  { days = 2, key }: ServerCertificateOptions = {},
): CertificateFiles {
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'];
  const kind = key === undefined ? newKey : ['-newkey', key, '-nodes'];
  return selfSigned(directory, name, [...kind, '-days', String(days), ...subject]);
}

/** An authority that issues certificates. */
export function makeAuthority(
  directory: string,
  name: string,
  { commonName = name }: { commonName?: string } = {},
): CertificateFiles {
  const usage = ['-addext', 'keyUsage=critical,keyCertSign,cRLSign'];
  return selfSigned(directory, name, [
    ...newKey,
    '-days',
    '2',
    '-subj',
    `/CN=${commonName}`,
    ...usage,
  ]);
}

export interface ClientCertificateOptions {
  readonly name: string;
  /** As openssl takes it; default `/CN=<name>`. */
  readonly subject?: string;
  /** Lines of an extensions section, such as `subjectAltName=URI:spiffe://…`. */
  readonly extensions?: readonly string[];
  /** Negative: it has expired. */
  readonly days?: number;
}

/** A certificate of an authority, good for TLS clients where its extensions say nothing else. */
export function issueCertificate(
  authority: CertificateFiles,
  directory: string,
  { name, subject = `/CN=${name}`, extensions = [], days = 2 }: ClientCertificateOptions,
): CertificateFiles {
  const files = filesOf(directory, name);
  const [request, config] = [join(directory, `${name}.csr`), join(directory, `${name}.cnf`)];
  const usage = extensions.some((line) => line.startsWith('extendedKeyUsage'))
    ? []
    : ['extendedKeyUsage=clientAuth'];
  writeFileSync(config, [...usage, ...extensions, ''].join('\n'));
  openssl(['req', '-utf8', ...newKey, '-subj', subject, '-keyout', files.keyFile, '-out', request]);
  const ca = ['-CA', authority.certFile, '-CAkey', authority.keyFile, '-CAcreateserial'];
  const what = ['-in', request, '-days', String(days), '-extfile', config, '-out', files.certFile];
  openssl(['x509', '-req', ...ca, ...what]);
  return files;
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

function selfSigned(directory: string, name: string, options: readonly string[]): CertificateFiles {
  const files = filesOf(directory, name);
  const out = ['-keyout', files.keyFile, '-out', files.certFile];
  openssl(['req', '-x509', ...options, ...out]);
  return files;
}

function filesOf(directory: string, name: string): CertificateFiles {
  return { certFile: join(directory, `${name}.crt`), keyFile: join(directory, `${name}.key`) };
}

function openssl(args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' });
}
