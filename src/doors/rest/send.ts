import type { ServerResponse } from 'node:http';
import type { KmsError } from '../../errors';
import { locationOf, nextLink } from '../../rest/answers';
import { type Placing, problemHeaders, problemOf } from '../../rest/problems';
import type { Route } from '../../rest/routes';
import { securityHeaderList } from '../security-headers';
import type { Arrival, Exchange } from './request';

export interface Success {
  readonly route: Route;
  readonly exchange: Exchange;
  /** What the corridor answered. */
  readonly text: string;
}

export function sendAnswer(arrival: Arrival, { route, exchange, text }: Success): void {
  const { input = {}, next, request } = exchange;
  const { status } = route;
  const location = locationOf(route, input, text);
  const further: string[] = [];
  if (location !== undefined) further.push('Location', location);
  if (next !== undefined) further.push('Link', nextLink(arrival, next));
  const type = text === '' ? undefined : 'application/json';
  send(arrival.res, { status, type, text, requestId: request.requestId, further });
}

export function sendResults(res: ServerResponse, text: string, requestId: string): void {
  send(res, { status: 200, type: 'application/json', text, requestId });
}

export function sendProblem(
  res: ServerResponse,
  error: KmsError,
  requestId: string,
  place?: Placing,
): void {
  const problem = problemOf(error, requestId, place);
  const { status } = problem;
  // The rest of a body that is too large is not worth reading.
  if (status === 413) res.shouldKeepAlive = false;
  const further = Object.entries(problemHeaders(status, error)).flat();
  const type = 'application/problem+json';
  send(res, { status, type, text: JSON.stringify(problem), requestId, further });
}

interface Sent {
  readonly status: number;
  /** Undefined where there is no body. */
  readonly type: string | undefined;
  readonly text: string;
  readonly requestId: string;
  /** Further headers: names and values in turn. */
  readonly further?: readonly string[];
}

function send(res: ServerResponse, { status, type, text, requestId, further = [] }: Sent): void {
  if (res.destroyed) return;
  const headers = [...securityHeaderList(res.req), 'x-amzn-RequestId', requestId, ...further];
  if (status !== 204) headers.push('Content-Length', String(Buffer.byteLength(text)));
  if (type !== undefined) headers.push('Content-Type', type);
  res.writeHead(status, headers);
  res.end(text);
}
