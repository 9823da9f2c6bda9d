import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type ClientCertificate, readCertificate } from '../auth/certificate';

/** A connection has one certificate for its whole life, and as a rule many requests. */
const known = new WeakMap<Socket, ClientCertificate>();

/**
 * The client's certificate, if the client CA vouches for it. A connection may be `authorized` and have none, as one that
 * is resumed in TLS 1.3 without a certificate is.
 */
export function certificateOf({ socket }: IncomingMessage): ClientCertificate | undefined {
  const remembered = known.get(socket);
  if (remembered !== undefined) return remembered;
  if (!('encrypted' in socket)) return undefined;
  const tls = socket as TLSSocket;
  const certificate = tls.authorized ? tls.getPeerX509Certificate() : undefined;
  if (certificate === undefined) return undefined;
  const read = readCertificate(certificate);
  known.set(socket, read);
  return read;
}
