import { hash } from 'node:crypto';
import { newUniqueId } from '../iam/ids';
import { Secret } from './secret';

/** What a bearer token begins with that is an API token; no JWT does (RFC 7519: it begins with base64url of `{`). */
const prefix = 'clv_';

/** `clv_<id>_<32 bytes in base64url>`: all of it is text that RFC 6750 lets a bearer token be of. */
const form = /^clv_([A-Z0-9]{16,32})_([A-Za-z0-9_-]{43})$/;

const secretBytes = 32;

/** Of an API token that somebody shows. */
export interface PresentedToken {
  readonly tokenId: string;
  /** SHA-256 of the secret's text: a secret has one spelling. */
  readonly hash: Buffer;
}

export interface NewApiToken extends PresentedToken {
  /** The whole token, which is shown once. */
  readonly text: Secret;
}

export function isApiToken(bearerToken: string): boolean {
  return bearerToken.startsWith(prefix);
}

/** Undefined for what is no API token, and for a part of one. */
export function parseApiToken(text: string): PresentedToken | undefined {
  const [, tokenId, secret] = form.exec(text) ?? [];
  if (tokenId === undefined || secret === undefined) return undefined;
  return { tokenId, hash: hashOf(secret) };
}

const secretWithin = /(clv_[A-Z0-9]{16,32}_)[A-Za-z0-9_-]+/g;

/** What is kept of a text: not the secret of an API token that somebody put where none belongs, such as a key's id. */
export function withoutApiTokens(text: string): string {
  return text.includes(prefix) ? text.replace(secretWithin, '$1(redacted)') : text;
}

/** Its secret comes from the random number generator of the PKCS#11 token. */
export function newApiToken(token: { generateRandom(length: number): Buffer }): NewApiToken {
  const tokenId = newUniqueId('ATKN');
  const bytes = token.generateRandom(secretBytes);
  const secret = bytes.toString('base64url');
  bytes.fill(0);
  return { tokenId, hash: hashOf(secret), text: new Secret(`${prefix}${tokenId}_${secret}`) };
}

function hashOf(secret: string): Buffer {
  return hash('sha256', secret, 'buffer');
}
