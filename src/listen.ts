import { randomUUID } from 'node:crypto';
import type { LastUsed } from './auth/last-used';
import type { Caches } from './caches';
import { buildAuthenticators } from './callers';
import { type Config, networkSettings } from './config';
import type { Corridor, DoorRequest } from './corridor';
import { handle } from './dispatch';
import { awsJson } from './doors/aws-json';
import { awsQuery, isAwsQuery } from './doors/aws-query';
import { type HealthOptions, healthRouter } from './doors/health';
import type { Log } from './log';
import { readNetworks } from './networks';
import { type Listener, createServer } from './server';
import { createApp } from './server/app';
import type { TlsFiles } from './server/tls';
import type { Signatures } from './signatures';

export interface Served {
  readonly config: Config;
  readonly log: Log;
  readonly corridor: Corridor;
  readonly caches: Caches;
  readonly signatures: Signatures;
  readonly lastUsed: LastUsed;
  readonly metrics: HealthOptions['metrics'];
}

/** The doors of a worker, behind one listener. */
export function buildListener(served: Served): Listener {
  const { config, log, corridor, metrics } = served;
  const { services } = corridor;
  const door = {
    maxBodyBytes: config.maxBodyBytes,
    newRequestId: randomUUID,
    networks: readNetworks(networkSettings(config)),
    handle: (request: DoorRequest) => handle(corridor, request),
  };
  const authenticate = buildAuthenticators({ ...served, services });
  const json = awsJson({ ...door, authenticate: authenticate.kms });
  const query = awsQuery({
    ...door,
    authenticate: (service, request) => authenticate[service](request),
  });
  const health = healthRouter({
    checks: [
      { name: 'database', check: () => corridor.database.check() },
      { name: 'token', check: () => services.token.check() },
    ],
    metrics,
    log,
  });
  const tls = tlsFiles(config);
  return createServer(
    {
      aws: (req, res) => (isAwsQuery(req) ? query : json)(req, res),
      rest: createApp([health], log),
    },
    {
      host: config.host,
      port: config.port,
      ...(tls && { tls }),
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

function tlsFiles(config: Config): TlsFiles | undefined {
  const { tlsCertFile: certFile, tlsKeyFile: keyFile, tlsClientCaFile: caFile } = config;
  if (certFile === undefined || keyFile === undefined) return undefined;
  if (caFile === undefined) return { certFile, keyFile };
  const required = config.tlsClientCertificates === 'required';
  return { certFile, keyFile, clients: { caFile, required } };
}
