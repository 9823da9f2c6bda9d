import { createServer as createHttpServer } from 'node:http';
import type {
  IncomingMessage,
  Server as HttpServer,
  ServerOptions,
  ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer, Server as HttpsServer } from 'node:https';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import { describeError } from '../log';
import type { Log } from '../log';
import { answerClientErrors } from './client-errors';
import { judgeClients } from './clients';
import { loadTls, watchTls } from './tls';
import type { ClientCertificates, TlsFiles } from './tls';

export type Handler = (req: IncomingMessage, res: ServerResponse) => void;

export interface ServerLimits {
  /** Request line and headers together, in bytes; more is answered 431. */
  readonly headerBytes: number;
  /** From the connection, or the request's first byte, to the end of its headers; then 408. */
  readonly headersTimeoutMs: number;
  /** From the request's first byte to the last of its body; then 408. Not below headersTimeoutMs. */
  readonly requestTimeoutMs: number;
  /**
   * How long an idle connection is kept. Longer than the idle time of a load balancer in front
   * (AWS ALB: 60 s), or it sends a request into a connection that is being closed.
   */
  readonly keepAliveTimeoutMs: number;
  /** Connections of this process at a time; more are closed as they come. */
  readonly maxConnections: number;
}

export const defaultLimits: ServerLimits = {
  headerBytes: 32_768,
  headersTimeoutMs: 20_000,
  requestTimeoutMs: 60_000,
  keepAliveTimeoutMs: 75_000,
  maxConnections: 10_000,
};

export interface ListenerOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly tls?: TlsFiles;
  readonly limits?: Partial<ServerLimits>;
  readonly log?: Log;
  /** Milliseconds since the epoch; judges certificates. */
  readonly now?: () => number;
}

export interface Listener {
  /** Starts to accept. Rejects when the address is taken or the certificate is bad. */
  listen(): Promise<{ port: number }>;
  /**
   * Stops accepting, lets requests in flight finish, and after `graceMs` cuts what is left. Idle connections are closed
   * after `lingerMs` (default: at once): a request that comes on one until then is answered with `Connection: close`.
   */
  close(graceMs: number, lingerMs?: number): Promise<void>;
  /** Serves new connections with what the certificate files hold now; rejects, and keeps the old, if that is bad. */
  reloadTls(): Promise<void>;
}

/** How often a closing server looks for connections whose last answer has gone out. */
const CLOSING_POLL_MS = 25;
const MAX_CHECK_INTERVAL_MS = 5_000;

/**
 * One HTTP or HTTPS listener. Malformed, oversized and slow requests are answered at once (400, 431, 408) and their
 * connections closed; they never reach a handler. Under node:cluster the port is shared by the workers.
 */
export function createListener(handle: Handler, options: ListenerOptions): Listener {
  const limits = { ...defaultLimits, ...options.limits };
  const { log, tls: files, now = Date.now } = options;
  let closing = false;
  const serve: Handler = (req, res) => {
    if (closing) res.setHeader('Connection', 'close');
    handle(req, res);
  };
  const server = files
    ? httpsServer(limits, { serve, clients: files.clients, log })
    : createHttpServer(httpOptions(limits), serve);
  prepare(server, limits, log);
  const sockets = socketsOf(server);
  let stopWatching = (): void => undefined;

  const reloadTls = async (): Promise<void> => {
    if (files && server instanceof HttpsServer)
      server.setSecureContext(await loadTls(files, now()));
  };
  return {
    reloadTls,
    async listen() {
      await reloadTls();
      const port = await listenOn(server, options);
      if (files) stopWatching = watchTls(files, () => void reloadOrKeep(reloadTls, log), log);
      return { port };
    },
    async close(graceMs, lingerMs = 0) {
      closing = true;
      stopWatching();
      await closeServer(server, { sockets, graceMs, lingerMs });
    },
  };
}

async function reloadOrKeep(reload: () => Promise<void>, log: Log | undefined): Promise<void> {
  try {
    await reload();
    log?.info('the TLS certificate was read again');
  } catch (error) {
    log?.error('the new TLS certificate is bad, the old one is kept', {
      error: describeError(error),
    });
  }
}

function httpOptions(limits: ServerLimits): ServerOptions {
  const requestTimeout = Math.max(limits.requestTimeoutMs, limits.headersTimeoutMs);
  return {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    // Node looks for late requests this often; its own 30 s would let a 20 s limit pass for 50 s.
    connectionsCheckingInterval: Math.min(MAX_CHECK_INTERVAL_MS, limits.headersTimeoutMs / 4),
  };
}

interface SecureServing {
  readonly serve: Handler;
  readonly clients: ClientCertificates | undefined;
  readonly log: Log | undefined;
}

function httpsServer(limits: ServerLimits, { serve, clients, log }: SecureServing): HttpsServer {
  const server = createHttpsServer(
    {
      ...httpOptions(limits),
      handshakeTimeout: limits.headersTimeoutMs,
      ALPNProtocols: ['http/1.1'],
      // Never without authorities of our own: node would believe every public one.
      requestCert: clients !== undefined,
      rejectUnauthorized: clients?.required === true,
    },
    serve,
  );
  if (clients !== undefined) judgeClients(server, clients, log);
  return server;
}

function prepare(
  server: HttpServer | HttpsServer,
  limits: ServerLimits,
  log: Log | undefined,
): void {
  server.maxConnections = limits.maxConnections;
  // Node drops silently what comes after 1,000: with it the X-Forwarded-For that a proxy has added. Their bytes are bounded.
  server.maxHeadersCount = 0;
  answerClientErrors(server);
  server.on('drop', () => {
    log?.warn('a connection was dropped: too many are open', { limit: limits.maxConnections });
  });
  server.on('tlsClientError', (error: Error) => {
    log?.debug('a TLS handshake failed', { error: describeError(error) });
  });
}

/** Those that are open; node keeps no list of those that have not shaken hands yet. */
function socketsOf(server: HttpServer | HttpsServer): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}

function listenOn(
  server: HttpServer | HttpsServer,
  { host, port }: Pick<ListenerOptions, 'host' | 'port'>,
): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/**
 * Node closes only the connections that are idle when asked, so it is asked until none is left. http.Server.close() would
 * close the idle ones at once, and reset a client that has just sent its next request; net.Server's leaves them.
 */
function closeServer(
  server: HttpServer | HttpsServer,
  {
    sockets,
    graceMs,
    lingerMs,
  }: { sockets: ReadonlySet<Socket>; graceMs: number; lingerMs: number },
): Promise<void> {
  if (!server.listening) return Promise.resolve();
  return new Promise((resolve, reject) => {
    let poll: NodeJS.Timeout | undefined;
    const closeIdle = (): void => {
      server.closeIdleConnections();
      poll = setInterval(() => server.closeIdleConnections(), CLOSING_POLL_MS);
    };
    const linger = setTimeout(closeIdle, Math.min(lingerMs, graceMs));
    const cut = setTimeout(() => {
      server.closeAllConnections();
      for (const socket of sockets) socket.destroy();
    }, graceMs);
    NetServer.prototype.close.call(server, (error) => {
      clearTimeout(linger);
      clearInterval(poll);
      clearTimeout(cut);
      if (error) reject(error);
      else resolve();
    });
    if (lingerMs === 0) server.closeIdleConnections();
  });
}
