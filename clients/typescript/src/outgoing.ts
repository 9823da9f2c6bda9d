/** A request that can be sent more than once. */
export interface Outgoing {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: ArrayBuffer | undefined;
  /** The caller's: aborts the request, whatever attempt it is at. */
  readonly signal: AbortSignal;
}

/** What sends a request; each step of sending is given the next. */
export type Send = (outgoing: Outgoing) => Promise<Response>;

/** What brings a request to the daemon: the global fetch, or one of the caller's. */
export type Transport = (request: Request) => Promise<Response>;

export async function readOutgoing(request: Request): Promise<Outgoing> {
  const { method, url, headers, signal } = request;
  const body = request.body === null ? undefined : await request.arrayBuffer();
  return { method, url: new URL(url), headers: new Headers(headers), body, signal };
}
