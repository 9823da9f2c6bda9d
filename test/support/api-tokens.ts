import type { TestCredentials, TestDaemon } from './daemon';
import { type RestReply, parsed, rest } from './rest';
import { send } from './wire';

/** A token that was made, and what its maker was told of it. */
export interface MadeToken {
  readonly id: string;
  readonly text: string;
  readonly reply: RestReply;
}

/** Makes an API token: of the account's root unless a test says whose. */
export async function makeToken(
  daemon: TestDaemon,
  {
    credentials,
    ...input
  }: { readonly credentials?: TestCredentials; [member: string]: unknown } = {},
): Promise<MadeToken> {
  const reply = await rest(daemon, 'POST /v1/api-tokens', input, credentials && { credentials });
  if (reply.status !== 201) throw new Error(`no API token was made: ${reply.text}`);
  const { Token, ApiToken } = reply.body as { Token: string; ApiToken: { TokenId: string } };
  return { id: ApiToken.TokenId, text: Token, reply };
}

/** Sends a request below `/v1` with a bearer token. */
export async function bearing(
  daemon: TestDaemon,
  token: string,
  line: string,
  {
    body,
    headers = {},
  }: { readonly body?: object; readonly headers?: Record<string, string> } = {},
): Promise<RestReply> {
  const [method = '', url = ''] = line.split(' ');
  const bytes = Buffer.from(body === undefined ? '' : JSON.stringify(body));
  const all = {
    ...{ host: '127.0.0.1', authorization: `Bearer ${token}`, 'content-length': `${bytes.length}` },
    ...(body && { 'content-type': 'application/json' }),
    ...headers,
  };
  const rawHeaders = Object.entries(all).flat();
  const reply = await send(daemon, { method, url, rawHeaders, body: bytes });
  return { ...reply, body: parsed(reply.text) };
}

/** Status, code and detail of a problem. */
export function problem({ status, body }: RestReply): readonly unknown[] {
  return [status, body?.['code'], body?.['detail']];
}

export const requestId = ({ headers }: RestReply): string => String(headers['x-amzn-requestid']);
