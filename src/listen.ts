import { randomUUID } from 'node:crypto';
import { type SigV4Options, type SignedRequest, authenticate } from './auth/sigv4';
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
import type { Signatures } from './signatures';

export interface Served {
  readonly config: Config;
  readonly log: Log;
  readonly corridor: Corridor;
  readonly signatures: Signatures;
  readonly metrics: HealthOptions['metrics'];
}

/** The doors of a worker, behind one listener. */
export function buildListener({ config, log, corridor, signatures, metrics }: Served): Listener {
  const { token } = corridor.services;
  const door = {
    maxBodyBytes: config.maxBodyBytes,
    newRequestId: randomUUID,
    networks: readNetworks(networkSettings(config)),
    handle: (request: DoorRequest) => handle(corridor, request),
  };
  const { iam, kms, sts } = signatures.options;
  const queried = { iam: signed(iam), sts: signed(sts) };
  const json = awsJson({ ...door, authenticate: signed(kms) });
  const query = awsQuery({
    ...door,
    authenticate: (service, request) => queried[service](request),
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

/** Each service takes the signatures that are scoped to it. */
function signed(options: SigV4Options<Principal>): (request: SignedRequest) => Promise<Principal> {
  return async (request) => (await authenticate(request, options)).principal;
}
