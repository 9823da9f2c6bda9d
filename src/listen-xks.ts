import { type Config, xksCertificate, xksClientNames, xksHost } from './config';
import { nothingElse, ping } from './doors/ping';
import type { Readiness } from './doors/readiness';
import type { Log } from './log';
import { type Handler, type Listener, createListener } from './server';
import type { TlsFiles } from './server/tls';

interface Parts {
  readonly config: Config;
  readonly log: Log;
}

interface Doors {
  readonly xks: Handler;
  readonly failing: Readiness;
}

/**
 * Of those that the XKS proxy API names (Transport), all; besides them the ECDSA sibling of ChaCha20, and nothing of less than
 * 256 bits: what is sealed and opened here are keys of that strength.
 */
const suites = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/** A load balancer asks a few times a minute, and whoever else finds the port shall not take memory. */
const pingLimits = {
  headerBytes: 4096,
  headersTimeoutMs: 5000,
  requestTimeoutMs: 5000,
  maxConnections: 500,
};

/** The port of the XKS proxy and that of its ping, where they are asked for. */
export function xksListeners(
  { config, log }: Parts,
  { xks, failing }: Doors,
): { readonly xksPort: Listener | undefined; readonly xksPingPort: Listener | undefined } {
  const { xksPort, xksPingPort } = config;
  const host = xksHost(config);
  const tls = tlsFiles(config);
  const limits = {
    headerBytes: config.maxHeaderBytes,
    headersTimeoutMs: config.headersTimeoutMs,
    requestTimeoutMs: config.requestTimeoutMs,
    keepAliveTimeoutMs: config.xksKeepAliveTimeoutMs,
    maxConnections: config.maxConnections,
  };
  const own = { host, log, ...(tls && { tls }), limits };
  return {
    xksPort:
      xksPort === undefined
        ? undefined
        : createListener(ping(failing, xks), { ...own, port: xksPort }),
    xksPingPort:
      xksPingPort === undefined
        ? undefined
        : createListener(ping(failing, nothingElse), {
            host,
            log,
            port: xksPingPort,
            limits: pingLimits,
          }),
  };
}

function tlsFiles(config: Config): TlsFiles | undefined {
  const pair = xksCertificate(config);
  if (pair === undefined) return undefined;
  const { xksClientCaFile: caFile } = config;
  if (caFile === undefined) return { ...pair, ciphers: suites };
  const clients = { caFile, required: true, commonNames: xksClientNames(config) };
  return { ...pair, ciphers: suites, clients };
}
