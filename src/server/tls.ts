import { constants, createPrivateKey, X509Certificate } from 'node:crypto';
import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { SecureContextOptions } from 'node:tls';
import { describeError } from '../log';
import type { Log } from '../log';

export interface TlsFiles {
  /** PEM: the server's certificate, then its intermediates. */
  readonly certFile: string;
  /** PEM: the unencrypted private key of the first certificate. */
  readonly keyFile: string;
  /** Default TLSv1.2, the least that AWS SDKs and the XKS specification allow. */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** As OpenSSL names them, best first, those of TLS 1.3 too; default node's own. */
  readonly ciphers?: string;
  /** Asks clients for certificates. */
  readonly clients?: ClientCertificates;
}

export interface ClientCertificates {
  /** PEM: the authorities whose certificates count; the system's own do not. */
  readonly caFile: string;
  /** Refuse the connection of a client without a good certificate; else a bad one counts as none. */
  readonly required: boolean;
  /** In small letters: which CNs good certificates must have one of; left out, any. */
  readonly commonNames?: readonly string[];
}

/** Who was let in stays who it is; to shake hands again and again costs a client little, and us much. */
const always = constants.SSL_OP_NO_RENEGOTIATION;

/** Renewal tools write two files, and links to them, in several steps. */
const SETTLE_MS = 200;

/**
 * Reads a certificate and its key, and makes sure that they belong together and that the
 * certificate is still good, so that a bad renewal is found before it is served.
 * @throws Error that names the file, never what is in it.
 */
export async function loadTls(files: TlsFiles, nowMs: number): Promise<SecureContextOptions> {
  const { certFile, keyFile, clients } = files;
  const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)]);
  const certificate = parse(files.certFile, () => new X509Certificate(cert));
  const privateKey = parse(files.keyFile, () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new Error(`the key in ${files.keyFile} is not that of the certificate ${files.certFile}`);
  }
  if (Date.parse(certificate.validTo) <= nowMs) {
    throw new Error(`the certificate ${files.certFile} expired on ${certificate.validTo}`);
  }
  const minVersion = files.minVersion ?? 'TLSv1.2';
  const authorities =
    clients === undefined ? { secureOptions: always } : await loadClientCa(clients.caFile);
  const ciphers = files.ciphers === undefined ? {} : { ciphers: files.ciphers };
  return { cert, key, minVersion, honorCipherOrder: true, ...ciphers, ...authorities };
}

/**
 * Sessions are not resumed where clients show certificates: what is resumed is not verified again, and a certificate
 * that has expired, or whose authority is trusted no more, would live on.
 */
async function loadClientCa(file: string): Promise<SecureContextOptions> {
  const ca = (await readFile(file, 'utf8')).match(pemCertificate) ?? [];
  const authorities = ca.map((pem) => parse(file, () => new X509Certificate(pem)));
  if (authorities.length === 0) throw new Error(`${file} has no PEM certificate in it`);
  const other = authorities.find((authority) => !authority.ca);
  if (other !== undefined) {
    throw new Error(`${file} has a certificate that is no authority's: ${other.fingerprint256}`);
  }
  return { ca, secureOptions: always | constants.SSL_OP_NO_TICKET };
}

const pemCertificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** OpenSSL's own message says neither which file it is about nor anything of what is in it. */
function parse<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new Error(`${file} cannot be used as PEM (${code})`, { cause: error });
  }
}

/**
 * Calls `changed` a moment after anything moved in the directories of the files: Kubernetes and
 * certbot replace links, which a watch on the file itself would not see.
 * @returns stops watching.
 */
export function watchTls(files: TlsFiles, changed: () => void, log: Log | undefined): () => void {
  let timer: NodeJS.Timeout | undefined;
  const settle = (): void => {
    clearTimeout(timer);
    timer = setTimeout(changed, SETTLE_MS);
    timer.unref();
  };
  const all = [files.certFile, files.keyFile, files.clients?.caFile ?? files.certFile];
  const directories = new Set(all.map((file) => dirname(file)));
  const watchers = [...directories].map((directory): FSWatcher => {
    const watcher = watch(directory, { persistent: false }, settle);
    watcher.on('error', (error) => {
      log?.error('a certificate directory is no longer watched', {
        directory,
        error: describeError(error),
      });
    });
    return watcher;
  });
  return () => {
    clearTimeout(timer);
    for (const watcher of watchers) watcher.close();
  };
}
