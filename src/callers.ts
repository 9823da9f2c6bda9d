import { AccessKeys } from './auth/access-keys';
import { type Authenticate, type Proofs, authenticator } from './auth/authenticator';
import { BearerTokens } from './auth/bearer-tokens';
import { CertificateCallers } from './auth/certificate-callers';
import { fetchJson } from './auth/fetch-json';
import { IdentityTokens } from './auth/identity-tokens';
import { IssuerKeys } from './auth/issuer-keys';
import { RulePrincipals } from './auth/rule-principals';
import { Sealing } from './auth/sealing';
import { SigningKeys, authenticate } from './auth/sigv4';
import type { Caches } from './caches';
import { type Config, identityRules } from './config';
import { type Log, describeError } from './log';
import type { Services } from './operation';

export interface CallerParts {
  readonly config: Config;
  readonly log: Log;
  readonly services: Services;
  readonly caches: Caches;
}

/** Every way to prove who calls. Throws ConfigError when the identity rules cannot be used. */
export function buildAuthenticator(parts: CallerParts): Authenticate {
  return authenticator({ signature: bySignature(parts), ...byRules(parts) });
}

function bySignature({ config, services, caches }: CallerParts): Proofs['signature'] {
  const { db, token } = services;
  const accessKeys = new AccessKeys({ db, sealing: new Sealing(token), cache: caches.accessKeys });
  const sigV4 = {
    region: config.region,
    services: ['kms'],
    now: Date.now,
    find: (accessKeyId: string) => accessKeys.find(accessKeyId),
    signingKeys: new SigningKeys(),
  };
  return async (request) => (await authenticate(request, sigV4)).principal;
}

function byRules({ config, log, services, caches }: CallerParts): Omit<Proofs, 'signature'> {
  const rules = identityRules(config);
  const { db, place } = services;
  const now = Date.now;
  const principals = new RulePrincipals({ db, rules, cache: caches.rulePrincipals });
  const refused = (message: string) => (reason: unknown) => {
    log.info(message, { reason: describeError(reason) });
  };
  const tokens = new BearerTokens({
    rules: rules.tokens,
    tokens: new IdentityTokens({ keys: new IssuerKeys({ fetchJson, now }), now }),
    principals,
    place,
    now,
    onRefused: refused('a bearer token was not accepted'),
  });
  const certificates = new CertificateCallers({
    rules: rules.certificates,
    principals,
    now,
    onRefused: refused('a client certificate was not accepted'),
  });
  return {
    token: (token) => tokens.find(token),
    certificate: (certificate) => certificates.find(certificate),
  };
}
