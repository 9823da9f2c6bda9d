import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Authenticate } from '../auth/authenticator';
import type { Answer, DoorRequest } from '../corridor';
import type { KmsError } from '../errors';
import { parseBody, parseInput, writeOutput } from '../shapes';
import { type WireError, wireErrors } from './aws-json-errors';
import { completeBody } from './body';
import { certificateOf } from './certificate';
import type { Door } from './door';
import { originOf } from './origin';

export interface AwsJsonDoor extends Door {
  readonly authenticate: Authenticate;
}

const contentType = 'application/x-amz-json-1.1';
const targetPrefix = 'TrentService.';

/** Requests of `POST /` with an X-Amz-Target, as AWS JSON 1.1 (kms-semantics §15). */
export function awsJson(door: AwsJsonDoor): (req: IncomingMessage, res: ServerResponse) => void {
  return (req, res) => {
    const requestId = door.newRequestId();
    void door
      .handle(doorRequest(door, req, requestId))
      .then((answer) => send(res, requestId, answer));
  };
}

function doorRequest(door: AwsJsonDoor, req: IncomingMessage, requestId: string): DoorRequest {
  let body: Buffer | undefined;
  const origin = originOf(req, door.networks);
  return {
    requestId,
    service: 'kms',
    operation: () => operationOf(req),
    origin,
    async authenticate() {
      body = await completeBody(req, door.maxBodyBytes);
      const { method = 'POST', url = '/', rawHeaders } = req;
      const certificate = certificateOf(req, door.networks);
      return door.authenticate({ method, url, rawHeaders, body, origin, certificate });
    },
    input(operation) {
      if (body === undefined) throw new Error('the body was asked for before it was authenticated');
      return parseInput(operation, parseBody(body));
    },
    write: writeOutput,
  };
}

/** The operation's name in X-Amz-Target; undefined when the request is not of this protocol. */
function operationOf(req: IncomingMessage): string | undefined {
  const target = req.headers['x-amz-target'];
  if (req.method !== 'POST' || typeof target !== 'string') return undefined;
  const type = req.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (type !== undefined && type !== contentType && type !== 'application/json') return undefined;
  return target.startsWith(targetPrefix) ? target.slice(targetPrefix.length) : undefined;
}

function send(res: ServerResponse, requestId: string, answer: Answer): void {
  if (res.destroyed) return;
  const { status, text } = answer.ok
    ? { status: 200, text: answer.output }
    : errorBody(answer.error);
  // The rest of a body that is too large is not worth reading.
  if (status === 413) res.shouldKeepAlive = false;
  res.writeHead(status, {
    'x-amzn-RequestId': requestId,
    'Content-Type': contentType,
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
  });
  res.end(text);
}

function errorBody(error: KmsError): { status: number; text: string } {
  const { status, member, type = error.code }: WireError = wireErrors[error.code];
  const message = error.message === '' ? {} : { [member]: error.message };
  return { status, text: JSON.stringify({ __type: type, ...message }) };
}
