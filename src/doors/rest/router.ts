import {
  type ErrorRequestHandler,
  type Request,
  type RequestHandler,
  type Response,
  Router,
} from 'express';
import type { Authenticate } from '../../auth/authenticator';
import type { Answer, DoorRequest } from '../../corridor';
import { KmsError } from '../../errors';
import type { Networks } from '../../networks';
import { type Route, basePath, routes } from '../../rest/routes';
import { exchangeOf, refusedRequest } from './request';
import { sendAnswer, sendProblem } from './send';

export interface RestDoor {
  readonly maxBodyBytes: number;
  readonly newRequestId: () => string;
  readonly networks: Networks;
  readonly authenticate: Authenticate;
  readonly handle: (request: DoorRequest) => Promise<Answer>;
}

/**
 * Every route, and what is refused of the paths below `/v1`. It answers all of them, so that routers of other paths below
 * `/v1` come before it.
 */
export function restRouter(door: RestDoor): Router {
  const router = Router({ caseSensitive: true, strict: true });
  for (const [path, methods] of byPath()) {
    router.all(path.replace(/\{(\w+)\}/g, ':$1'), atPath(door, methods));
  }
  router.use(basePath, (req, res) => {
    refuse(door, { req, res, error: unknownPath() });
  });
  router.use(basePath, unreadablePath(door));
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
  return (req, res) => {
    const route = byMethod.get(req.method);
    if (route === undefined) {
      const error = new KmsError('MethodNotAllowedException', `This path takes ${allowed}.`);
      res.set('Allow', allowed);
      refuse(door, { req, res, error });
      return;
    }
    const exchange = exchangeOf(door, req, route);
    void door.handle(exchange.request).then((answer) => {
      sendAnswer(res, { route, exchange, answer, url: req.originalUrl });
    });
  };
}

function refuse(
  door: RestDoor,
  { req, res, error }: { req: Request; res: Response; error: KmsError },
): void {
  const request = refusedRequest(door, req, error);
  void door.handle(request).then((answer) => {
    sendProblem(res, answer.ok ? error : answer.error, request.requestId);
  });
}

function unknownPath(): KmsError {
  return new KmsError('UnknownOperationException');
}

/** Express marks what the client got wrong, such as a broken escape in the path, with a 4xx status. */
function unreadablePath(door: RestDoor): ErrorRequestHandler {
  return (thrown: unknown, req, res, next) => {
    if (!(thrown instanceof URIError)) {
      next(thrown);
      return;
    }
    const message = 'The path has an escape that is not UTF-8, or not complete.';
    refuse(door, { req, res, error: new KmsError('SerializationException', message) });
  };
}
