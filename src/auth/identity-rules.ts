import { createHash } from 'node:crypto';
import { matchesWildcard } from '../policy/wildcard';
import type { ClientCertificate, SubjectAttribute } from './certificate';

/** Who the holder of a certificate or token is. */
export type IdentityTarget =
  | { readonly kind: 'role' | 'user'; readonly arn: string }
  | { readonly kind: 'service'; readonly name: string };

export type RoleTarget = IdentityTarget & { readonly kind: 'role' };

/** What a certificate must have; patterns may have the wildcards `*` and `?`. */
export type CertificatePattern =
  | { readonly uri: string }
  | { readonly dns: string }
  /** All the attributes of the subject, in any order. */
  | { readonly subject: readonly SubjectAttribute[] };

export interface CertificateRule {
  readonly certificate: CertificatePattern;
  readonly target: IdentityTarget;
}

export interface TokenRule {
  /** As in the token's `iss`, to the letter. */
  readonly issuer: string;
  /** One of them must be in the token's `aud`. */
  readonly audiences: readonly string[];
  /** Patterns with wildcards by claim; all of them must match. */
  readonly claims: Readonly<Record<string, string>>;
  readonly target: RoleTarget;
}

/** In order: the first that matches decides. */
export interface IdentityRules {
  readonly certificates: readonly CertificateRule[];
  readonly tokens: readonly TokenRule[];
}

export const noIdentityRules: IdentityRules = { certificates: [], tokens: [] };

/** By which name a certificate was recognized, and as whom. */
export interface CertificateMatch {
  readonly name: string;
  readonly target: IdentityTarget;
}

export function matchCertificate(
  rules: readonly CertificateRule[],
  certificate: ClientCertificate,
): CertificateMatch | undefined {
  for (const { certificate: pattern, target } of rules) {
    const name = matchedName(pattern, certificate);
    if (name !== undefined) return { name, target };
  }
  return undefined;
}

function matchedName(
  pattern: CertificatePattern,
  { uris, dnsNames, subject }: ClientCertificate,
): string | undefined {
  if ('uri' in pattern) return uris.find((uri) => matchesWildcard(pattern.uri, uri));
  if ('dns' in pattern) {
    const wanted = pattern.dns.toLowerCase();
    return dnsNames.find((name) => matchesWildcard(wanted, name));
  }
  if (!sameAttributes(pattern.subject, subject)) return undefined;
  return subject.find(({ type }) => type === 'CN')?.value ?? subject.at(-1)?.value;
}

/** Each pattern has an attribute of its own, and none is left over: what a rule does not name, it does not vouch for. */
function sameAttributes(
  patterns: readonly SubjectAttribute[],
  subject: readonly SubjectAttribute[],
): boolean {
  if (patterns.length !== subject.length) return false;
  const left = [...subject];
  return patterns.every((pattern) => {
    const at = left.findIndex(
      ({ type, value }) => type === pattern.type && matchesWildcard(pattern.value, value),
    );
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
}

/** Claims of a token whose signature was verified. */
export type TokenClaims = Readonly<Record<string, unknown>>;

export function matchToken(
  rules: readonly TokenRule[],
  claims: TokenClaims,
): TokenRule | undefined {
  return rules.find(
    ({ issuer, audiences, claims: wanted }) =>
      claims['iss'] === issuer &&
      valuesOf(claims, 'aud').some((audience) => audiences.includes(audience)) &&
      Object.entries(wanted).every(([claim, pattern]) =>
        valuesOf(claims, claim).some((value) => matchesWildcard(pattern, value)),
      ),
  );
}

/** The values of a claim as texts; objects have none. */
function valuesOf(claims: TokenClaims, claim: string): readonly string[] {
  const value = Object.hasOwn(claims, claim) ? claims[claim] : undefined;
  return (Array.isArray(value) ? (value as unknown[]) : [value])
    .filter((one) => ['string', 'number', 'boolean'].includes(typeof one))
    .map(String);
}

/** Longest name of a role's session (IAM). */
const maxSessionName = 64;
const digestLength = 8;

/**
 * A name for the session of whoever was recognized by `name`: what IAM does not allow becomes `-`, and one that is too
 * long ends in a digest of it, so that nobody gets another's name by a long prefix.
 */
export function sessionNameOf(name: string): string {
  const path = name.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*\/?/i, '');
  const clean = (path === '' ? name : path).replace(/[^\w+=,.@-]/g, '-');
  if (clean.length > maxSessionName) {
    const end = createHash('sha256').update(name).digest('hex').slice(0, digestLength);
    return `${clean.slice(0, maxSessionName - digestLength - 1)}-${end}`;
  }
  return clean.padEnd(2, '-');
}
