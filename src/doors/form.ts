import { isUtf8 } from 'node:buffer';
import { KmsError } from '../errors';

/** No request of IAM or STS has a use for more: its longest lists hold fifty tags, two parameters each. */
const maxParameters = 4096;

/**
 * The parameters of a request: those of its URL, where a presigned request has them, and of its form body. No name may
 * come twice: two readers could take two values for it.
 * @throws KmsError SerializationException
 */
export function parseParameters(query: string, body: Buffer): ReadonlyMap<string, string> {
  if (!isUtf8(body)) throw malformed('it is not UTF-8');
  const parameters = new Map<string, string>();
  // SigV4 has + in a URL stand for itself: read as a space, it would mean what was not signed.
  add(parameters, query, (text) => text);
  add(parameters, body.toString('utf8'), (text) => text.replaceAll('+', ' '));
  return parameters;
}

function add(
  parameters: Map<string, string>,
  text: string,
  unescape: (text: string) => string,
): void {
  if (text === '') return;
  const pairs = text.split('&', maxParameters + 1);
  if (pairs.length > maxParameters) throw malformed(`it has more than ${maxParameters} parameters`);
  for (const pair of pairs) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decode(unescape(equals < 0 ? pair : pair.slice(0, equals)));
    if (parameters.has(name)) throw malformed('a parameter comes twice');
    parameters.set(name, equals < 0 ? '' : decode(unescape(pair.slice(equals + 1))));
  }
}

/** Refuses what is no percent-encoding of UTF-8, which forgiving readers replace each in their own way. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw malformed('its percent-encoding is broken, or not of UTF-8');
  }
}

/** Quotes nothing of the request: parameters may be secret. */
function malformed(why: string): KmsError {
  return new KmsError('SerializationException', `The form of the request cannot be read: ${why}.`);
}
