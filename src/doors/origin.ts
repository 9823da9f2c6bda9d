import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { RequestOrigin } from '../trail';

/** Where a request came from, as every door tells it. */
export function originOf(req: IncomingMessage): RequestOrigin {
  return {
    sourceIp: req.socket.remoteAddress ?? 'unknown',
    userAgent: req.headers['user-agent'],
    tls: tlsOf(req),
  };
}

function tlsOf({ socket, headers }: IncomingMessage): RequestOrigin['tls'] {
  if (!('encrypted' in socket)) return undefined;
  const tls = socket as TLSSocket;
  const version = tls.getProtocol() ?? 'unknown';
  // The types promise a cipher; a connection that is gone has none any more.
  const cipher = tls.getCipher() as { name: string } | undefined;
  return { version, cipherSuite: cipher?.name ?? 'unknown', host: headers.host };
}
