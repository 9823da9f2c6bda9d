import type { IncomingMessage } from 'node:http';
import { Agent, request as startRequest } from 'node:https';
import type { Transport } from './outgoing';

/** PEM, each. */
export interface TlsOptions {
  /** Authorities that the daemon's certificate is judged by, in place of Node's own. */
  readonly ca?: string | Buffer;
  /** The certificate by which Claviger knows who calls, and its private key. */
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
}

/** A `fetch` for createClavigerClient: Node's own takes neither client certificates nor authorities. It follows no redirect. */
export function tlsFetch({ ca, cert, key }: TlsOptions): Transport {
  const given = Object.entries({ ca, cert, key }).filter(([, pem]) => pem !== undefined);
  const agent = new Agent({ keepAlive: true, ...Object.fromEntries(given) });
  return async (request) => {
    const body = Buffer.from(await request.arrayBuffer());
    const { method, signal } = request;
    const headers = Object.fromEntries(request.headers);
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const options = { agent, method, signal, headers };
      startRequest(request.url, options, resolve).on('error', reject).end(body);
    });
    return responseOf(answer);
  };
}

async function responseOf(answer: IncomingMessage): Promise<Response> {
  const headers = new Headers();
  for (const [name, values] of Object.entries(answer.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const { statusCode: status = 0, statusMessage: statusText = '' } = answer;
  return new Response(body.length === 0 ? null : body, { status, statusText, headers });
}
