import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readiness } from './readiness';

type Handler = (req: IncomingMessage, res: ServerResponse) => void;

/**
 * `GET /ping` for load balancers, which are not authenticated and want a status alone: 200 while this worker can serve, 503
 * while it cannot. Everything else goes to `otherwise`.
 */
export function ping(failing: Readiness, otherwise: Handler): Handler {
  return (req, res) => {
    if (isPing(req)) void answer(failing, res);
    else otherwise(req, res);
  };
}

/** What a port says that has nothing but a ping: no more of itself than it must. */
export function nothingElse(_req: IncomingMessage, res: ServerResponse): void {
  res.shouldKeepAlive = false;
  send(res, 404, 'Not Found');
}

function isPing({ method, url }: IncomingMessage): boolean {
  return (
    (url === '/ping' || url?.startsWith('/ping?') === true) &&
    (method === 'GET' || method === 'HEAD')
  );
}

async function answer(failing: Readiness, res: ServerResponse): Promise<void> {
  const names = await failing();
  if (names.length === 0) send(res, 200, 'pong');
  else send(res, 503, 'Service Unavailable');
}

function send(res: ServerResponse, status: number, text: string): void {
  if (res.destroyed) return;
  res.writeHead(status, {
    'Content-Type': 'text/plain',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
  });
  res.end(text);
}
