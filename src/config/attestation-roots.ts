import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { AttestationFault } from '../attestation/fault';
import { type ChainCertificate, readChainCertificate } from '../attestation/certificates';
import { ConfigError } from './error';

const pemCertificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The certificates of a PEM file, each an authority's that can vouch for attestation documents. Throws ConfigError. */
export function readAttestationRoots(variable: string, file: string): readonly X509Certificate[] {
  const fault = (message: string, cause?: unknown): ConfigError =>
    new ConfigError(`${variable}: ${file}: ${message}`, { cause });
  const certificates = readText(file, fault).match(pemCertificate) ?? [];
  if (certificates.length === 0) throw fault('has no PEM certificate in it');
  return certificates.map((pem, at) => {
    const { x509, mayIssue } = readRoot(pem, (message, cause) =>
      fault(`certificate ${at + 1} ${message}`, cause),
    );
    if (!mayIssue) throw fault(`certificate ${at + 1} is not one of an authority`);
    return x509;
  });
}

/** What is unsafe about the file, or of no use in it; each is shouted at start-up. */
export function unsafeAttestationRoots(variable: string, file: string, now: Date): string[] {
  const expired = readAttestationRoots(variable, file).filter(
    ({ validTo }) => Date.parse(validTo) < now.getTime(),
  );
  return [
    ...(statSync(file).mode & othersMayWrite
      ? [`${variable} can be written by others: they decide whose recipients are believed`]
      : []),
    ...expired.map(({ validTo }) => `${variable} has a root that expired on ${validTo}`),
  ];
}

/** S_IWGRP and S_IWOTH. */
const othersMayWrite = 0o022;

type Fault = (message: string, cause?: unknown) => ConfigError;

function readText(file: string, fault: Fault): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw fault('cannot be read', cause);
  }
}

function readRoot(pem: string, fault: Fault): ChainCertificate {
  try {
    return readChainCertificate(new X509Certificate(pem).raw);
  } catch (cause) {
    throw fault(
      cause instanceof AttestationFault ? `cannot be a root: ${cause.message}` : 'cannot be read',
      cause,
    );
  }
}
