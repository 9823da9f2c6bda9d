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
 * Sends a signed request below `/v1`: `path` as it stands on the wire, its query included; `body` as JSON, or a text as it is.
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

function parameters(query: string): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const [name, value] of new URLSearchParams(query)) (found[name] ??= []).push(value);
  return found;
}

function parsed(text: string): RestReply['body'] {
  return text === '' ? undefined : (JSON.parse(text) as Record<string, unknown>);
}
