import { randomUUID } from 'node:crypto';
import type { LastUsed } from './auth/last-used';
import type { Caches } from './caches';
import { buildAuthenticators } from './callers';
import { type Config, networkSettings } from './config';
import type { Corridor } from './corridor';
import { handle } from './dispatch';
import { handleBatch } from './dispatch-batch';
import { awsJson } from './doors/aws-json';
import { awsQuery, isAwsQuery } from './doors/aws-query';
import type { Door } from './doors/door';
import { type HealthOptions, healthRouter } from './doors/health';
import { type Readiness, readiness } from './doors/readiness';
import { docsRouter, documentPath } from './doors/rest/docs';
import { restDoor } from './doors/rest/door';
import { buildXks } from './build-xks';
import { xksListeners } from './listen-xks';
import type { Log } from './log';
import { readNetworks } from './networks';
import type { Ports } from './ports';
import type { Rates } from './rates/rates';
import {
  type Handlers,
  type Listener,
  type ListenerOptions,
  type ServerLimits,
  createServer,
} from './server';
import { createApp } from './server/app';
import type { TlsFiles } from './server/tls';
import type { Signatures } from './signatures';
import type { Health } from './xks/health';
import type { XksRequestEvent } from './xks/request-event';

export interface Served {
  readonly config: Config;
  readonly log: Log;
  readonly corridor: Corridor;
  readonly caches: Caches;
  readonly signatures: Signatures;
  readonly lastUsed: LastUsed;
  readonly health: Health;
  readonly rates: Rates;
  readonly metrics: HealthOptions['metrics'];
  readonly onXksRequest: (event: XksRequestEvent) => void;
  /** So many requests were refused unread in the last second. */
  readonly onXksOverload: (refused: number) => void;
}

export interface Listeners {
  /** Starts to accept. Rejects when an address is taken or a certificate is bad; close it then. */
  listen(): Promise<Ports>;
  /** As of each Listener. */
  close(graceMs: number, lingerMs?: number): Promise<void>;
}

/** The doors of a worker, behind its listeners. */
export function buildListeners(served: Served): Listeners {
  const { config, corridor, log } = served;
  const failing = readiness({
    checks: [
      { name: 'database', check: () => corridor.database.check() },
      { name: 'token', check: () => corridor.services.token.check() },
    ],
    log,
  });
  const xks = buildXks(served);
  const handlers = doorsOf(served, failing);
  const shared = config.xksPort === undefined;
  return together({
    port: createServer(shared ? { ...handlers, xks } : handlers, mainOptions(served)),
    ...xksListeners(served, { xks, failing }),
  });
}

/** One after the other, always in this order: by it node:cluster tells apart ports that are any free one. */
function together(listeners: Readonly<Record<keyof Ports, Listener | undefined>>): Listeners {
  const each = Object.entries(listeners).flatMap(([name, listener]) =>
    listener === undefined ? [] : [{ name: name as keyof Ports, listener }],
  );
  return {
    async listen() {
      const ports: Partial<Record<keyof Ports, number>> = {};
      for (const { name, listener } of each) ports[name] = (await listener.listen()).port;
      return ports as Ports;
    },
    async close(graceMs, lingerMs) {
      await Promise.all(each.map(({ listener }) => listener.close(graceMs, lingerMs)));
    },
  };
}

function doorsOf(served: Served, failing: Readiness): Omit<Handlers, 'xks'> {
  const { config, log, corridor, metrics } = served;
  const { services } = corridor;
  const door: Door = {
    maxBodyBytes: config.maxBodyBytes,
    newRequestId: randomUUID,
    networks: readNetworks(networkSettings(config)),
    handle: (request) => handle(corridor, request),
  };
  const authenticate = buildAuthenticators({ ...served, services });
  const json = awsJson({ ...door, authenticate: authenticate.kms });
  const query = awsQuery({
    ...door,
    authenticate: (service, request) => authenticate[service](request),
  });
  return {
    aws: (req, res) => (isAwsQuery(req) ? query : json)(req, res),
    rest: restDoor(
      {
        ...{ ...door, authenticate: authenticate.kms, log },
        handleBatch: (batch) => handleBatch(corridor, batch),
      },
      {
        handler: createApp(
          [healthRouter({ failing, metrics }), ...(config.docs ? [docsRouter()] : [])],
          log,
        ),
        paths: config.docs ? [documentPath] : [],
      },
    ),
  };
}

function mainOptions({ config, log }: Served): ListenerOptions {
  const tls = tlsFiles(config);
  return {
    host: config.host,
    port: config.port,
    ...(tls && { tls }),
    limits: limitsOf(config),
    log,
  };
}

function limitsOf(config: Config): ServerLimits {
  return {
    headerBytes: config.maxHeaderBytes,
    headersTimeoutMs: config.headersTimeoutMs,
    requestTimeoutMs: config.requestTimeoutMs,
    keepAliveTimeoutMs: config.keepAliveTimeoutMs,
    maxConnections: config.maxConnections,
  };
}

function tlsFiles(config: Config): TlsFiles | undefined {
  const { tlsCertFile: certFile, tlsKeyFile: keyFile, tlsClientCaFile: caFile } = config;
  if (certFile === undefined || keyFile === undefined) return undefined;
  if (caFile === undefined) return { certFile, keyFile };
  const required = config.tlsClientCertificates === 'required';
  return { certFile, keyFile, clients: { caFile, required } };
}
