import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Authenticate } from '../../auth/authenticator';
import type { BatchAnswer, RequestBatch } from '../../corridor';
import { KmsError } from '../../errors';
import { toKmsError } from '../../failures';
import { type Log, describeError } from '../../log';
import {
  type Place,
  decodePlaces,
  hasDotSegment,
  isBelowBase,
  nothingAt,
  placeAt,
} from '../../rest/paths';
import { placing } from '../../rest/requests';
import { type Route, batchPath } from '../../rest/routes';
import type { Door } from '../door';
import { answerBatch, answerEntries } from './batch';
import { type Arrival, exchangeOf, refusedRequest } from './request';
import { sendAnswer, sendProblem } from './send';

export interface RestDoor extends Door {
  readonly authenticate: Authenticate;
  readonly handleBatch: (batch: RequestBatch) => Promise<BatchAnswer>;
  readonly log: Log;
}

type Handler = (req: IncomingMessage, res: ServerResponse) => void;

/** Whoever has the paths that are not this door's. */
export interface Others {
  readonly handler: Handler;
  /** Paths below `/v1` that are theirs too. */
  readonly paths: readonly string[];
}

/**
 * `/v1/…`: every route, and the refusal of what is none. Not by Express, whose routing of a request costs more than the rest
 * of the door.
 */
export function restDoor(door: RestDoor, others: Others): Handler {
  return (req, res) => {
    const { url = '/' } = req;
    const mark = url.indexOf('?');
    const path = mark < 0 ? url : url.slice(0, mark);
    const query = mark < 0 ? '' : url.slice(mark + 1);
    if (!isBelowBase(path) || others.paths.includes(path)) {
      others.handler(req, res);
      return;
    }
    answer(door, { req, res, path, query, places: {} }).catch((thrown: unknown) => {
      door.log.error('a request failed', { error: describeError(thrown) });
      if (res.headersSent) res.destroy();
      else sendProblem(res, toKmsError(thrown), door.newRequestId());
    });
  };
}

async function answer(door: RestDoor, arrival: Arrival): Promise<void> {
  const { req, path } = arrival;
  const match = placeAt(path);
  if (match === undefined) return refuse(door, arrival, nothingAt(path));
  const place = match.value;
  let places: Arrival['places'];
  try {
    places = decodePlaces(match.places);
  } catch (thrown) {
    return refuse(door, arrival, toKmsError(thrown));
  }
  if (hasDotSegment(Object.values(places))) return refuse(door, arrival, nothingAt(path));
  if (path === batchPath && req.method === 'POST') return answerBatch(door, arrival);
  const route = place.routes.get(req.method ?? '');
  if (route === undefined) return notAllowed(door, arrival, place);
  return answerRoute(door, { ...arrival, places }, route);
}

async function answerRoute(door: RestDoor, arrival: Arrival, route: Route): Promise<void> {
  if (route.line.entries === true) return answerEntries(door, arrival, route);
  const exchange = exchangeOf(door, arrival, route);
  const answered = await door.handle(exchange.request);
  if (answered.ok) sendAnswer(arrival, { route, exchange, text: answered.output });
  else sendProblem(arrival.res, answered.error, exchange.request.requestId, placing(route));
}

function notAllowed(door: RestDoor, arrival: Arrival, { allowed }: Place): Promise<void> {
  arrival.res.setHeader('Allow', allowed);
  const error = new KmsError('MethodNotAllowedException', `This path takes ${allowed}.`);
  return refuse(door, arrival, error);
}

/** By way of the corridor, which records it. */
async function refuse(door: RestDoor, arrival: Arrival, error: KmsError): Promise<void> {
  const request = refusedRequest(door, arrival, error);
  const answered = await door.handle(request);
  sendProblem(arrival.res, answered.ok ? error : answered.error, request.requestId);
}
