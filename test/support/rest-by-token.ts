import { Agent, request as httpRequest } from 'node:http';
import type { TestDaemon } from './daemon';
import { type RestReply, parsed, rest } from './rest';

export interface TokenRequest {
  readonly method: string;
  /** As it stands on the wire, its query included. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

/** Sends requests with an API token of the daemon's root, over connections that are kept. */
export interface TokenCaller {
  ask(request: TokenRequest): Promise<RestReply>;
  close(): void;
}

export async function tokenCaller(daemon: TestDaemon): Promise<TokenCaller> {
  const { body } = await rest(daemon, 'POST /v1/api-tokens', {});
  const authorization = `Bearer ${String(body?.['Token'])}`;
  const agent = new Agent({ keepAlive: true });
  return {
    close: () => agent.destroy(),
    ask: ({ method, path, headers = {}, body: text }) =>
      new Promise((resolve, reject) => {
        // Node frames no body of a GET by itself.
        const length = text === undefined ? {} : { 'content-length': Buffer.byteLength(text) };
        const given = { authorization, ...headers, ...length };
        const options = { host: '127.0.0.1', port: daemon.port, agent, method, path };
        const req = httpRequest({ ...options, headers: given }, (res) => {
          const chunks: Buffer[] = [];
          res.on('data', (chunk: Buffer) => chunks.push(chunk));
          res.on('error', reject);
          res.on('end', () => resolve(replyOf(res.statusCode, res.headers, Buffer.concat(chunks))));
        });
        req.on('error', reject);
        if (text === undefined) req.end();
        else req.end(text);
      }),
  };
}

function replyOf(
  status: number | undefined,
  headers: RestReply['headers'],
  bytes: Buffer,
): RestReply {
  const text = bytes.toString('utf8');
  return { status: status ?? 0, headers, text, body: parsed(text) };
}
