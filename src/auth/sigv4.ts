import type { Awaitable } from '../awaitable';
import type { KmsError } from '../errors';
import { canonicalHeaders, canonicalQuery, canonicalUri } from './sigv4-canonical';
import { payloadHash, readHeaders, readQuery, splitTarget } from './sigv4-canonical';
import type { HeaderValues } from './sigv4-canonical';
import { readClaim, SIGNATURE_PARAMETER } from './sigv4-claim';
import type { Claim } from './sigv4-claim';
import { requireCurrent } from './sigv4-clock';
import { echo, invalidSignature, refusal } from './sigv4-errors';
import type { SigningKeys } from './sigv4-keys';
import { TERMINATOR } from './sigv4-signer';
import { Secret } from './secret';

export { SigningKeys } from './sigv4-keys';

/** A request as it came off the wire; its whole body has arrived. */
export interface SignedRequest {
  readonly method: string;
  /** The raw request target: path and query, still encoded. */
  readonly url: string;
  /** node's `rawHeaders`: names and values in turn. */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

/** Who holds an access key; `principal` is the caller's business and is only handed back. */
export interface Credential<P> {
  readonly accessKeyId: string;
  readonly secret: Secret;
  readonly principal: P;
  /** Temporary credentials carry the token that every request must repeat. */
  readonly sessionToken?: Secret;
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number;
}

export interface SigV4Options<P> {
  /** Regions that a Credential may be scoped to: KMS has its own alone, IAM and STS the global one too. */
  readonly regions: readonly string[];
  /** Service names that a Credential may be scoped to; errors name them in this order. */
  readonly services: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /**
   * Looks up an active access key; undefined for one that is unknown or inactive. It is given the
   * session token as sent, unproved, for credentials that are carried in their token.
   */
  readonly find: (
    accessKeyId: string,
    sessionToken: string | undefined,
  ) => Awaitable<Credential<P> | undefined>;
  readonly signingKeys: SigningKeys;
}

/** Anything else is nobody's access key, and need not reach a database. */
const ACCESS_KEY_ID = /^\w{1,128}$/;

/**
 * Verifies an AWS Signature Version 4 (AWS4-HMAC-SHA256) in a header or in the query.
 * The order of checks: form, signed headers, scope, clock, access key and session token, signature.
 * Returns at once when `find` does, and throws at once what can be known without it.
 * @throws KmsError with AWS's own code and text (kms-semantics §15.6).
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function authenticate<P>(
  request: SignedRequest,
  options: SigV4Options<P>,
): Awaitable<Credential<P>> {
  const { path, query } = splitTarget(request.url);
  const parameters = readQuery(query);
  if (parameters === undefined) throw refusal('mismatch');
  const headers = readHeaders(request.rawHeaders);
  const claim = readClaim(
    { rawHeaders: request.rawHeaders, headers, query: parameters },
    options.signingKeys.signers,
  );
  requireSignedHeaders(claim, headers);
  requireScope(claim, options);
  requireCurrent(claim.time, options.now(), claim.expires);
  const canonicalRequest = canonicalize(request, claim, {
    uri: canonicalUri(path),
    query: canonicalQuery(parameters, claim.presigned ? SIGNATURE_PARAMETER : undefined),
    headers,
  });
  const { accessKeyId } = claim.signer;
  const found = ACCESS_KEY_ID.test(accessKeyId)
    ? options.find(accessKeyId, claim.sessionToken)
    : undefined;
  const judge = (credential: Credential<P> | undefined): Credential<P> =>
    decide({ credential, claim, canonicalRequest }, options);
  return found instanceof Promise ? found.then(judge) : judge(found);
}

/**
 * Headers that change what a request means or when it is valid, and so must be signed if sent. AWS
 * names only the host in its text; the rest follow its pattern. Other headers, X-Amz-* among them,
 * may be added unsigned by what stands between (load balancers, tracing).
 */
const MUST_BE_SIGNED = [
  { name: 'x-amz-date', title: 'X-Amz-Date' },
  { name: 'x-amz-target', title: 'X-Amz-Target' },
  { name: 'x-amz-security-token', title: 'X-Amz-Security-Token' },
  { name: 'x-amz-source-arn', title: 'X-Amz-Source-Arn' },
  { name: 'x-amz-source-account', title: 'X-Amz-Source-Account' },
] as const;

function requireSignedHeaders(claim: Claim, headers: HeaderValues): void {
  const signed = claim.signer.signedHeaders;
  if (!signed.includes('host')) {
    throw invalidSignature(
      "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
    );
  }
  for (const { name, title } of MUST_BE_SIGNED) {
    if (headers.has(name) && !signed.includes(name)) throw unsigned(title);
  }
  const dated = claim.presigned || headers.has('x-amz-date');
  if (!dated && !signed.includes('date')) throw unsigned('Date');
}

function unsigned(title: string): KmsError {
  return invalidSignature(`'${title}' must be a 'SignedHeader' in the AWS Authorization.`);
}

function requireScope<P>({ signer: { scope }, time }: Claim, options: SigV4Options<P>): void {
  let faults = '';
  if (!options.regions.includes(scope.region)) {
    faults += `Credential should be scoped to a valid region, not '${echo(scope.region)}'. `;
  }
  if (!options.services.includes(scope.service)) {
    faults += `Credential should be scoped to correct service: '${options.services.join("', '")}'. `;
  }
  if (scope.terminator !== TERMINATOR) {
    faults += `Credential should be scoped with a valid terminator: '${TERMINATOR}', not '${echo(scope.terminator)}'. `;
  }
  const date = time.iso.slice(0, 8);
  if (scope.date !== date) {
    faults +=
      'Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: ' +
      `'${echo(scope.date)}' != '${date}', from '${time.iso}'.`;
  }
  if (faults !== '') throw invalidSignature(faults);
}

interface CanonicalParts {
  readonly uri: string;
  readonly query: string;
  readonly headers: HeaderValues;
}

/**
 * The canonical request. The payload is always hashed here: what X-Amz-Content-Sha256 says must be
 * the same, so UNSIGNED-PAYLOAD and STREAMING-* never pass. Undefined when no signature can match.
 */
function canonicalize(
  request: SignedRequest,
  claim: Claim,
  { uri, query, headers }: CanonicalParts,
): string | undefined {
  const { signedHeaders, signedHeaderList } = claim.signer;
  const lines = canonicalHeaders(signedHeaders, headers);
  const payload = payloadHash(request.body);
  const claimed = headers.get('x-amz-content-sha256') ?? payload;
  if (lines === undefined || claimed !== payload) return undefined;
  return `${request.method}\n${uri}\n${query}\n${lines}\n${signedHeaderList}\n${payload}`;
}

interface Judged<P> {
  readonly credential: Credential<P> | undefined;
  readonly claim: Claim;
  readonly canonicalRequest: string | undefined;
}

/** The signature is computed before anything is decided: an unknown access key costs what a known one does. */
function decide<P>(
  { credential, claim, canonicalRequest }: Judged<P>,
  { signingKeys, now }: SigV4Options<P>,
): Credential<P> {
  const key = credential
    ? signingKeys.get(claim.signer.credential, claim.signer.scope, credential.secret)
    : signingKeys.decoy(claim.signer.scope);
  const matches = key.verify(claim.signature, claim.time.iso, canonicalRequest ?? '');
  if (credential === undefined || !sameToken(credential.sessionToken, claim.sessionToken)) {
    throw refusal('unknownClient');
  }
  if (credential.expiresAt !== undefined && credential.expiresAt <= now()) {
    throw refusal('expiredToken');
  }
  if (!matches || canonicalRequest === undefined) throw refusal('mismatch');
  return credential;
}

/** A long-term key sent with a token is as wrong as a temporary one sent without. */
function sameToken(expected: Secret | undefined, given: string | undefined): boolean {
  if (expected === undefined || given === undefined) return expected === given;
  return expected.equals(new Secret(given));
}
