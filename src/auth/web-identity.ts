import type { JWTPayload } from 'jose';
import { type KmsError } from '../errors';
import type { OidcProvider } from '../iam/oidc-providers';
import type { Place } from '../keys/identifiers';
import type { Principal } from '../policy/principal';
import { type IdentityTokens, audiencesOf, claimedIssuer, invalidToken } from './identity-tokens';
import { tokenTags } from './token-tags';

interface Parts {
  readonly place: Place;
  readonly tokens: IdentityTokens;
  /** The OIDC provider of an account by its ARN. */
  readonly findProvider: (arn: string) => Promise<OidcProvider | undefined>;
}

/** Tokens of the OIDC providers that an account trusts, as principals that may ask for the account's roles. */
export class WebIdentities {
  constructor(private readonly parts: Parts) {}

  /**
   * Who holds the token. It is a principal of `accountId` only in that the account's provider vouches for it: the
   * role's trust policy decides the rest. Throws InvalidIdentityToken, ExpiredTokenException, IDPCommunicationError.
   */
  async identify(token: string, accountId: string): Promise<Principal> {
    const issuer = claimedIssuer(token);
    const name = issuer.replace(/^https?:\/\//, '');
    const arn = `arn:${this.parts.place.partition}:iam::${accountId}:oidc-provider/${name}`;
    const provider = arn.length <= maxArnLength ? await this.parts.findProvider(arn) : undefined;
    // The ARN has no scheme: one issuer with it and one without TLS are two.
    if (provider?.url !== issuer) throw noProvider(issuer);
    const verified = await this.parts.tokens.verify(token, {
      issuer,
      audiences: provider.clientIds,
      audiencesOf: partyOf,
    });
    const { subject, audiences, claims, issuedAt, expiresAt } = verified;
    return {
      kind: 'web-identity',
      accountId,
      arn,
      principalId: `${arn}:${audiences[0] ?? ''}:${subject}`,
      userName: subject,
      accessKeyId: undefined,
      session: {
        issuedAt,
        expiresAt,
        policies: [],
        ...tokenTags(claims),
        webIdentity: { provider: arn, claims: conditionClaims(name, { claims, audiences }) },
      },
    };
  }
}

const maxArnLength = 512;

/** Whom AWS takes a token to be for: who may use it (`azp`) where it says so, else its audience. */
function partyOf(claims: JWTPayload): readonly string[] {
  const party = claims['azp'];
  return typeof party === 'string' ? [party] : audiencesOf(claims);
}

/** Claims larger than this are no conditions. */
const maxClaimLength = 2048;

/**
 * Condition keys `<issuer>:<claim>`. AWS has aud, oaud, sub and amr of every issuer and more of some; here every claim
 * that is text, a number, a boolean or a list of texts is one.
 */
export function conditionClaims(
  issuer: string,
  { claims, audiences }: { claims: JWTPayload; audiences: readonly string[] },
): Readonly<Record<string, string | readonly string[]>> {
  const conditions: Record<string, string | readonly string[]> = {};
  if (vendors.has(issuer.toLowerCase())) return conditions;
  for (const [claim, value] of Object.entries(claims)) {
    const condition = passesForAnother(claim, claims) ? undefined : conditionValue(value);
    if (condition !== undefined) conditions[`${issuer}:${claim}`.toLowerCase()] = condition;
  }
  const party = audiences.length === 1 ? audiences[0] : audiences;
  if (party !== undefined) conditions[`${issuer}:aud`.toLowerCase()] = party;
  if (typeof claims['azp'] === 'string') {
    conditions[`${issuer}:oaud`.toLowerCase()] = audiencesOf(claims);
  }
  return conditions;
}

/** An issuer of one of these names would write condition keys that are not its own: kms:ViaService. */
const vendors: ReadonlySet<string> = new Set(['aws', 'iam', 'kms', 'sts']);

/** Claims that say who and for whom; oaud is ours, made of aud where there is an azp. */
const registered: ReadonlySet<string> = new Set(['amr', 'aud', 'azp', 'iss', 'oaud', 'sub']);

/**
 * Condition keys compare without case, and claims do not: one that an issuer lets its users choose (`SUB`) must not be
 * taken for the issuer's own.
 */
function passesForAnother(claim: string, claims: JWTPayload): boolean {
  const name = claim.toLowerCase();
  if (name === 'oaud') return true;
  return name !== claim && (registered.has(name) || Object.hasOwn(claims, name));
}

function conditionValue(value: unknown): string | readonly string[] | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return value.length > maxClaimLength ? undefined : value;
  if (!Array.isArray(value) || !value.every((one) => typeof one === 'string')) return undefined;
  return JSON.stringify(value).length > maxClaimLength ? undefined : value;
}

/** The claims that a role session keeps, of those that AWS keeps: the rest decides over the role alone. */
const keptClaims = /:(aud|oaud|sub|amr)$/;

export function sessionClaims<V>(claims: Readonly<Record<string, V>>): Record<string, V> {
  return Object.fromEntries(Object.entries(claims).filter(([key]) => keptClaims.test(key)));
}

const maxEchoed = 255;

function noProvider(issuer: string): KmsError {
  const echoed = issuer.replace(/[^\x20-\x7e]/g, '?').slice(0, maxEchoed);
  return invalidToken(`No OpenIDConnect provider found in your account for ${echoed}`);
}
