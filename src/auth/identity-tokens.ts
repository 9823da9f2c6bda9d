import { type JWTPayload, decodeJwt, errors, jwtVerify } from 'jose';
import { KmsError } from '../errors';
import { FetchError } from './fetch-json';
import type { IssuerKeys, KeySet } from './issuer-keys';

/** What the holder of a token must be, for us to take it. */
export interface ExpectedToken {
  /** The exact `iss`. */
  readonly issuer: string;
  /** One of the token's audiences must be one of these. */
  readonly audiences: readonly string[];
  /** The token's audiences, where they are not its `aud`. */
  readonly audiencesOf?: (claims: JWTPayload) => readonly string[];
}

/** A token whose signature, issuer, audience and times are proved. */
export interface VerifiedToken {
  readonly issuer: string;
  readonly subject: string;
  /** Those of its audiences that were expected; at least one. */
  readonly audiences: readonly string[];
  readonly issuedAt: Date;
  readonly expiresAt: Date;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Signatures by a private key that the issuer alone has: never `none`, never a shared secret. */
const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
];

/** STS's own bound. */
const maxTokenLength = 20_000;
/** How far the issuer's clock may be from ours. */
const toleranceSeconds = 30;

/** The last second of the year 9999, which ISO 8601 and every database can still write. */
const lastSecond = 253_402_300_799;

interface Parts {
  readonly keys: IssuerKeys;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Verifies ID tokens and access tokens that are signed JWTs (RFC 7519, RFC 8725). */
export class IdentityTokens {
  constructor(private readonly parts: Parts) {}

  /**
   * Throws InvalidIdentityToken, ExpiredTokenException or IDPCommunicationError with STS's texts. The issuer's keys are
   * fetched where they are not known, so the issuer must be one that an administrator trusts.
   */
  async verify(token: string, expected: ExpectedToken): Promise<VerifiedToken> {
    if (claimedIssuer(token) !== expected.issuer) throw invalidToken(missing('iss'));
    const claims = await this.verifySignature(token, expected.issuer);
    const { sub: subject, iat = NaN, exp = NaN } = claims;
    if (typeof subject !== 'string' || subject === '') throw invalidToken(missing('sub'));
    if (iat > this.parts.now() / 1000 + toleranceSeconds) throw notYetValid('iat');
    if (iat < 0) throw invalidToken(missing('iat'));
    const audiences = (expected.audiencesOf ?? audiencesOf)(claims);
    const matching = audiences.filter((audience) => expected.audiences.includes(audience));
    if (matching.length === 0) throw invalidToken('Incorrect token audience');
    return {
      issuer: expected.issuer,
      subject,
      audiences: matching,
      issuedAt: new Date(iat * 1000),
      expiresAt: new Date(Math.min(exp, lastSecond) * 1000),
      claims,
    };
  }

  private async verifySignature(token: string, issuer: string): Promise<JWTPayload> {
    try {
      return await this.verifyWith(token, issuer, await this.parts.keys.get(issuer));
    } catch (thrown) {
      if (!(thrown instanceof errors.JWKSNoMatchingKey)) throw this.refusalOf(thrown);
    }
    try {
      return await this.verifyWith(token, issuer, await this.parts.keys.renew(issuer));
    } catch (thrown) {
      throw this.refusalOf(thrown);
    }
  }

  private async verifyWith(token: string, issuer: string, keys: KeySet): Promise<JWTPayload> {
    const { payload } = await jwtVerify(token, keys, {
      algorithms,
      issuer,
      clockTolerance: toleranceSeconds,
      currentDate: new Date(this.parts.now()),
      requiredClaims: ['sub', 'aud', 'exp', 'iat'],
    });
    return payload;
  }

  private refusalOf(thrown: unknown): unknown {
    if (thrown instanceof FetchError) return unreachable(thrown);
    if (thrown instanceof errors.JWTExpired) {
      const now = Math.floor(this.parts.now() / 1000);
      return new KmsError(
        'ExpiredTokenException',
        // Without a blank before the second time, as AWS writes it.
        `Token expired: current date/time ${now} must be before the expiration date/time${String(thrown.payload.exp)}`,
      );
    }
    if (thrown instanceof errors.JWTClaimValidationFailed) {
      return thrown.claim === 'nbf' ? notYetValid('nbf') : invalidToken(missing(thrown.claim));
    }
    if (thrown instanceof errors.JWKSNoMatchingKey) return noKey(thrown);
    if (thrown instanceof errors.JWKSMultipleMatchingKeys) return noKey(thrown);
    return invalidJwt(thrown);
  }
}

/** Who a token says that it is of; nothing of it is proved. Throws InvalidIdentityToken for what is no JWT. */
export function claimedIssuer(token: string): string {
  if (token.length > maxTokenLength) throw invalidJwt(undefined);
  let issuer: unknown;
  try {
    issuer = decodeJwt(token).iss;
  } catch (cause) {
    throw invalidJwt(cause);
  }
  if (typeof issuer !== 'string' || issuer === '') throw invalidToken(missing('iss'));
  return issuer;
}

/** Both forms of `aud` (RFC 7519 §4.1.3). */
export function audiencesOf({ aud }: JWTPayload): readonly string[] {
  if (Array.isArray(aud)) return aud.filter((one) => typeof one === 'string');
  return typeof aud === 'string' ? [aud] : [];
}

export function invalidToken(message: string, cause?: unknown): KmsError {
  return new KmsError('InvalidIdentityToken', message, { cause });
}

function invalidJwt(cause: unknown): KmsError {
  return invalidToken(
    'The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)',
    cause,
  );
}

function missing(claim: string): string {
  return `Missing or incorrect claim in the token: ${claim}`;
}

function notYetValid(claim: 'nbf' | 'iat'): KmsError {
  return invalidToken(`Token is not valid yet: its ${claim} is in the future`);
}

/** With two blanks, as AWS writes it. */
function noKey(cause: unknown): KmsError {
  return invalidToken(
    "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements",
    cause,
  );
}

/** Clients repeat IDPCommunicationError, and nothing else. */
function unreachable(error: FetchError): KmsError {
  return error.kind === 'unusable'
    ? noKey(error)
    : new KmsError('IDPCommunicationError', 'Error communicating with the identity provider.', {
        cause: error,
      });
}
