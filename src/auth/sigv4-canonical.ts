import { hash } from 'node:crypto';

/** A query parameter in SigV4's encoding: everything but RFC 3986's unreserved characters is %XX. */
export interface QueryParameter {
  readonly name: string;
  readonly value: string;
}

const UNRESERVED = /^[A-Za-z0-9\-._~]*$/;
const MALFORMED_ESCAPE = /%(?![0-9A-Fa-f]{2})/;
const BLANKS = /[ \t\r\n]+/g;
const NEEDS_TRIMMING = /^[ \t]|[ \t]$| {2}|[\t\r\n]/;

/** Header values by lower-case name, as sent; those of a repeated header are collapsed and joined by commas. */
export type HeaderValues = ReadonlyMap<string, string>;

/** Reads node's flat list of names and values, which, unlike `headers`, drops and merges nothing. */
export function readHeaders(rawHeaders: readonly string[]): HeaderValues {
  const values = new Map<string, string>();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? '').toLowerCase();
    const value = rawHeaders[i + 1] ?? '';
    const before = values.get(name);
    values.set(name, before === undefined ? value : `${collapse(before)},${collapse(value)}`);
  }
  return values;
}

function collapse(value: string): string {
  return NEEDS_TRIMMING.test(value) ? value.replace(BLANKS, ' ').replace(/^ | $/g, '') : value;
}

/** Splits a raw request target into its path and its query, without the question mark. */
export function splitTarget(url: string): { path: string; query: string } {
  const mark = url.indexOf('?');
  return mark < 0
    ? { path: url, query: '' }
    : { path: url.slice(0, mark), query: url.slice(mark + 1) };
}

/** Nothing to encode, no empty segment, and none that begins with a dot: most paths are so. */
const CANONICAL_PATH = /^(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$/;

/**
 * SigV4's canonical URI for every service but S3: dot segments and empty segments removed
 * (RFC 3986 §5.2.4), then each segment encoded as it was sent, so what the client had already
 * encoded is encoded twice.
 */
export function canonicalUri(path: string): string {
  if (path === '/' || path === '') return '/';
  if (CANONICAL_PATH.test(path)) return path;
  const kept: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop();
    else if (segment !== '' && segment !== '.') kept.push(encode(Buffer.from(segment, 'utf8')));
  }
  const trailing = kept.length > 0 && path.endsWith('/') ? '/' : '';
  return `/${kept.join('/')}${trailing}`;
}

/**
 * Decodes a raw query and encodes it again by SigV4's rules. `+` is itself, as SDKs never send it for a
 * space. Returns undefined for a broken escape, which two parsers could read in two ways.
 */
export function readQuery(query: string): QueryParameter[] | undefined {
  if (query === '') return [];
  if (MALFORMED_ESCAPE.test(query)) return undefined;
  return query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const equals = pair.indexOf('=');
      return equals < 0
        ? { name: encodeAgain(pair), value: '' }
        : { name: encodeAgain(pair.slice(0, equals)), value: encodeAgain(pair.slice(equals + 1)) };
    });
}

/** The plain text of an encoded name or value, one character a byte. */
export function decode(encoded: string): string {
  return decodeBytes(encoded).toString('latin1');
}

/** Parameters sorted by name, then value, joined; `except` names the signature itself, if it is there. */
export function canonicalQuery(parameters: readonly QueryParameter[], except?: string): string {
  if (parameters.length === 0) return '';
  return parameters
    .filter(({ name }) => name !== except)
    .sort((a, b) => compare(a.name, b.name) || compare(a.value, b.value))
    .map(({ name, value }) => `${name}=${value}`)
    .join('&');
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** `name:value` lines of the signed headers, or undefined when one of them was not sent. */
export function canonicalHeaders(
  names: readonly string[],
  headers: HeaderValues,
): string | undefined {
  let lines = '';
  for (const name of names) {
    const value = headers.get(name);
    if (value === undefined) return undefined;
    lines += `${name}:${collapse(value)}\n`;
  }
  return lines;
}

/** SHA-256 of a payload, lower-case hex. */
export function payloadHash(body: Buffer): string {
  return hash('sha256', body, 'hex');
}

function encodeAgain(text: string): string {
  return UNRESERVED.test(text) ? text : encode(decodeBytes(text));
}

function decodeBytes(text: string): Buffer {
  const raw = Buffer.from(text, 'utf8');
  const bytes = Buffer.alloc(raw.length);
  let length = 0;
  for (let i = 0; i < raw.length; i++) {
    const escaped = raw[i] === 0x25;
    bytes[length++] = escaped ? parseInt(raw.toString('latin1', i + 1, i + 3), 16) : (raw[i] ?? 0);
    if (escaped) i += 2;
  }
  return bytes.subarray(0, length);
}

const ENCODED: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  if (UNRESERVED.test(character)) return character;
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
});

function encode(bytes: Buffer): string {
  let encoded = '';
  for (const byte of bytes) encoded += ENCODED[byte] ?? '';
  return encoded;
}
