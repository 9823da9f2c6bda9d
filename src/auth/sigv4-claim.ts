import { decode } from './sigv4-canonical';
import type { HeaderValues, QueryParameter } from './sigv4-canonical';
import { parseSigningTime } from './sigv4-clock';
import type { SigningTime } from './sigv4-clock';
import { echo, incomplete, refusal, twoHeaders, twoMechanisms } from './sigv4-errors';
import type { Generations } from './generations';
import { SIGNATURE } from './sigv4-keys';
import { signerOf } from './sigv4-signer';
import type { Signer } from './sigv4-signer';

const ALGORITHM = 'AWS4-HMAC-SHA256';
const SCHEME = `${ALGORITHM} `;
const MAX_AUTHORIZATION = 8192;
/** Heads longer than this are parsed every time, so strangers cannot fill the memory with junk. */
const MAX_REMEMBERED = 1024;
const SIGNATURE_LENGTH = 64;
const MAX_EXPIRES_SECONDS = 604_800;
/** The signature's own parameter, which alone is left out of the canonical query. */
export const SIGNATURE_PARAMETER = 'X-Amz-Signature';

/** What a request says about who signed it, when, and over what; nothing of it is proved yet. */
export interface Claim {
  readonly signer: Signer;
  readonly signature: string;
  readonly time: SigningTime;
  /** Seconds from `time`; only a presigned request has one. */
  readonly expires: number | undefined;
  readonly sessionToken: string | undefined;
  readonly presigned: boolean;
}

/** Where a claim is read from. */
export interface ClaimSource {
  readonly rawHeaders: readonly string[];
  readonly headers: HeaderValues;
  readonly query: readonly QueryParameter[];
}

/** Signers by what stands before the signature in their Authorization headers. */
export type Signers = Generations<Signer>;

/**
 * Reads the Authorization header, or the X-Amz-* query parameters of a presigned request.
 * @throws KmsError MissingAuthenticationTokenException, IncompleteSignatureException
 */
export function readClaim(source: ClaimSource, signers: Signers): Claim {
  const authorization = source.headers.get('authorization');
  const presigned = isPresigned(source.query);
  if (authorization === undefined) {
    if (!presigned) throw refusal('missingToken');
    return readPresigned(source);
  }
  if (presigned) {
    throw twoMechanisms();
  }
  requireOneAuthorization(source.rawHeaders);
  return readAuthorization(authorization, source.headers, signers);
}

/** Whether the query claims to carry a signature. */
export function isPresigned(query: readonly QueryParameter[]): boolean {
  return query.some(({ name }) => PRESIGNED_MARKS.has(name));
}

function requireOneAuthorization(rawHeaders: readonly string[]): void {
  let count = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    if (name.length === 13 && name.toLowerCase() === 'authorization') count++;
  }
  if (count > 1) throw twoHeaders();
}

function readAuthorization(header: string, headers: HeaderValues, signers: Signers): Claim {
  if (header !== ALGORITHM && !header.startsWith(SCHEME)) throw refusal('missingToken');
  if (header.length > MAX_AUTHORIZATION) {
    throw incomplete(
      `Authorization header must have length less than or equal to ${MAX_AUTHORIZATION}.`,
    );
  }
  const date = headers.get('x-amz-date') ?? headers.get('date');
  const { signer, signature } = readSigner(header, date, signers);
  return {
    signer,
    signature,
    time: parseSigningTime(date ?? ''),
    expires: undefined,
    sessionToken: headers.get('x-amz-security-token'),
    presigned: false,
  };
}

/**
 * Parses the header, or remembers what the same text before the signature meant last time: parsing
 * costs more than hashing does. Only the shape that every SDK sends is remembered, signature last.
 */
