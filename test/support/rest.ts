import type { IncomingHttpHeaders } from 'node:http';
import type { TestDaemon } from './daemon';
import { type CallOptions, send, signed } from './wire';

/** An answer of the REST door. */
export interface RestReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The JSON value; undefined of an answer without a body. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Sends a signed request. The line is its method and path as they stand on the wire, the query included:
 * `GET /v1/keys?limit=2`. `body` is sent as JSON, or as the text that it is.
 */
export async function rest(
  daemon: TestDaemon,
  line: string,
  body?: object | string,
  options: CallOptions = {},
): Promise<RestReply> {
  const [method = '', path = ''] = line.split(' ');
  const [pathname = '', query = ''] = path.split('?', 2);
  const text = typeof body === 'object' ? JSON.stringify(body) : (body ?? '');
  const headers = { ...(text !== '' && { 'content-type': 'application/json' }) };
  const unsigned = { method, path: pathname, query: parameters(query), headers, body: text };
  const reply = await send(daemon, await signed(daemon, unsigned, options));
  return { ...reply, body: parsed(reply.text) };
}

/** Sends a request that says nothing of its sender but what the headers say. */
export async function unsignedRest(
  daemon: TestDaemon,
  line: string,
  body = '',
  headers: Readonly<Record<string, string>> = {},
): Promise<RestReply> {
  const [method = '', url = ''] = line.split(' ');
  const all = { host: new URL(daemon.endpoint).host, ...headers };
  const rawHeaders = Object.entries(all).flat();
  const reply = await send(daemon, { method, url, rawHeaders, body: Buffer.from(body) });
  return { ...reply, body: parsed(reply.text) };
}

function parameters(query: string): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const [name, value] of new URLSearchParams(query)) (found[name] ??= []).push(value);
  return found;
}

/** The body of an answer as RestReply has it. */
export function parsed(text: string): RestReply['body'] {
  return text === '' ? undefined : (JSON.parse(text) as Record<string, unknown>);
}
