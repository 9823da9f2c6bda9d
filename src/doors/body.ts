import type { IncomingMessage } from 'node:http';
import { KmsError } from '../errors';

/** How much of a body that is too large is still read, and thrown away, before it is refused. */
const DISCARD_BYTES = 1 << 20;

/** The client went away before its whole body had arrived: there is nobody left to answer. */
export class RequestAborted extends Error {
  override readonly name = 'RequestAborted';

  constructor(options?: { cause?: unknown }) {
    super('The client closed the connection before its whole request had arrived.', options);
  }
}

/**
 * Reads a request's body, at most `limitBytes` of it.
 *
 * A body that is a little too large is read to its end before it is refused: closing a connection
 * with unread bytes resets it (RFC 9112 §9.6), and the client would see the reset and not the answer.
 * @throws KmsError RequestEntityTooLargeException
 * @throws RequestAborted
 */
export function readBody(req: IncomingMessage, limitBytes: number): Promise<Buffer> {
  const declared = Number(req.headers['content-length'] ?? 0);
  if (declared > limitBytes + DISCARD_BYTES) return Promise.reject(tooLarge(limitBytes));
  if (req.destroyed && !req.readableEnded) return Promise.reject(new RequestAborted());
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = [];
    let received = 0;
    req.on('data', (chunk: Buffer) => {
      received += chunk.length;
      if (received <= limitBytes) chunks.push(chunk);
      else chunks = [];
      if (received > limitBytes + DISCARD_BYTES) {
        req.pause();
        reject(tooLarge(limitBytes));
      }
    });
    req.on('end', () => {
      if (received > limitBytes) reject(tooLarge(limitBytes));
      else resolve(join(chunks, received));
    });
    req.on('error', (cause) => reject(new RequestAborted({ cause })));
    req.on('close', () => {
      if (!req.readableEnded) reject(new RequestAborted());
    });
  });
}

/** A client that went away is recorded as one that sent half a request, and not as a fault of the service. */
export async function completeBody(req: IncomingMessage, limitBytes: number): Promise<Buffer> {
  try {
    return await readBody(req, limitBytes);
  } catch (error) {
    if (!(error instanceof RequestAborted)) throw error;
    throw new KmsError('SerializationException', '', { cause: error });
  }
}

/** Nearly every request of this protocol arrives in one piece, which needs no copy. */
function join(chunks: readonly Buffer[], length: number): Buffer {
  const [only] = chunks;
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, length);
}

function tooLarge(limitBytes: number): KmsError {
  return new KmsError(
    'RequestEntityTooLargeException',
    `The request body must have length less than or equal to ${limitBytes} bytes.`,
  );
}
