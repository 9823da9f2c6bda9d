import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type ClientCertificate, readCertificate } from '../auth/certificate';
import { type Networks, normalAddress } from '../networks';

/** A connection has one certificate for its whole life, and as a rule many requests. */
const known = new WeakMap<Socket, ClientCertificate>();

/**
 * The client's certificate, if the client CA vouches for it. On a connection of a trusted proxy it is the proxy's, who
 * speaks for many: there the client has none.
 */
export function certificateOf(
  { socket }: IncomingMessage,
  networks: Networks,
): ClientCertificate | undefined {
  const peer = normalAddress(socket.remoteAddress ?? '');
  if (peer === undefined || networks(peer).trusted) return undefined;
  return certificateOn(socket);
}

function certificateOn(socket: Socket): ClientCertificate | undefined {
  const remembered = known.get(socket);
  if (remembered !== undefined) return remembered;
  if (!('encrypted' in socket)) return undefined;
  const tls = socket as TLSSocket;
  // One that is resumed in TLS 1.3 may be `authorized` and have none.
  const certificate = tls.authorized ? tls.getPeerX509Certificate() : undefined;
  if (certificate === undefined) return undefined;
  const read = readCertificate(certificate);
  known.set(socket, read);
  return read;
}
