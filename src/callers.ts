import { type Authenticate, type Proofs, authenticator } from './auth/authenticator';
import { isApiToken } from './auth/api-token';
import { ApiTokens } from './auth/api-tokens';
import { BearerTokens } from './auth/bearer-tokens';
import { CertificateCallers } from './auth/certificate-callers';
import type { LastUsed } from './auth/last-used';
import { RulePrincipals } from './auth/rule-principals';
import { authenticate } from './auth/sigv4';
import type { Caches } from './caches';
import { type Config, identityRules } from './config';
import { type Log, describeError } from './log';
import type { Services } from './operation';
import { compileIdentityPolicy } from './policy/compile';
import type { AwsServiceName } from './shapes';
import type { Signatures } from './signatures';

export interface CallerParts {
  readonly config: Config;
  readonly log: Log;
  readonly services: Services;
  readonly caches: Caches;
  readonly signatures: Signatures;
  readonly lastUsed: LastUsed;
}

/**
 * Every way to prove who calls, for each service: a signature is scoped to one. Throws ConfigError when the identity
 * rules cannot be used.
 */
export function buildAuthenticators(parts: CallerParts): Record<AwsServiceName, Authenticate> {
  const { config, lastUsed, signatures } = parts;
  const rules = byRules(parts);
  const kmsProofs = { ...rules, token: tokensOfKms(parts, rules) };
  const of = (service: AwsServiceName): Authenticate => {
    const options = signatures.options[service];
    const prove = authenticator({
      signature: async (request) => (await authenticate(request, options)).principal,
      ...(service === 'kms' ? kmsProofs : rules),
    });
    const used = { service, region: options.regions.at(-1) ?? config.region };
    return async (request) => {
      const principal = await prove(request);
      lastUsed.note(principal, used);
      return principal;
    };
  };
  return { kms: of('kms'), iam: of('iam'), sts: of('sts') };
}

/**
 * API tokens are for keys alone. IAM and STS give out credentials: with one an expiring, limited token would be turned into
 * what lasts, is not limited, and stays when the token is deleted.
 */
function tokensOfKms(
  { log, services, caches }: CallerParts,
  rules: Pick<Proofs, 'token'>,
): Proofs['token'] {
  const apiTokens = new ApiTokens({
    db: services.db,
    cache: caches.apiTokens,
    compile: compileIdentityPolicy,
    now: Date.now,
    onRefused: refusedOf(log)('an API token was not accepted'),
  });
  return (token) => (isApiToken(token) ? apiTokens.find(token) : rules.token(token));
}

function refusedOf(log: Log): (message: string) => (reason: unknown) => void {
  return (message) => (reason) => log.info(message, { reason: describeError(reason) });
}

function byRules(parts: CallerParts): Omit<Proofs, 'signature'> {
  const { config, log, services, caches, signatures } = parts;
  const rules = identityRules(config);
  const { db, place } = services;
  const now = Date.now;
  const principals = new RulePrincipals({ db, rules, cache: caches.rulePrincipals });
  const refused = refusedOf(log);
  const tokens = new BearerTokens({
    rules: rules.tokens,
    tokens: signatures.identityTokens,
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
