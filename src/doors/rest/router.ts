import {
  type ErrorRequestHandler,
  type Request,
  type RequestHandler,
  type Response,
  Router,
} from 'express';
import type { Authenticate } from '../../auth/authenticator';
import type { Answer, BatchAnswer, DoorRequest, RequestBatch } from '../../corridor';
import { KmsError } from '../../errors';
import { toKmsError } from '../../failures';
import { type Log, describeError } from '../../log';
import type { Networks } from '../../networks';
import { hasDotSegment, hasStrayMark, nothingAt } from '../../rest/paths';
import { type Route, basePath, routes } from '../../rest/routes';
import { answerBatch, answerEntries } from './batch';
import { exchangeOf, refusedRequest } from './request';
import { sendAnswer, sendProblem } from './send';

export interface RestDoor {
  readonly maxBodyBytes: number;
  readonly newRequestId: () => string;
  readonly networks: Networks;
  readonly authenticate: Authenticate;
  readonly handle: (request: DoorRequest) => Promise<Answer>;
  readonly handleBatch: (batch: RequestBatch) => Promise<BatchAnswer>;
  readonly log: Log;
}

/**
 * Every route, and what is refused of the paths below `/v1`. It answers all of them, so that routers of other paths below
 * `/v1` stand before it.
 */
export function restRouter(door: RestDoor): Router {
  const router = Router({ caseSensitive: true, strict: true });
  router.use(basePath, (req, res, next) => {
    const { originalUrl: url } = req;
    if (hasStrayMark(url)) return refuse(door, { req, res, error: nothingAt(url) });
    next();
    return undefined;
  });
  for (const [path, methods] of byPath()) {
    router.all(path.replace(/\{(\w+)\}/g, ':$1'), atPath(door, methods));
  }
  router.all(`${basePath}/batch`, (req, res) =>
    req.method === 'POST' ? answerBatch(door, req, res) : notAllowed(door, { req, res }, 'POST'),
  );
  router.use(basePath, (req, res) => refuse(door, { req, res, error: nothingAt(req.originalUrl) }));
  router.use(basePath, failed(door));
  return router;
}

type Methods = ReadonlyMap<string, Route>;

function byPath(): ReadonlyMap<string, Methods> {
  const paths = new Map<string, Map<string, Route>>();
  for (const route of routes) {
    const methods = paths.get(route.path) ?? new Map<string, Route>();
    paths.set(route.path, methods.set(route.line.method, route));
  }
  return paths;
}

function atPath(door: RestDoor, methods: Methods): RequestHandler {
  const get = methods.get('GET');
  const byMethod = get === undefined ? methods : new Map([...methods, ['HEAD', get]]);
  const allowed = [...byMethod.keys()].sort().join(', ');
  return async (req, res) => {
    if (hasDotSegment(Object.values(req.params as Record<string, string>))) {
      return refuse(door, { req, res, error: nothingAt(req.originalUrl) });
    }
    const route = byMethod.get(req.method);
    if (route === undefined) return notAllowed(door, { req, res }, allowed);
    if (route.line.entries === true) return answerEntries(door, { req, res, route });
    const exchange = exchangeOf(door, req, route);
    const answer = await door.handle(exchange.request);
    if (answer.ok) sendAnswer(res, { route, exchange, text: answer.output, url: req.originalUrl });
    else sendProblem(res, answer.error, exchange.request.requestId);
  };
}

interface Refused {
  readonly req: Request;
  readonly res: Response;
  readonly error: KmsError;
}

function notAllowed(
  door: RestDoor,
  { req, res }: Pick<Refused, 'req' | 'res'>,
  allowed: string,
): Promise<void> {
  res.set('Allow', allowed);
  const error = new KmsError('MethodNotAllowedException', `This path takes ${allowed}.`);
  return refuse(door, { req, res, error });
}

/** By way of the corridor, which records it. */
async function refuse(door: RestDoor, { req, res, error }: Refused): Promise<void> {
  const request = refusedRequest(door, req, error);
  const answer = await door.handle(request);
  sendProblem(res, answer.ok ? error : answer.error, request.requestId);
}

/** Express tells error handlers by their four parameters. What it cannot read of a path, it throws as an URIError. */
function failed(door: RestDoor): ErrorRequestHandler {
  return async (thrown: unknown, req, res, next) => {
    if (thrown instanceof URIError) {
      const message = 'The path has an escape that is not UTF-8, or not complete.';
      return refuse(door, { req, res, error: new KmsError('SerializationException', message) });
    }
    door.log.error('a request failed', { error: describeError(thrown) });
    if (res.headersSent) next(thrown);
    else sendProblem(res, toKmsError(thrown), door.newRequestId());
  };
}
