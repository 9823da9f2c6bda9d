import { createHash } from 'node:crypto';
import type { Awaitable } from '../awaitable';
import { KmsError } from '../errors';
import type { Place } from '../keys/identifiers';
import type { Principal } from '../policy/principal';
import { Generations } from './generations';
import { type RoleTarget, type TokenRule, matchToken, sessionNameOf } from './identity-rules';
import {
  type IdentityTokens,
  type VerifiedToken,
  claimedIssuer,
  invalidToken,
} from './identity-tokens';
import { type Proof, type RulePrincipal, type RulePrincipals, asCaller } from './rule-principals';
import { refusal } from './sigv4-errors';
import { conditionClaims } from './web-identity';

interface Parts {
  readonly rules: readonly TokenRule[];
  readonly tokens: Pick<IdentityTokens, 'verify'>;
  readonly principals: Pick<RulePrincipals, 'find'>;
  readonly place: Pick<Place, 'partition'>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Told why a token was refused, which its sender is not. */
  readonly onRefused: (reason: unknown) => void;
}

/** What a verified token is good for; the rules do not change while a worker lives. */
interface Accepted {
  readonly target: RoleTarget;
  readonly proof: Proof;
  /** Milliseconds since the epoch; then its signature is verified again. */
  readonly goodUntil: number;
}

/** Tokens in use at a time whose signature is not verified again for a while. */
const remembered = 4096;
/** A key that its issuer withdrew lets a token live on for this long, besides what the keys themselves are kept. */
const rememberedMs = 300_000;

/** Who the holders of bearer tokens are: the roles that rules name. */
export class BearerTokens {
  private readonly known = new Generations<Accepted>(remembered);

  constructor(private readonly parts: Parts) {}

  /**
   * Throws ExpiredToken, or UnrecognizedClientException for all else that is wrong with a token, and
   * ServiceUnavailableException when its issuer cannot be asked for its keys.
   */
  find(token: string): Awaitable<Principal> {
    const digest = createHash('sha256').update(token).digest('base64');
    const known = this.known.get(digest);
    if (known === undefined || known.goodUntil <= this.parts.now()) {
      return this.accept(token, digest);
    }
    return this.callerOf(known);
  }

  private async accept(token: string, digest: string): Promise<Principal> {
    const accepted = await this.verify(token);
    this.known.set(digest, accepted);
    return this.callerOf(accepted);
  }

  private callerOf({ target, proof }: Accepted): Awaitable<Principal> {
    if (proof.expiresAt.getTime() <= this.parts.now()) throw refusal('expiredToken');
    const caller = (found: RulePrincipal | undefined): Principal => {
      if (found === undefined) {
        this.parts.onRefused(new Error(`${target.arn} does not exist`));
        throw refusal('unknownClient');
      }
      return asCaller(found, proof);
    };
    const found = this.parts.principals.find(target);
    return found instanceof Promise ? found.then(caller) : caller(found);
  }

  private async verify(token: string): Promise<Accepted> {
    try {
      const issuer = claimedIssuer(token);
      const rules = this.parts.rules.filter((rule) => rule.issuer === issuer);
      if (rules.length === 0) throw invalidToken('No rule names the issuer');
      const audiences = rules.flatMap((rule) => rule.audiences);
      const verified = await this.parts.tokens.verify(token, { issuer, audiences });
      const rule = matchToken(rules, verified.claims);
      if (rule === undefined) throw invalidToken('No rule matches the audience and the claims');
      const proof = this.proofOf(verified, rule.target);
      return { target: rule.target, proof, goodUntil: this.parts.now() + rememberedMs };
    } catch (thrown) {
      if (!(thrown instanceof KmsError)) throw thrown;
      this.parts.onRefused(thrown);
      throw refusalOf(thrown);
    }
  }

  private proofOf(verified: VerifiedToken, { arn }: RoleTarget): Proof {
    const { issuer, subject, audiences, claims, issuedAt, expiresAt } = verified;
    const name = issuer.replace(/^https?:\/\//, '');
    const accountId = arn.split(':', 5)[4] ?? '';
    return {
      sessionName: sessionNameOf(subject),
      issuedAt,
      expiresAt,
      webIdentity: {
        provider: `arn:${this.parts.place.partition}:iam::${accountId}:oidc-provider/${name}`,
        claims: conditionClaims(name, { claims, audiences }),
      },
    };
  }
}

/** One answer for all that is wrong with a token, so that nobody learns by trying what a good one looks like. */
function refusalOf(thrown: KmsError): KmsError {
  const { code } = thrown;
  if (code === 'ExpiredTokenException') return refusal('expiredToken');
  if (code === 'IDPCommunicationError') {
    return new KmsError(
      'ServiceUnavailableException',
      'The issuer of the token cannot be reached.',
      { cause: thrown },
    );
  }
  return refusal('unknownClient');
}
