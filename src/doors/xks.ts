import type { IncomingMessage, ServerResponse } from 'node:http';
import type { XksAnswer, XksDoorRequest } from '../dispatch-xks';
import { KmsError } from '../errors';
import type { Networks } from '../networks';
import { XksError, xksStatuses } from '../xks/errors';
import { completeBody } from './body';
import { originOf } from './origin';

export interface XksDoor {
  readonly newRequestId: () => string;
  readonly networks: Networks;
  readonly handle: (request: XksDoorRequest) => Promise<XksAnswer>;
}

/** Far beyond the 18 KiB of the largest request that must be supported (xks-proxy §1.5). */
const maxBodyBytes = 65_536;

/** Longest errorMessage of the API, and what it is made of. */
const maxMessageLength = 511;
const unprintable = /[^\x20-\x7e]/g;

/** Requests of AWS KMS to its XKS proxy: `POST …/kms/xks/v1/…`, JSON. */
export function xks(door: XksDoor): (req: IncomingMessage, res: ServerResponse) => void {
  return (req, res) => {
    const requestId = door.newRequestId();
    void door
      .handle({
        requestId,
        origin: originOf(req, door.networks),
        method: req.method ?? '',
        url: req.url ?? '',
        rawHeaders: req.rawHeaders,
        body: () => bodyOf(req),
      })
      .then((answer) => send(res, requestId, answer));
  };
}

async function bodyOf(req: IncomingMessage): Promise<Buffer> {
  try {
    return await completeBody(req, maxBodyBytes);
  } catch (cause) {
    if (!(cause instanceof KmsError)) throw cause;
    if (cause.code === 'RequestEntityTooLargeException') {
      const message = `The body of the request has more than ${maxBodyBytes} bytes.`;
      throw new XksError('UnsupportedOperationException', message);
    }
    throw new XksError('ValidationException', 'The body of the request is not complete.', {
      cause,
    });
  }
}

function send(res: ServerResponse, requestId: string, answer: XksAnswer): void {
  if (res.destroyed) return;
  const { status, text } = wireForm(answer);
  // The rest of a body that is too large is not worth reading.
  if (status === 501 && !res.req.complete) res.shouldKeepAlive = false;
  if (status === 405) res.setHeader('Allow', 'POST');
  res.writeHead(status, {
    'x-amzn-RequestId': requestId,
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
  });
  res.end(text);
}

function wireForm(answer: XksAnswer): { readonly status: number; readonly text: string } {
  if (answer.ok) return { status: 200, text: answer.text };
  if (answer.error === 'MethodNotAllowed') return { status: 405, text: '' };
  const { errorName, message } = answer.error;
  const errorMessage = message.replace(unprintable, '?').slice(0, maxMessageLength);
  return { status: xksStatuses[errorName], text: JSON.stringify({ errorName, errorMessage }) };
}
