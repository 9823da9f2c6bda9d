import type { X509Certificate } from 'node:crypto';

/** What a client's certificate, verified by the client CA, says of its holder. */
export interface ClientCertificate {
  /** URIs of the subject alternative name; one SPIFFE ID or none. */
  readonly uris: readonly string[];
  /** DNS names of the subject alternative name in lower case; those with wildcards name nobody and are left out. */
  readonly dnsNames: readonly string[];
  readonly subject: readonly SubjectAttribute[];
  readonly validFrom: Date;
  readonly validTo: Date;
}

export interface SubjectAttribute {
  /** `CN`, `O`, …; an OID where OpenSSL has no short name. */
  readonly type: string;
  readonly value: string;
}

export function readCertificate(certificate: X509Certificate): ClientCertificate {
  const names = alternativeNames(certificate.subjectAltName);
  return {
    uris: acceptableUris(names.filter(({ kind }) => kind === 'URI').map(({ name }) => name)),
    dnsNames: names
      .filter(({ kind }) => kind === 'DNS')
      .map(({ name }) => name.toLowerCase())
      .filter((name) => hostName.test(name)),
    subject: subjectOf(certificate),
    validFrom: new Date(certificate.validFrom),
    validTo: new Date(certificate.validTo),
  };
}

/** RFC 1123, and the underscores that some names have. */
const hostName = /^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/;

interface AlternativeName {
  readonly kind: string;
  readonly name: string;
}

/**
 * Node writes the names one after the other with a comma between them, and a name that could be mistaken for more than
 * one in quotes (CVE-2021-44532). A certificate with such a name is a trick or a mistake: none of its names counts.
 */
function alternativeNames(text: string | undefined): readonly AlternativeName[] {
  if (text === undefined || /["'\\]/.test(text)) return [];
  return text.split(', ').map((item) => {
    const at = item.indexOf(':');
    return { kind: item.slice(0, at), name: item.slice(at + 1) };
  });
}

const spiffeScheme = /^spiffe:/i;
/** SPIFFE-ID §2: a trust domain and segments, nothing that could be read in two ways. */
const spiffeId = /^spiffe:\/\/[a-z0-9._-]{1,255}(?:\/[A-Za-z0-9._-]+)*$/;

/** A certificate with a SPIFFE ID has no other URI, or it is no SVID (X509-SVID §2). */
function acceptableUris(uris: readonly string[]): readonly string[] {
  const spiffe = uris.filter((uri) => spiffeScheme.test(uri));
  if (spiffe.length === 0) return uris;
  return uris.length === 1 && spiffe.every(isSpiffeId) ? uris : [];
}

function isSpiffeId(uri: string): boolean {
  if (uri.length > 2048 || !spiffeId.test(uri)) return false;
  return !uri.split('/').some((segment) => segment === '.' || segment === '..');
}

/** From node's object and not its text: an attribute's value may hold anything, a line break too. */
function subjectOf(certificate: X509Certificate): readonly SubjectAttribute[] {
  const subject = certificate.toLegacyObject().subject as unknown as Readonly<
    Record<string, string | readonly string[]>
  >;
  return Object.entries(subject).flatMap(([type, value]) =>
    (typeof value === 'string' ? [value] : value).map((one) => ({ type, value: one })),
  );
}
