import type { ServerResponse } from 'node:http';
import type { KmsError } from '../../errors';
import { locationOf, nextLink } from '../../rest/answers';
import { problemHeaders, problemOf } from '../../rest/problems';
import type { Route } from '../../rest/routes';
import { securityHeaders } from '../security-headers';
import type { Arrival, Exchange } from './request';

export interface Success {
  readonly route: Route;
  readonly exchange: Exchange;
  /** What the corridor answered. */
  readonly text: string;
}

export function sendAnswer(arrival: Arrival, { route, exchange, text }: Success): void {
  const { res } = arrival;
  if (res.destroyed) return;
  const { input = {}, next, request } = exchange;
  const location = locationOf(route, input, text);
  // An output without members is written as {}.
  const body = route.status === 204 ? '' : text;
  res.writeHead(route.status, {
    ...securityHeaders(res.req),
    'x-amzn-RequestId': request.requestId,
    ...(route.status !== 204 && { 'Content-Length': Buffer.byteLength(body) }),
    ...(body !== '' && { 'Content-Type': 'application/json' }),
    ...(location !== undefined && { Location: location }),
    ...(next !== undefined && { Link: nextLink(arrival, next) }),
  });
  res.end(body);
}

export function sendResults(res: ServerResponse, text: string, requestId: string): void {
  if (res.destroyed) return;
  res.writeHead(200, {
    ...securityHeaders(res.req),
    'x-amzn-RequestId': requestId,
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
  });
  res.end(text);
}

export function sendProblem(res: ServerResponse, error: KmsError, requestId: string): void {
  if (res.destroyed) return;
  const problem = problemOf(error, requestId);
  const text = JSON.stringify(problem);
  // The rest of a body that is too large is not worth reading.
  if (problem.status === 413) res.shouldKeepAlive = false;
  res.writeHead(problem.status, {
    ...securityHeaders(res.req),
    'x-amzn-RequestId': requestId,
    'Content-Type': 'application/problem+json',
    'Content-Length': Buffer.byteLength(text),
    ...problemHeaders(problem.status, error),
  });
  res.end(text);
}
