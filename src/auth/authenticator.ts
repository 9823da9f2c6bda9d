import type { Awaitable } from '../awaitable';
import { KmsError } from '../errors';
import type { Principal } from '../policy/principal';
import type { ClientCertificate } from './certificate';
import type { SignedRequest } from './sigv4';
import { readQuery, splitTarget } from './sigv4-canonical';
import { isPresigned } from './sigv4-claim';
import { refusal, twoHeaders, twoMechanisms } from './sigv4-errors';

/** A request whose whole body has arrived, and what it has to prove who sent it. */
export interface Presented extends SignedRequest {
  readonly origin: { readonly sourceIp: string; readonly secureTransport: boolean };
  /** Of the connection, where the client CA vouches for it. */
  readonly certificate: ClientCertificate | undefined;
}

/** The ways to prove who one is; each throws the refusal of what proves nothing. */
export interface Proofs {
  /** Signature Version 4: access keys and temporary credentials. */
  readonly signature: (request: SignedRequest) => Awaitable<Principal>;
  readonly token: (token: string) => Awaitable<Principal>;
  /** Undefined when the certificate is nobody's. */
  readonly certificate: (certificate: ClientCertificate) => Awaitable<Principal> | undefined;
}

export type Authenticate = (request: Presented) => Awaitable<Principal>;

/**
 * Who sent a request. The Authorization header decides where there is one, then a signature in the query; a certificate
 * speaks for a request that says nothing of its sender itself.
 */
export function authenticator(proofs: Proofs): Authenticate {
  return (request) => {
    const { rawHeaders, certificate } = request;
    const headers = valuesOf(rawHeaders, 'authorization');
    const [header] = headers;
    if (header === undefined) {
      if (certificate === undefined || hasSignature(request.url)) return proofs.signature(request);
      if (isFromBrowser(rawHeaders)) throw refusal('missingToken');
      return proofs.certificate(certificate) ?? refuse();
    }
    if (!headers.some((one) => bearer.test(one))) return proofs.signature(request);
    if (headers.length > 1) throw twoHeaders();
    if (hasSignature(request.url)) throw twoMechanisms();
    return proofs.token(tokenOf(header, request));
  };
}

/** A query that cannot be read is the signature's to refuse. */
function hasSignature(url: string): boolean {
  const query = readQuery(splitTarget(url).query);
  return query === undefined || isPresigned(query);
}

function refuse(): never {
  throw refusal('missingToken');
}

/** Schemes have no case (RFC 9110 §11.1). */
const bearer = /^bearer(?: |$)/i;
/** RFC 6750 §2.1. */
const bearerToken = /^bearer +([A-Za-z0-9._~+/-]+=*) *$/i;

/** A token that crossed a network in the clear is anybody's by now, and must not work. */
function tokenOf(header: string, { origin }: Presented): string {
  if (!origin.secureTransport && !isLoopback(origin.sourceIp)) {
    throw new KmsError(
      'MissingAuthenticationTokenException',
      'Bearer tokens are accepted over TLS only.',
    );
  }
  const token = bearerToken.exec(header)?.[1];
  if (token === undefined) throw refusal('unknownClient');
  return token;
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.');
}

/**
 * A page of anybody can make a browser send a form with its user's certificate, and cannot keep the browser from adding
 * these (Fetch §3.1, Fetch Metadata §2).
 */
function isFromBrowser(rawHeaders: readonly string[]): boolean {
  return ['origin', 'sec-fetch-site'].some((name) => valuesOf(rawHeaders, name).length > 0);
}

/** `wanted` in lower case. */
function valuesOf(rawHeaders: readonly string[], wanted: string): string[] {
  const values: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    if (name.length === wanted.length && name.toLowerCase() === wanted) {
      values.push(rawHeaders[i + 1] ?? '');
    }
  }
  return values;
}
