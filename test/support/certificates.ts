import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** Makes a self-signed P-256 certificate for 127.0.0.1 with the openssl command. */
export function makeCertificate(
  directory: string,
  name: string,
  { days = 2 }: { days?: number } = {},
): CertificateFiles {
  const certFile = join(directory, `${name}.crt`);
  const keyFile = join(directory, `${name}.key`);
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'];
  const files = ['-keyout', keyFile, '-out', certFile];
  execFileSync('openssl', ['req', '-x509', ...curve, '-days', String(days), ...subject, ...files], {
    stdio: 'pipe',
  });
  return { certFile, keyFile };
}
