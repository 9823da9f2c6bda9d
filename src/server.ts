import { namesAction } from './doors/aws-query';
import {
  type Handler,
  type Listener,
  type ListenerOptions,
  createListener,
} from './server/listener';
import type { IncomingMessage } from 'node:http';

export { createListener, defaultLimits } from './server/listener';
export type { Handler, Listener, ListenerOptions, ServerLimits } from './server/listener';

export interface Handlers {
  /** The AWS protocols: what is sent to `/` by any method but GET and HEAD, and a GET whose URL names an action. */
  readonly aws: Handler;
  /** Everything else: the Express application. */
  readonly rest: Handler;
}

/** The listener of the doors. */
export function createServer(handlers: Handlers, options: ListenerOptions): Listener {
  return createListener(
    (req, res) => (isAws(req) ? handlers.aws : handlers.rest)(req, res),
    options,
  );
}

/** Express costs more than the whole of an Encrypt, so the AWS protocols are told apart before it. */
function isAws({ method, url }: IncomingMessage): boolean {
  if (method === 'GET') return namesAction(url);
  if (method === 'HEAD') return false;
  return url === '/' || url?.startsWith('/?') === true;
}
