import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DoorRequest } from '../../corridor';
import type { KmsError } from '../../errors';
import { writeAnswer } from '../../rest/answers';
import { readJson, requireNoBody } from '../../rest/bodies';
import { idempotencyHeader, keyViolations } from '../../rest/idempotency-key';
import { type QueryValues, readQuery } from '../../rest/query';
import { inputOf } from '../../rest/requests';
import type { Route } from '../../rest/routes';
import { completeBody } from '../body';
import { certificateOf } from '../certificate';
import { originOf } from '../origin';
import type { RestDoor } from './door';

/** A request as it came, and where it is answered. */
export interface Arrival {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** As it was sent, without the query. */
  readonly path: string;
  /** As it was sent, without its question mark. */
  readonly query: string;
  /** What stands in the places of the path, decoded. */
  readonly places: Readonly<Record<string, string>>;
}

/** A request for the corridor, and what the door learns from it for its answer. */
export interface Exchange {
  readonly request: DoorRequest;
  /** The body's JSON value, of a request that was authenticated; undefined where the route takes none. */
  readonly json: () => unknown;
  /** Of a request that was authenticated. */
  readonly query: QueryValues;
  /** Undefined until the corridor has asked for it. */
  readonly input: object | undefined;
  /** The cursor of the next page, of a list that has one. */
  readonly next: string | undefined;
}

const noQuery: QueryValues = new Map();

/** A request to a route, for the corridor. */
export function exchangeOf(door: RestDoor, arrival: Arrival, route: Route): Exchange {
  const { req } = arrival;
  const sender = senderOf(door, req);
  const idempotencyKey = idempotencyKeyOf(req, route);
  let read: unknown;
  const json = (): unknown => (read ??= jsonOf(req, route, sender.body()));
  // Written out: members that follow a spread cost V8 a microsecond each, and every request passes here.
  const request: DoorRequest = {
    requestId: sender.requestId,
    origin: sender.origin,
    idempotencyKey,
    service: route.service,
    operation: () => route.operation,
    authenticate() {
      // What cannot be read proves nothing either, and a signature's refusal would not say why.
      exchange.query = readQuery(arrival.query);
      return sender.authenticate();
    },
    input(operation) {
      const { places: path } = arrival;
      const violations = keyViolations(idempotencyKey);
      const parts = { path, query: exchange.query, body: json(), violations };
      const input = inputOf(operation, route, parts);
      exchange.input = input;
      return input;
    },
    write(name, output) {
      const { text, next } = writeAnswer(route, name, output);
      exchange.next = next;
      return text;
    },
  };
  const exchange: { -readonly [M in keyof Exchange]: Exchange[M] } = {
    request,
    json,
    query: noQuery,
    input: undefined,
    next: undefined,
  };
  return exchange;
}

/** A request that is no operation's, for its record in the audit trail. */
export function refusedRequest(door: RestDoor, { req }: Arrival, error: KmsError): DoorRequest {
  const refuse = (): never => {
    throw error;
  };
  const { body: _, ...sender } = senderOf(door, req);
  return { ...sender, service: 'kms', operation: refuse, input: refuse, write: refuse };
}

export type Sender = Pick<DoorRequest, 'requestId' | 'origin' | 'authenticate'> & {
  /** The body's bytes, of a request that was authenticated. */
  readonly body: () => Buffer;
};

/** Who sent a request, from where, and what: the same for every request of the door. */
export function senderOf(door: RestDoor, req: IncomingMessage): Sender {
  const origin = originOf(req, door.networks);
  let body: Buffer | undefined;
  return {
    requestId: door.newRequestId(),
    origin,
    body: () => {
      if (body === undefined) throw new Error('the body was asked for before it was authenticated');
      return body;
    },
    async authenticate() {
      body = await completeBody(req, door.maxBodyBytes);
      const { method = '', url = '', rawHeaders } = req;
      const certificate = certificateOf(req, door.networks);
      return door.authenticate({ method, url, rawHeaders, body, origin, certificate });
    },
  };
}

function idempotencyKeyOf({ headers }: IncomingMessage, { line }: Route): string | undefined {
  if (line.idempotencyKey !== true) return undefined;
  const key = headers[headerName];
  // Node gives no list of a header that it does not know.
  return Array.isArray(key) ? key.join(', ') : key;
}

const headerName = idempotencyHeader.toLowerCase();

function jsonOf(req: IncomingMessage, { line }: Route, bytes: Buffer): unknown {
  if (line.method === 'GET' || line.method === 'DELETE') {
    requireNoBody(line.method, bytes);
    return undefined;
  }
  return jsonIn(req, bytes);
}

export function jsonIn({ headers }: IncomingMessage, bytes: Buffer): unknown {
  return readJson({
    contentType: headers['content-type'],
    contentEncoding: headers['content-encoding'],
    bytes,
  });
}
