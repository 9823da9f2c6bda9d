import type { Awaitable } from './awaitable';
import { randomUUID } from 'node:crypto';
import { AccessKeys } from './auth/access-keys';
import { Sealing } from './auth/sealing';
import { type SignedRequest, SigningKeys, authenticate } from './auth/sigv4';
import type { Caches } from './caches';
import { type Config, networkSettings } from './config';
import type { Corridor, DoorRequest } from './corridor';
import { handle } from './dispatch';
import { awsJson } from './doors/aws-json';
import { awsQuery, isAwsQuery } from './doors/aws-query';
import { type HealthOptions, healthRouter } from './doors/health';
import type { Log } from './log';
import { readNetworks } from './networks';
import type { Principal } from './policy/principal';
import { type Listener, createServer } from './server';
import { createApp } from './server/app';
import type { ServiceName } from './shapes';

export interface Served {
  readonly config: Config;
  readonly log: Log;
  readonly corridor: Corridor;
  readonly caches: Caches;
  readonly metrics: HealthOptions['metrics'];
}

/** The doors of a worker, behind one listener. */
export function buildListener({ config, log, corridor, caches, metrics }: Served): Listener {
  const { token, db } = corridor.services;
  const accessKeys = new AccessKeys({ db, sealing: new Sealing(token), cache: caches.accessKeys });
  const door = {
    maxBodyBytes: config.maxBodyBytes,
    newRequestId: randomUUID,
    networks: readNetworks(networkSettings(config)),
    handle: (request: DoorRequest) => handle(corridor, request),
  };
  const signatures = signaturesOf(config, accessKeys);
  const json = awsJson({ ...door, authenticate: signatures.kms });
  const query = awsQuery({
    ...door,
    authenticate: (service, request) => signatures[service](request),
  });
  const health = healthRouter({
    checks: [
      { name: 'database', check: () => corridor.database.check() },
      { name: 'token', check: () => token.check() },
    ],
    metrics,
    log,
  });
  const { tlsCertFile: certFile, tlsKeyFile: keyFile } = config;
  return createServer(
    {
      aws: (req, res) => (isAwsQuery(req) ? query : json)(req, res),
      rest: createApp([health], log),
    },
    {
      host: config.host,
      port: config.port,
      ...(certFile === undefined || keyFile === undefined ? {} : { tls: { certFile, keyFile } }),
      limits: {
        headerBytes: config.maxHeaderBytes,
        headersTimeoutMs: config.headersTimeoutMs,
        requestTimeoutMs: config.requestTimeoutMs,
        keepAliveTimeoutMs: config.keepAliveTimeoutMs,
        maxConnections: config.maxConnections,
      },
      log,
    },
  );
}

type Authenticate = (request: SignedRequest) => Awaitable<Principal>;

/** IAM and STS have a global endpoint, which clients sign for in this region wherever they are. */
const globalRegion = 'us-east-1';

/** Each service takes the signatures that are scoped to it. */
function signaturesOf(config: Config, accessKeys: AccessKeys): Record<ServiceName, Authenticate> {
  const common = {
    now: Date.now,
    find: (accessKeyId: string) => accessKeys.find(accessKeyId),
    signingKeys: new SigningKeys(),
  };
  const signed = (service: ServiceName, regions: readonly string[]): Authenticate => {
    const options = { ...common, regions, services: [service] };
    return async (request) => (await authenticate(request, options)).principal;
  };
  return {
    kms: signed('kms', [config.region]),
    iam: signed('iam', [config.region, globalRegion]),
    sts: signed('sts', [config.region, globalRegion]),
  };
}
