/** Why a document could not be had. */
export class FetchError extends Error {
  override readonly name = 'FetchError';

  constructor(
    /** `unreachable` may pass; `unusable` is what its owner serves, or where it is. */
    readonly kind: 'unreachable' | 'unusable',
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** Gets a JSON document; rejects with FetchError. */
export type FetchJson = (url: URL) => Promise<unknown>;

const timeoutMs = 5000;
/** Azure's key set is 20 KB, the largest seen. */
const maxBytes = 262_144;

/**
 * GET of a JSON document, bounded in time and size. No redirect is followed: where a document may come from is decided
 * by whoever gave the address, not by who answers there.
 */
export const fetchJson: FetchJson = async (url) => {
  try {
    const response = await fetch(url, {
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
      headers: { accept: 'application/json', 'accept-encoding': 'identity' },
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new FetchError(
        response.status >= 500 || response.status === 429 ? 'unreachable' : 'unusable',
        `${url.href} answered with status ${response.status}`,
      );
    }
    return parse(url, await read(url, response));
  } catch (cause) {
    if (cause instanceof FetchError) throw cause;
    throw new FetchError('unreachable', `${url.href} cannot be reached`, { cause });
  }
};

async function read(url: URL, response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Left early, the loop cancels the rest of the body.
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > maxBytes) {
      throw new FetchError('unusable', `${url.href} answered with more than ${maxBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(url: URL, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FetchError('unusable', `${url.href} answered with what is no JSON`, { cause });
  }
}

const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** `http` on this machine: for tests, and for an issuer that runs beside the daemon. */
export function isLoopback(url: URL): boolean {
  return url.protocol === 'http:' && loopback.test(url.hostname);
}

/** An address that may be fetched from: https, or http on this machine where that is allowed; no credentials in it. */
export function parseFetchable(text: string, { allowLoopback }: { allowLoopback: boolean }): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const allowed = url?.protocol === 'https:' || (url && allowLoopback && isLoopback(url));
  if (url === undefined || !allowed || url.username !== '' || url.password !== '') {
    throw new FetchError('unusable', `${text.slice(0, 255)} is not an address to fetch from`);
  }
  return url;
}
