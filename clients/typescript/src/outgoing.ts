/** A request that can be sent more than once. */
export interface Outgoing {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: ArrayBuffer | undefined;
  /** The caller's: aborts the request, whatever attempt it is at. */
  readonly signal: AbortSignal;
}

/** An answer that has come in whole. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** What sends a request; each step of sending is given the next. */
export type Send = (outgoing: Outgoing) => Promise<Answer>;

/** What brings a request to the daemon: the global fetch, or one of the caller's. */
export type Transport = (request: Request) => Promise<Response>;

export async function readOutgoing(request: Request): Promise<Outgoing> {
  const { method, url, headers, signal } = request;
  const body = request.body === null ? undefined : await request.arrayBuffer();
  return { method, url: new URL(url), headers: named(headers), body, signal };
}

/** As audit records name this client. */
function named(headers: Headers): Headers {
  const all = new Headers(headers);
  if (!all.has('user-agent')) all.set('user-agent', 'claviger-typescript');
  return all;
}
