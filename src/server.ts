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
  /** The XKS proxy, where it has no port of its own: what has `/kms/xks/` in its path, by any method. */
  readonly xks?: Handler;
  /** Everything else: the REST door, and for what is not its own the Express application. */
  readonly rest: Handler;
}

/** The listener of the doors. */
export function createServer(handlers: Handlers, options: ListenerOptions): Listener {
  return createListener((req, res) => {
    req.url = originForm(req.url);
    doorOf(handlers, req)(req, res);
  }, options);
}

/** Scheme and authority of an absolute URL. */
const ofHost = /^https?:\/\/[^/?]*/i;

/** As clients write it for a proxy, a target names the host too (RFC 9112 §3.2.2): what counts here is what stands behind. */
function originForm(url = '/'): string {
  if (url.startsWith('/')) return url;
  const target = url.replace(ofHost, '');
  return target.startsWith('?') || target === '' ? `/${target}` : target;
}

function doorOf({ aws, xks, rest }: Handlers, req: IncomingMessage): Handler {
  if (isAws(req)) return aws;
  return xks !== undefined && isXks(req) ? xks : rest;
}

/** Express costs more than the whole of an Encrypt, so everything but pages and health is told apart before it. */
function isAws({ method, url }: IncomingMessage): boolean {
  if (method === 'GET') return namesAction(url);
  if (method === 'HEAD') return false;
  return url === '/' || url?.startsWith('/?') === true;
}

/** Every store has a prefix of its own before it (XKS proxy API, URIs). */
function isXks({ url }: IncomingMessage): boolean {
  return url?.split('?', 1)[0]?.includes('/kms/xks/') === true;
}
