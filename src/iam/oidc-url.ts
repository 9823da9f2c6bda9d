import { KmsError } from '../errors';
import type { Place } from '../keys/identifiers';

/** Hosts that no traffic leaves this machine for: plain http is good enough for them. */
const loopback = new Set(['127.0.0.1', '[::1]', 'localhost']);
/** What a URL is written with, but for query, fragment and what policies read as a wildcard. */
const written = /^https?:\/\/[\w\-.~:/@!$&'()+,;=%[\]]+$/;

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
  const { protocol, hostname, username, password } = new URL(url);
  if (username !== '' || password !== '' || url.includes('@')) return false;
  return protocol === 'https:' || loopback.has(hostname);
}

/** The URL without its scheme, as ARNs, answers and condition keys have it. */
export function withoutScheme(url: string): string {
  return url.replace(/^https?:\/\//, '');
}

export function providerArn({ partition }: Place, accountId: string, url: string): string {
  return `arn:${partition}:iam::${accountId}:oidc-provider/${withoutScheme(url)}`;
}
