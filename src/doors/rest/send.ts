import type { Response } from 'express';
import type { Answer } from '../../corridor';
import type { KmsError } from '../../errors';
import { locationOf, nextLink } from '../../rest/answers';
import { problemHeaders, problemOf } from '../../rest/problems';
import type { Route } from '../../rest/routes';
import type { RestExchange } from './request';

export function sendAnswer(
  res: Response,
  {
    route,
    exchange,
    answer,
    url,
  }: { route: Route; exchange: RestExchange; answer: Answer; url: string },
): void {
  const { requestId } = exchange.request;
  if (!answer.ok) {
    sendProblem(res, answer.error, requestId);
    return;
  }
  if (res.destroyed) return;
  const text = answer.output;
  const location = locationOf(route, exchange.input ?? {}, text);
  const { next } = exchange;
  const [path = '', query = ''] = url.split('?', 2);
  res.writeHead(route.status, {
    'x-amzn-RequestId': requestId,
    'Cache-Control': 'no-store',
    ...(route.status !== 204 && { 'Content-Length': Buffer.byteLength(text) }),
    ...(text !== '' && { 'Content-Type': 'application/json' }),
    ...(location !== undefined && { Location: location }),
    ...(next !== undefined && { Link: nextLink(path, query, next) }),
  });
  res.end(text);
}

export function sendProblem(res: Response, error: KmsError, requestId: string): void {
  if (res.destroyed) return;
  const problem = problemOf(error, requestId);
  const text = JSON.stringify(problem);
  // The rest of a body that is too large is not worth reading.
  if (problem.status === 413) res.shouldKeepAlive = false;
  res.writeHead(problem.status, {
    'x-amzn-RequestId': requestId,
    'Cache-Control': 'no-store',
    'Content-Type': 'application/problem+json',
    'Content-Length': Buffer.byteLength(text),
    ...problemHeaders(problem.status),
  });
  res.end(text);
}
