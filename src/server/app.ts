import express from 'express';
import type { ErrorRequestHandler, Express, RequestHandler, Router } from 'express';
import { describeError } from '../log';
import type { Log } from '../log';

/** For answers that are data: nothing to render, frame, sniff or keep. A page may loosen its own. */
const SECURITY_HEADERS = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
} as const;

/** One year (RFC 6797 §6.1.1), and only where the connection was encrypted. */
const STRICT_TRANSPORT = 'max-age=31536000';

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
  res.set(SECURITY_HEADERS);
  if (req.secure) res.set('Strict-Transport-Security', STRICT_TRANSPORT);
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
