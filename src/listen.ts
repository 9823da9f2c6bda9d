import type { Awaitable } from './awaitable';
import { randomUUID } from 'node:crypto';
import { AccessKeys } from './auth/access-keys';
import { Sealing } from './auth/sealing';
import { type SignedRequest, SigningKeys, authenticate } from './auth/sigv4';
import type { Caches } from './caches';
import { type Config, networkSettings } from './config';
import type { Corridor } from './corridor';
import { handle } from './dispatch';
import { awsJson } from './doors/aws-json';
import { type HealthOptions, healthRouter } from './doors/health';
import type { Log } from './log';
import { readNetworks } from './networks';
import type { Principal } from './policy/principal';
import { type Listener, createServer } from './server';
import { createApp } from './server/app';

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
  const aws = awsJson({
    maxBodyBytes: config.maxBodyBytes,
    newRequestId: randomUUID,
    networks: readNetworks(networkSettings(config)),
    authenticate: signedBy(config, accessKeys),
    handle: (request) => handle(corridor, request),
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
    { aws, rest: createApp([health], log) },
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

function signedBy(
  config: Config,
  accessKeys: AccessKeys,
): (request: SignedRequest) => Awaitable<Principal> {
  const sigV4 = {
    region: config.region,
    services: ['kms'],
    now: Date.now,
    find: (accessKeyId: string) => accessKeys.find(accessKeyId),
    signingKeys: new SigningKeys(),
  };
  return async (request) => (await authenticate(request, sigV4)).principal;
}
