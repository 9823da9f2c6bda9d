import express from 'express';
import type { ErrorRequestHandler, Express, RequestHandler, Router } from 'express';
import { securityHeaders } from '../doors/security-headers';
import { describeError } from '../log';
import type { Log } from '../log';

/** The Express application: the routers in order, then a JSON 404, then an opaque JSON 500. */
export function createApp(routers: readonly Router[], log?: Log): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  app.enable('strict routing');
  app.use(secure);
  for (const router of routers) app.use(router);
  app.use(notFound);
  app.use(failed(log));
  return app;
}

const secure: RequestHandler = (req, res, next) => {
  res.set(securityHeaders(req));
  next();
};

const notFound: RequestHandler = (_req, res) => {
  res.status(404).json({ message: 'Not Found' });
};

/** Express tells error handlers by their four parameters. */
function failed(log: Log | undefined): ErrorRequestHandler {
  return (error: unknown, _req, res, next) => {
    const status = clientFault(error);
    if (status === undefined) log?.error('a request failed', { error: describeError(error) });
    if (res.headersSent) {
      next(error);
      return;
    }
    res
      .status(status ?? 500)
      .json({ message: status === undefined ? 'Internal Failure' : 'Bad Request' });
  };
}

/** Express marks what the client got wrong, such as a broken escape in the path, with a 4xx status. */
function clientFault(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('status' in error)) return undefined;
  const { status } = error;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined;
}
