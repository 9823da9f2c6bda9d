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
import type { ServiceName } from './shapes';

export interface CallerParts {
  readonly config: Config;
  readonly log: Log;
  readonly services: Services;
  readonly caches: Caches;
}

/**
 * Every way to prove who calls, for each service: a signature is scoped to one. Throws ConfigError when the identity
 * rules cannot be used.
 */
export function buildAuthenticators(parts: CallerParts): Record<ServiceName, Authenticate> {
  const signatures = bySignature(parts);
  const rules = byRules(parts);
  const of = (service: ServiceName): Authenticate =>
    authenticator({ signature: signatures[service], ...rules });
  return { kms: of('kms'), iam: of('iam'), sts: of('sts') };
}

/** IAM and STS have a global endpoint, which clients sign for in this region wherever they are. */
const globalRegion = 'us-east-1';

function bySignature({
  config,
  services,
  caches,
}: CallerParts): Record<ServiceName, Proofs['signature']> {
  const { db, token } = services;
  const accessKeys = new AccessKeys({ db, sealing: new Sealing(token), cache: caches.accessKeys });
  const common = {
    now: Date.now,
    find: (accessKeyId: string) => accessKeys.find(accessKeyId),
    signingKeys: new SigningKeys(),
  };
  const signed = (service: ServiceName, regions: readonly string[]): Proofs['signature'] => {
    const options = { ...common, regions, services: [service] };
    return async (request) => (await authenticate(request, options)).principal;
  };
  return {
    kms: signed('kms', [config.region]),
    iam: signed('iam', [config.region, globalRegion]),
    sts: signed('sts', [config.region, globalRegion]),
  };
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
