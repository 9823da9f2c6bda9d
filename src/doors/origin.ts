import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { type Networks, normalAddress } from '../networks';
import type { RequestOrigin } from '../trail';

/** A chain of trusted proxies longer than this is no chain that anybody built. */
const maxHops = 32;

/**
 * Where a request came from. X-Forwarded-For and X-Forwarded-Proto are believed of trusted proxies alone: anybody can
 * send them.
 */
export function originOf(req: IncomingMessage, networks: Networks): RequestOrigin {
  const { headers, socket } = req;
  const peer = normalAddress(socket.remoteAddress ?? '');
  const trusted = peer !== undefined && networks(peer).trusted;
  const sourceIp = trusted ? clientOf(peer, { req, networks }) : peer;
  const tls = tlsOf(req);
  return {
    // A connection that was reset before anybody asked has no address any more.
    sourceIp: sourceIp ?? 'unknown',
    zone: sourceIp === undefined ? undefined : networks(sourceIp).zone,
    secureTransport: (trusted ? forwardedSecurity(req) : undefined) ?? tls !== undefined,
    userAgent: headers['user-agent'],
    referer: headers.referer,
    sourceArn: joined(req, 'x-amz-source-arn'),
    sourceAccount: joined(req, 'x-amz-source-account'),
    tls,
  };
}

/**
 * The right-most address that is no trusted proxy's: each proxy appends the address it was called from, so everything to
 * the left of that is what the client chose to send. A list that cannot be read is as good as none.
 */
function clientOf(
  peer: string,
  { req, networks }: { req: IncomingMessage; networks: Networks },
): string {
  const forwarded = joined(req, 'x-forwarded-for');
  if (forwarded === undefined) return peer;
  const hops = forwarded.split(',');
  let client = peer;
  for (const hop of hops.slice(-maxHops).reverse()) {
    const address = hopAddress(hop.trim());
    if (address === undefined) return peer;
    client = address;
    if (!networks(address).trusted) return client;
  }
  return hops.length > maxHops ? peer : client;
}

/** Some proxies add the port: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
const withPort = /^(?:\[([0-9a-f:.]+)\]|(\d{1,3}(?:\.\d{1,3}){3}))(?::\d{1,5})?$/i;

function hopAddress(hop: string): string | undefined {
  const [, v6, v4] = withPort.exec(hop) ?? [];
  return hop.includes('%') ? undefined : normalAddress(v6 ?? v4 ?? hop);
}

/** Whether every hop before the trusted proxy was encrypted; undefined when the proxy says nothing of it. */
function forwardedSecurity(req: IncomingMessage): boolean | undefined {
  const schemes = joined(req, 'x-forwarded-proto')?.split(',');
  return schemes?.every((scheme) => scheme.trim().toLowerCase() === 'https');
}

/** Node joins the values of repeated headers that it does not know with commas. */
function joined({ headers }: IncomingMessage, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(',') : value;
}

function tlsOf({ socket, headers }: IncomingMessage): RequestOrigin['tls'] {
  if (!('encrypted' in socket)) return undefined;
  const { version, cipherSuite } = connectionOf(socket as TLSSocket);
  return { version, cipherSuite, host: headers.host };
}

type TlsConnection = Pick<NonNullable<RequestOrigin['tls']>, 'version' | 'cipherSuite'>;

/** Asked of OpenSSL once a connection: the answer costs as much as a hash, and stays the same. */
const connections = new WeakMap<TLSSocket, TlsConnection>();

function connectionOf(socket: TLSSocket): TlsConnection {
  const known = connections.get(socket);
  if (known !== undefined) return known;
  const version = socket.getProtocol();
  // The types promise a cipher; a connection that is gone has none any more.
  const cipher = socket.getCipher() as { name: string } | undefined;
  const connection = { version: version ?? 'unknown', cipherSuite: cipher?.name ?? 'unknown' };
  // What is gone is not remembered as unknown, and is asked no more.
  if (version !== null && cipher !== undefined) connections.set(socket, connection);
  return connection;
}
