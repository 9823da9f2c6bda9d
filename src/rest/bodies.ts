import { KmsError } from '../errors';
import { parseBody } from '../shapes';

export interface SentBody {
  readonly contentType: string | undefined;
  readonly contentEncoding: string | undefined;
  readonly bytes: Buffer;
}

/**
 * The JSON value of a request's body, `{}` where there is none. Throws UnsupportedMediaTypeException and
 * SerializationException.
 */
export function readJson({ contentType, contentEncoding = 'identity', bytes }: SentBody): unknown {
  if (bytes.length === 0) return {};
  if (!isJson(contentType) || contentEncoding.toLowerCase() !== 'identity') {
    throw new KmsError('UnsupportedMediaTypeException');
  }
  return parseBody(bytes);
}

/** JSON has no other encoding (RFC 8259 §8.1): a client that names one would be misread. */
const otherCharset = /;\s*charset\s*=\s*(?!"?utf-?8"?\s*(?:;|$))/i;

function isJson(contentType = ''): boolean {
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase();
  return type === 'application/json' && !otherCharset.test(contentType);
}

/** What a GET or a DELETE says is all in its URL (RFC 9110 §9.3.1, §9.3.5). */
export function requireNoBody(method: string, { length }: Buffer): void {
  if (length === 0) return;
  throw new KmsError('SerializationException', `A ${method} request must have no body here.`);
}