function readSigner(
  header: string,
  date: string | undefined,
  signers: Signers,
): { signer: Signer; signature: string } {
  const tail = header.slice(-SIGNATURE_LENGTH);
  const head = header.slice(0, -SIGNATURE_LENGTH);
  const usual = date !== undefined && head.length <= MAX_REMEMBERED && SIGNATURE.test(tail);
  const known = usual ? signers.get(head) : undefined;
  if (known) return { signer: known, signature: tail };
  const given = readPairs(header);
  const { Credential: credential, SignedHeaders: signedHeaders, Signature: signature } = given;
  if (
    credential === undefined ||
    signature === undefined ||
    signedHeaders === undefined ||
    date === undefined
  ) {
    throw incomplete(missingFromHeader(header, { credential, signature, signedHeaders, date }));
  }
  const signer = signerOf(credential, signedHeaders);
  if (usual && signature === tail) signers.set(head, signer);
  return { signer, signature };
}

interface Pairs {
  Credential: string | undefined;
  SignedHeaders: string | undefined;
  Signature: string | undefined;
}

/** The three parameters that SigV4 defines; others are ignored, and are not covered by anything. */
function readPairs(header: string): Pairs {
  const given: Pairs = { Credential: undefined, SignedHeaders: undefined, Signature: undefined };
  for (const piece of header.slice(SCHEME.length).split(',')) {
    const part = piece.trim();
    if (part === '') continue;
    const equals = part.indexOf('=');
    if (equals < 0) {
      throw incomplete(
        `'${echo(part)}' not a valid key=value pair (missing equal-sign) in Authorization header: '${echo(header)}'.`,
      );
    }
    const name = part.slice(0, equals);
    if (name !== 'Credential' && name !== 'SignedHeaders' && name !== 'Signature') continue;
    if (given[name] !== undefined) {
      throw incomplete(`Authorization header must have only one '${name}' parameter.`);
    }
    given[name] = part.slice(equals + 1);
  }
  return given;
}

const HEADER_NEEDS = {
  credential: "Authorization header requires 'Credential' parameter.",
  signature: "Authorization header requires 'Signature' parameter.",
  signedHeaders: "Authorization header requires 'SignedHeaders' parameter.",
  date: "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
} as const;

function missingFromHeader(
  header: string,
  given: Readonly<Record<keyof typeof HEADER_NEEDS, string | undefined>>,
): string {
  const names = Object.keys(HEADER_NEEDS) as (keyof typeof HEADER_NEEDS)[];
  const needs = names.filter((name) => given[name] === undefined).map((name) => HEADER_NEEDS[name]);
  return `${needs.join(' ')} Authorization=${echo(header)}`;
}

const PRESIGNED_NEEDS = [
  'X-Amz-Algorithm',
  'X-Amz-Credential',
  SIGNATURE_PARAMETER,
  'X-Amz-SignedHeaders',
  'X-Amz-Date',
] as const;
const PRESIGNED_MARKS: ReadonlySet<string> = new Set(PRESIGNED_NEEDS.slice(0, 3));

function readPresigned({ headers, query }: ClaimSource): Claim {
  const given = new Map<string, string>();
  for (const { name, value } of query) {
    if (given.has(name) && name.startsWith('X-Amz-')) {
      throw incomplete(`AWS query-string parameters must include only one '${echo(name)}'.`);
    }
    given.set(name, decode(value));
  }
  const missing = PRESIGNED_NEEDS.filter((name) => !given.has(name));
  if (missing.length > 0) {
    const needs = missing.map((name) => `AWS query-string parameters must include '${name}'.`);
    throw incomplete(`${needs.join(' ')} Re-examine the query-string parameters.`);
  }
  const value = (name: string): string => given.get(name) ?? '';
  if (value('X-Amz-Algorithm') !== ALGORITHM) throw refusal('missingToken');
  return {
    signer: signerOf(value('X-Amz-Credential'), value('X-Amz-SignedHeaders')),
    signature: value(SIGNATURE_PARAMETER),
    time: parseSigningTime(value('X-Amz-Date')),
    expires: readExpires(given.get('X-Amz-Expires')),
    sessionToken: given.get('X-Amz-Security-Token') ?? headers.get('x-amz-security-token'),
    presigned: true,
  };
}

function readExpires(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const expires = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (expires < 1 || expires > MAX_EXPIRES_SECONDS) {
    throw incomplete(
      `X-Amz-Expires must be a number of seconds from 1 to ${MAX_EXPIRES_SECONDS}, got '${echo(text)}'.`,
    );
  }
  return expires;
}
