import type { Server } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { Log } from '../log';
import type { ClientCertificates } from './tls';

/**
 * Says in the log whose certificates were not accepted, and cuts connections of those whose name is not among those that are
 * let in: before HTTP is served on the connection, so that nothing of what they send is read.
 */
export function judgeClients(
  server: Server,
  { commonNames }: Pick<ClientCertificates, 'commonNames'>,
  log: Log | undefined,
): void {
  // Ahead of the listener with which node begins to serve HTTP.
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    if (!socket.authorized) {
      if (socket.getPeerX509Certificate() !== undefined) reportUnverified(socket, log);
    } else if (commonNames !== undefined && !commonNames.includes(commonNameOf(socket) ?? '')) {
      const subject = commonNameOf(socket) ?? 'none that can be read, or several';
      log?.info('a client certificate was not accepted', { reason: 'SUBJECT', subject });
      socket.destroy();
    }
  });
  // Where a good certificate is required, node itself has cut the connection by then. One without any never came so far.
  server.on('tlsClientError', (_error, socket) => reportUnverified(socket, log));
}

/** A client whose certificate counts as none is told that it sent no proof; why, the operator finds here. */
function reportUnverified({ authorizationError }: TLSSocket, log: Log | undefined): void {
  // Typed as an Error, and the code of one in fact; null of a handshake that failed for another reason.
  const reason = authorizationError as unknown;
  if (typeof reason === 'string') log?.info('a client certificate was not accepted', { reason });
}

/** Others may become these in small letters: the sign of the Kelvin is a k then. */
const ascii = /^[\x20-\x7e]*$/;

/**
 * In small letters; undefined where there is none or more than one, or one that is no name of a host. From node's object and
 * not its text: a name may hold anything, a line break too.
 */
function commonNameOf(socket: TLSSocket): string | undefined {
  const { CN } = socket.getPeerCertificate().subject as { readonly CN?: unknown };
  return typeof CN === 'string' && ascii.test(CN) ? CN.toLowerCase() : undefined;
}
