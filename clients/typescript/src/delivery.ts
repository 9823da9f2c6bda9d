import { clientError } from './errors';
import type { Answer, Outgoing, Send, Transport } from './outgoing';

/**
 * The last step: one attempt, whose answer is there whole when it resolves, within `timeoutMs`.
 * @throws ClavigerError Timeout, ConnectionFailed; the reason of the caller's signal when that aborted
 */
export function deliver(transport: Transport, timeoutMs: number): Send {
  return async (outgoing) => {
    const timeout = AbortSignal.timeout(timeoutMs);
    const signal = AbortSignal.any([outgoing.signal, timeout]);
    try {
      return await whole(await transport(requestOf(outgoing, signal)));
    } catch (cause) {
      outgoing.signal.throwIfAborted();
      if (timeout.aborted) throw clientError('Timeout', `No answer within ${timeoutMs} ms`);
      const detail = `No answer from ${outgoing.url.origin}: ${reasonOf(cause)}`;
      throw clientError('ConnectionFailed', detail, { cause });
    }
  };
}

function requestOf({ url, method, headers, body }: Outgoing, signal: AbortSignal): Request {
  // A redirect would carry plaintext to wherever it says.
  const init: RequestInit = { method, headers, signal, redirect: 'error' };
  return new Request(url, body === undefined ? init : { ...init, body });
}

async function whole(response: Response): Promise<Answer> {
  const { status, headers } = response;
  return { status, headers, text: await response.text() };
}

/** fetch's own errors say `fetch failed`, and why in their cause; that of several addresses has no message but a code. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as { message?: string; cause?: NodeJS.ErrnoException };
  return cause?.message || cause?.code || message || 'no reason given';
}
