import { once } from 'node:events';
import { type IncomingHttpHeaders, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What stands in for Claviger where a test needs answers that Claviger gives seldom, or never. */
export interface RestStandIn {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** Every request, in order. */
  readonly received: readonly Received[];
  close(): void;
}

export interface Received {
  /** `POST /v1/keys` */
  readonly line: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Answers a request, or does not. */
export type Answering = (response: ServerResponse) => void;

/** Gives the requests the answers in order, and the last one to all that follow. */
export async function startRestStandIn(answers: readonly Answering[]): Promise<RestStandIn> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const body = Buffer.concat(chunks).toString('utf8');
      answers[Math.min(received.length, answers.length - 1)]?.(response);
      received.push({ line: `${method} ${url}`, headers, body });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Answers JSON. */
export function answering(status: number, body: object, headers: object = {}): Answering {
  const type = status < 400 ? 'application/json' : 'application/problem+json';
  return (response) =>
    response.writeHead(status, { 'content-type': type, ...headers }).end(JSON.stringify(body));
}

/** Answers a problem of that code. */
export function refusing(status: number, code: string, headers: object = {}): Answering {
  const problem = { type: `urn:claviger:problem:${code}`, status, code, detail: 'Not now.' };
  return answering(status, { ...problem, title: code, requestId: 'r-1' }, headers);
}

/** Closes the connection without an answer. */
export const hangingUp: Answering = (response) => response.destroy();

/** Never answers. */
export const silent: Answering = () => undefined;
