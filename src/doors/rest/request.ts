import type { Request } from 'express';
import type { DoorRequest } from '../../corridor';
import type { OperationInputs } from '../../shapes';
import { parseBody } from '../../shapes';
import { KmsError } from '../../errors';
import { writeAnswer } from '../../rest/answers';
import { inputOf } from '../../rest/requests';
import type { Route } from '../../rest/routes';
import { completeBody } from '../body';
import { certificateOf } from '../certificate';
import { originOf } from '../origin';
import type { RestDoor } from './router';

/** What a request was found to be on its way through the corridor; its answer is made of it. */
export interface RestExchange {
  readonly request: DoorRequest;
  /** Undefined until the corridor has asked for it. */
  input?: object;
  next?: string | undefined;
}

/** A request to a route, for the corridor. */
export function exchangeOf(door: RestDoor, req: Request, route: Route): RestExchange {
  const base = baseOf(door, req);
  const exchange: { -readonly [M in keyof RestExchange]: RestExchange[M] } = {
    request: {
      ...base,
      service: route.service,
      operation: () => route.operation,
      input: (name) => {
        const input = inputOf({ ...route, operation: name }, partsOf(req, base.body()));
        exchange.input = input;
        return input as OperationInputs[typeof name];
      },
      write: (name, output) => {
        const { text, next } = writeAnswer(route, name, output);
        exchange.next = next;
        return text;
      },
    },
  };
  return exchange;
}

/** A request that is no operation's, for its record in the audit trail. */
export function refusedRequest(door: RestDoor, req: Request, error: KmsError): DoorRequest {
  const nothing = (): never => {
    throw error;
  };
  return {
    ...baseOf(door, req),
    service: 'kms',
    operation: nothing,
    input: nothing,
    write: nothing,
  };
}

function baseOf(door: RestDoor, req: Request) {
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
      const { method, originalUrl: url, rawHeaders } = req;
      const certificate = certificateOf(req, door.networks);
      return door.authenticate({ method, url, rawHeaders, body, origin, certificate });
    },
  };
}

function partsOf(req: Request, body: Buffer) {
  const { originalUrl: url } = req;
  const mark = url.indexOf('?');
  return {
    path: req.params as Record<string, string>,
    query: mark < 0 ? '' : url.slice(mark + 1),
    body: parseBody(body),
  };
}
