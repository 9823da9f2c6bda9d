import { AccessKeys } from './auth/access-keys';
import { type Authenticate, type Proofs, authenticator } from './auth/authenticator';
import { BearerTokens } from './auth/bearer-tokens';
import { CertificateCallers } from './auth/certificate-callers';
import { fetchJson } from './auth/fetch-json';
import { IdentityTokens } from './auth/identity-tokens';
import { IssuerKeys } from './auth/issuer-keys';
import type { LastUsed } from './auth/last-used';
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
  readonly lastUsed: LastUsed;
}

/** IAM and STS have a global endpoint, which clients sign for in this region wherever they are. */
const globalRegion = 'us-east-1';

/**
 * Every way to prove who calls, for each service: a signature is scoped to one. Throws ConfigError when the identity
 * rules cannot be used.
 */
export function buildAuthenticators(parts: CallerParts): Record<ServiceName, Authenticate> {
  const { config, lastUsed } = parts;
  const signature = bySignature(parts);
  const rules = byRules(parts);
  const of = (service: ServiceName, regions: readonly string[]): Authenticate => {
    const prove = authenticator({ signature: signature(service, regions), ...rules });
    const used = { service, region: regions.at(-1) ?? config.region };
    return async (request) => {
      const principal = await prove(request);
      lastUsed.note(principal, used);
      return principal;
    };
  };
  return {
    kms: of('kms', [config.region]),
    iam: of('iam', [config.region, globalRegion]),
    sts: of('sts', [config.region, globalRegion]),
  };
}

type SignatureOf = (service: ServiceName, regions: readonly string[]) => Proofs['signature'];

function bySignature({ services, caches }: CallerParts): SignatureOf {
  const { db, token } = services;
  const accessKeys = new AccessKeys({ db, sealing: new Sealing(token), cache: caches.accessKeys });
  const common = {
    now: Date.now,
    find: (accessKeyId: string) => accessKeys.find(accessKeyId),
    signingKeys: new SigningKeys(),
  };
  return (service, regions) => {
    const options = { ...common, regions, services: [service] };
    return async (request) => (await authenticate(request, options)).principal;
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
