import { KmsError } from '../errors';
import type { Place } from '../keys/identifiers';

/** Hosts that no traffic leaves this machine for: plain http is good enough for them. */
const loopback = new Set(['127.0.0.1', '[::1]', 'localhost']);
/** Scheme, host, port and path, but for what policies read as a wildcard. */
const written = /^https?:\/\/[\w\-.:[\]]+(\/[\w\-.~:/@!$&'()+,;=%[\]]*)?$/;

/**
 * Throws ValidationException for what cannot be an issuer: a https URL without query, fragment and credentials. A port is
 * allowed, as issuers on premises have them.
 */
export function checkProviderUrl(url: string): void {
  if (!isIssuer(url)) {
    throw new KmsError('ValidationException', 'Invalid Open ID Connect Provider URL');
  }
}

function isIssuer(url: string): boolean {
  if (!written.test(url) || !URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || loopback.has(hostname);
}

/** The URL without its scheme, as ARNs, answers and condition keys have it. */
export function withoutScheme(url: string): string {
  return url.replace(/^https?:\/\//, '');
}

export function providerArn({ partition }: Place, accountId: string, url: string): string {
  return `arn:${partition}:iam::${accountId}:oidc-provider/${withoutScheme(url)}`;
}
