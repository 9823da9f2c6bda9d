import { writeOutputRfc3339 } from '../shapes';
import type { OperationName, OperationOutputs } from '../shapes/operations';
import { type Route, basePath } from './routes';

/** An answer's text, and where a list goes on. */
export interface WrittenAnswer {
  readonly text: string;
  /** The cursor of the next page of a list that has one. */
  readonly next: string | undefined;
}

/**
 * A list's members Truncated and NextMarker become one, `next`: an opaque cursor, where there is more. What the route answers
 * without a body has no text.
 */
export function writeAnswer<N extends OperationName>(
  { paged, status }: Pick<Route, 'paged' | 'status'>,
  name: N,
  output: OperationOutputs[N],
): WrittenAnswer {
  if (status === 204) return { text: '', next: undefined };
  if (!paged) return { text: writeOutputRfc3339(name, output), next: undefined };
  const { NextMarker } = output as { readonly NextMarker?: string };
  const items = { ...output, NextMarker: undefined, Truncated: undefined };
  const text = writeOutputRfc3339(name, items);
  if (NextMarker === undefined) return { text, next: undefined };
  const next = Buffer.from(NextMarker, 'utf8').toString('base64url');
  const comma = text === '{}' ? '' : ',';
  return { text: `${text.slice(0, -1)}${comma}"next":"${next}"}`, next };
}

/** The path of what was made: the route's template, filled with members of the answer, or else of the input. */
export function locationOf({ line }: Route, input: object, text: string): string | undefined {
  if (line.location === undefined) return undefined;
  const answer: unknown = text === '' ? {} : JSON.parse(text);
  const place = line.location.replace(/\{([\w.]+)\}/g, (_, path: string) => {
    const value = at(answer, path) ?? at(input, path);
    if (typeof value !== 'string') throw new Error(`there is no ${path} to say where it is`);
    return encodeURIComponent(value);
  });
  return `${basePath}${place}`;
}

function at(value: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((from, name) => (from as Record<string, unknown> | undefined)?.[name], value);
}

/** Parameters that a link to the next page leaves out: the cursor before, and the signature of a presigned URL. */
const notLinked = /^(?:cursor$|x-amz-)/i;

/** The same list from the cursor on (RFC 8288). */
export function nextLink(
  { path, query }: { readonly path: string; readonly query: string },
  cursor: string,
): string {
  const others = query.split('&').filter((pair) => pair !== '' && !notLinked.test(nameIn(pair)));
  return `<${path}?${[...others, `cursor=${cursor}`].join('&')}>; rel="next"`;
}

/** Escapes may stand for any character of a name; in the query of a list that was answered they are complete. */
function nameIn(pair: string): string {
  return decodeURIComponent(pair.split('=', 1)[0] ?? '');
}
