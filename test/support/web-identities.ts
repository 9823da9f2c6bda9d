import { fetchJson } from '../../src/auth/fetch-json';
import { IdentityTokens } from '../../src/auth/identity-tokens';
import { IssuerKeys } from '../../src/auth/issuer-keys';
import { WebIdentities } from '../../src/auth/web-identity';
import { type OidcIssuer, audience } from './oidc-issuer';
import { refusalOf } from './refusal';
import { accountId, place } from './sample-keys';

export type CodeAndMessage = readonly [code: string, message: string];

/** Web identities of an account that has one provider, and a clock that a test can put forward. */
export class TestIdentities {
  /** Milliseconds that the clock is ahead of this machine's. */
  ahead = 0;
  private readonly identities: WebIdentities;

  constructor(private readonly issuer: OidcIssuer) {
    const now = (): number => Date.now() + this.ahead;
    const keys = new IssuerKeys({ fetchJson, now });
    this.identities = new WebIdentities({
      place,
      tokens: new IdentityTokens({ keys, now }),
      findProvider: (arn) => Promise.resolve(arn === this.arn ? this.provider() : undefined),
    });
  }

  get arn(): string {
    return `arn:aws:iam::${accountId}:oidc-provider/${this.issuer.name}`;
  }

  identify(token: string, account = accountId): ReturnType<WebIdentities['identify']> {
    return this.identities.identify(token, account);
  }

  async refusal(token: string | Promise<string>, account = accountId): Promise<CodeAndMessage> {
    const text = await token;
    const { code, message } = await refusalOf(() => this.identify(text, account));
    return [code, message];
  }

  private provider(): Awaited<
    ReturnType<ConstructorParameters<typeof WebIdentities>[0]['findProvider']>
  > {
    return {
      arn: this.arn,
      accountId,
      url: this.issuer.url,
      clientIds: [audience, 'other-client'],
      thumbprints: [],
      createdAt: new Date(),
    };
  }
}

export const noJwt: CodeAndMessage = [
  'InvalidIdentityToken',
  'The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)',
];
export const noKey: CodeAndMessage = [
  'InvalidIdentityToken',
  "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements",
];
export const unreachable: CodeAndMessage = [
  'IDPCommunicationError',
  'Error communicating with the identity provider.',
];
export const seconds = (): number => Math.floor(Date.now() / 1000);
