import { KmsError } from '../errors';

/** A query's parameters, decoded, by name; more than one value where it was repeated. */
export type QueryValues = ReadonlyMap<string, readonly string[]>;

/** What a presigned URL proves its sender by is no input. */
const ofSignature = /^x-amz-/i;

/**
 * Reads a raw query, without its question mark. Throws SerializationException for an escape that is none, and for `+`:
 * that is a space to forms and itself to signatures, and nobody knows which a client means.
 */
export function readQuery(query: string): QueryValues {
  const values = new Map<string, string[]>();
  if (query === '') return values;
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decoded(equals < 0 ? pair : pair.slice(0, equals));
    if (ofSignature.test(name)) continue;
    const value = equals < 0 ? '' : decoded(pair.slice(equals + 1));
    const before = values.get(name);
    if (before === undefined) values.set(name, [value]);
    else before.push(value);
  }
  return values;
}

function decoded(text: string): string {
  if (text.includes('+')) {
    throw unreadable('The query has a + sign. Write %20 for a space and %2B for a plus.');
  }
  try {
    return decodeURIComponent(text);
  } catch {
    throw unreadable('The query has an escape that is not UTF-8, or not complete.');
  }
}

function unreadable(message: string): KmsError {
  return new KmsError('SerializationException', message);
}
