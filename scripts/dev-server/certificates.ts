import { execFileSync } from 'node:child_process';
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { makePrivateDirectory, syncDirectory } from './files';

/** PEM files. */
export interface DevelopmentCertificates {
  /** Of the authority, for clients to believe. */
  readonly caFile: string;
  /** Of the server: localhost, 127.0.0.1 and ::1. */
  readonly certFile: string;
  readonly keyFile: string;
}

class CertificateError extends Error {
  override readonly name = 'CertificateError';
}

const day = 86_400_000;
/** One that ends sooner is made anew at the next start. */
const leastDaysLeft = 30;
/** A server certificate of more days is refused by Apple's clients (825), and by browsers (398). */
const daysOf = { ca: 3650, server: 397 } as const;

interface Options {
  readonly now?: number;
  /** The command. */
  readonly openssl?: string;
}

/**
 * Returns the certificates of the directory, and makes with the openssl command those that are missing, do not belong
 * together or end soon. The authority stays while it can: clients have its certificate.
 */
export function provisionCertificates(
  directory: string,
  { now = Date.now(), openssl = 'openssl' }: Options = {},
): DevelopmentCertificates {
  makePrivateDirectory(directory);
  const ca = pairIn(directory, 'ca');
  const server = pairIn(directory, 'server');
  const renewed = now + leastDaysLeft * day;
  let authority = read(ca, renewed);
  const shown = authority && read(server, renewed);
  if (authority === undefined) {
    issue(ca, { openssl, options: ['-days', String(daysOf.ca)] });
    authority = readOrThrow(ca, now);
  }
  if (shown?.verify(authority.publicKey) !== true) {
    const options = ['-CA', ca.certFile, '-CAkey', ca.keyFile, '-days', String(daysOf.server)];
    issue(server, { openssl, options });
    readOrThrow(server, now);
  }
  return { caFile: ca.certFile, ...server };
}

interface Pair {
  readonly certFile: string;
  readonly keyFile: string;
}

function pairIn(directory: string, name: keyof typeof daysOf): Pair {
  return {
    certFile: path.join(directory, `${name}.crt`),
    keyFile: path.join(directory, `${name}.key`),
  };
}

/** The certificate, if it has its key beside it and has not ended by then. */
function read({ certFile, keyFile }: Pair, then: number): X509Certificate | undefined {
  if (!existsSync(certFile) || !existsSync(keyFile)) return undefined;
  try {
    const certificate = new X509Certificate(readFileSync(certFile));
    const ours = certificate.checkPrivateKey(createPrivateKey(readFileSync(keyFile)));
    return ours && Date.parse(certificate.validTo) > then ? certificate : undefined;
  } catch {
    // A file that was cut short, say.
    return undefined;
  }
}

function readOrThrow(pair: Pair, now: number): X509Certificate {
  const certificate = read(pair, now);
  if (certificate !== undefined) return certificate;
  throw new CertificateError(`openssl made no certificate that is of use: ${pair.certFile}`);
}

/** Whoever believes the authority believes it of this machine's own names alone, should its key ever be lost. */
const configuration = `
[req]
prompt = no
[ca]
CN = Claviger development CA
[ca-extensions]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
nameConstraints = critical, permitted;DNS:localhost, permitted;IP:127.0.0.0/255.0.0.0, permitted;IP:0:0:0:0:0:0:0:1/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
[server]
CN = localhost
[server-extensions]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1
authorityKeyIdentifier = keyid
`;

/** Makes key and certificate beside the place where they belong, and moves both there: the key first. */
function issue(
  pair: Pair,
  { openssl, options }: { readonly openssl: string; readonly options: readonly string[] },
): void {
  const directory = path.dirname(pair.certFile);
  const name = path.basename(pair.certFile, '.crt');
  const unfinished = mkdtempSync(path.join(directory, 'unfinished-'));
  try {
    const made = pairIn(unfinished, name as keyof typeof daysOf);
    const config = path.join(unfinished, 'openssl.cnf');
    writeFileSync(config, configuration.replace('[req]', `[req]\ndistinguished_name = ${name}`));
    run(openssl, [
      ...['req', '-x509', '-config', config, '-extensions', `${name}-extensions`, ...options],
      ...['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-sha256'],
      ...['-keyout', made.keyFile, '-out', made.certFile],
    ]);
    renameSync(made.keyFile, pair.keyFile);
    renameSync(made.certFile, pair.certFile);
    syncDirectory(directory);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

function run(openssl: string, args: readonly string[]): void {
  try {
    execFileSync(openssl, args, { stdio: 'pipe' });
  } catch (cause) {
    const missing = (cause as { readonly code?: unknown }).code === 'ENOENT';
    const why = missing ? 'is not installed' : 'failed';
    throw new CertificateError(
      `the openssl command ${why}; it makes the certificate of the XKS proxy`,
      { cause },
    );
  }
}
