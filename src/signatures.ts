import type { Token } from '../hsm';
import { AccessKeys } from './auth/access-keys';
import { Credentials } from './auth/credentials';
import { fetchJson } from './auth/fetch-json';
import { IdentityTokens } from './auth/identity-tokens';
import { IssuerKeys } from './auth/issuer-keys';
import { PresignedCallers } from './auth/presigned';
import { Sealing } from './auth/sealing';
import { sealingOf } from './auth/sealing-keys';
import { Sessions } from './auth/sessions';
import { type SigV4Options, SigningKeys } from './auth/sigv4';
import { WebIdentities } from './auth/web-identity';
import type { Caches } from './caches';
import type { Config } from './config';
import type { Database } from './db';
import { findProvider } from './iam/oidc-providers';
import { compileIdentityPolicy } from './policy/compile';
import type { Principal } from './policy/principal';
import type { AwsServiceName } from './shapes';

/** What proves who somebody is, and what gives out credentials. */
export interface Signatures {
  /** How the signatures of each service are verified: they are scoped to it. */
  readonly options: Readonly<Record<AwsServiceName, SigV4Options<Principal>>>;
  readonly identityTokens: IdentityTokens;
  readonly sessions: Sessions;
  readonly webIdentities: WebIdentities;
  readonly presignedCallers: PresignedCallers;
}

export interface SignatureParts {
  readonly config: Config;
  readonly database: Database;
  readonly token: Token;
  readonly caches: Caches;
}

/** IAM and STS have a global endpoint, which clients sign for in this region wherever they are. */
const globalRegion = 'us-east-1';

export function buildSignatures(parts: SignatureParts): Signatures {
  const { config, database: db, token, caches } = parts;
  const now = Date.now;
  const sessions = new Sessions({
    token,
    ...sealingOf('session-sealing', parts),
    compile: compileIdentityPolicy,
    now,
  });
  const credentials = new Credentials(
    new AccessKeys({
      db,
      sealing: new Sealing(token, 'access-key-sealing', db),
      cache: caches.accessKeys,
    }),
    sessions,
  );
  const signingKeys = new SigningKeys();
  const scoped = (
    service: AwsServiceName,
    ...regions: readonly string[]
  ): SigV4Options<Principal> => ({
    ...{ regions, services: [service], now, signingKeys },
    find: (accessKeyId, sessionToken) => credentials.find(accessKeyId, sessionToken),
  });
  const options = {
    kms: scoped('kms', config.region),
    iam: scoped('iam', config.region, globalRegion),
    sts: scoped('sts', config.region, globalRegion),
  };
  const identityTokens = new IdentityTokens({ keys: new IssuerKeys({ fetchJson, now }), now });
  const { oidcProviders } = caches;
  return {
    options,
    identityTokens,
    sessions,
    webIdentities: new WebIdentities({
      place: { partition: config.partition, region: config.region },
      tokens: identityTokens,
      findProvider: async (arn) =>
        oidcProviders.get(arn) ?? oidcProviders.load(arn, () => findProvider(db, arn)),
    }),
    presignedCallers: new PresignedCallers(options.sts),
  };
}
