import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { type ClientCertificate, readCertificate } from '../auth/certificate';
import { type Networks, normalAddress } from '../networks';

/** A connection has one certificate for its whole life, and as a rule many requests. */
const known = new WeakMap<TLSSocket, ClientCertificate>();

/**
 * The client's certificate, if the client CA vouches for it. On a connection of a trusted proxy it is the proxy's, who
 * speaks for many: there the client has none.
 */
export function certificateOf(
  { socket }: IncomingMessage,
  networks: Networks,
): ClientCertificate | undefined {
  if (!('encrypted' in socket)) return undefined;
  const peer = normalAddress(socket.remoteAddress ?? '');
  if (peer === undefined || networks(peer).trusted) return undefined;
  return certificateOn(socket as TLSSocket);
}

function certificateOn(tls: TLSSocket): ClientCertificate | undefined {
  const remembered = known.get(tls);
  if (remembered !== undefined) return remembered;
  // One that is resumed in TLS 1.3 may be `authorized` and have none.
  const certificate = tls.authorized ? tls.getPeerX509Certificate() : undefined;
  if (certificate === undefined) return undefined;
  const read = readCertificate(certificate);
  known.set(tls, read);
  return read;
}
