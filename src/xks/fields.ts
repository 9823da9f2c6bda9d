import { isUtf8 } from 'node:buffer';
import { decodeBase64 } from '../shapes/base64';
import { XksError } from './errors';
import type { RequestMetadata } from './metadata';

/** An object of a request: its members are not known, and those that nobody asks for do not matter (xks-proxy §1.3). */
export type Members = Readonly<Record<string, unknown>>;

/** The largest that the API has us support, and no more: whoever sends more is told so (xks-proxy §1.5). */
export const maxPlaintextBytes = 4300;
export const maxAadBytes = 8192;

/** Throws ValidationException, without what the parser says, which quotes the body. */
export function parseMembers(body: Buffer): Members {
  const value = isUtf8(body) ? parsed(body.toString('utf8')) : undefined;
  if (isMembers(value)) return value;
  throw invalid('The body of the request is not a JSON object.');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What a request of an operation must say of itself, besides kmsRequestId and kmsOperation. */
export type RequiredMetadata = 'awsPrincipalArn' | 'kmsKeyArn';

/** The values are not judged: AWS adds to them as it likes (xks-proxy §1.3). */
export function requestMetadata(
  given: Members,
  required: readonly RequiredMetadata[],
): RequestMetadata {
  const metadata = {
    kmsRequestId: requiredText(given, 'kmsRequestId'),
    kmsOperation: requiredText(given, 'kmsOperation'),
    awsPrincipalArn: optionalText(given, 'awsPrincipalArn'),
    kmsKeyArn: optionalText(given, 'kmsKeyArn'),
    kmsViaService: optionalText(given, 'kmsViaService'),
    awsSourceVpc: optionalText(given, 'awsSourceVpc'),
    awsSourceVpce: optionalText(given, 'awsSourceVpce'),
  };
  for (const name of required) {
    if (metadata[name] === undefined) throw missing(name);
  }
  return metadata;
}

export function metadataMembers({ requestMetadata: given }: Members): Members {
  if (isMembers(given)) return given;
  throw invalid('requestMetadata is missing, or not an object.');
}

/** Null is what some writers of JSON have for a member that is not there. */
function optionalText(members: Members, name: string): string | undefined {
  const value = members[name] ?? undefined;
  if (value === undefined || typeof value === 'string') return value;
  throw invalid(`${name} is not a string.`);
}

function requiredText(members: Members, name: string): string {
  const text = optionalText(members, name);
  if (text === undefined) throw missing(name);
  return text;
}

/** A member that has one value alone. */
export function requireWord(members: Members, name: string, word: string): void {
  if (requiredText(members, name) !== word) throw invalid(`${name} is not ${word}.`);
}

/** Whether the member is there; it has one value alone. */
export function hasWord(members: Members, name: string, word: string): boolean {
  const text = optionalText(members, name);
  if (text !== undefined && text !== word) throw invalid(`${name} is not ${word}.`);
  return text !== undefined;
}

/** Base64, as RFC 4648 §4 has it. */
export function requiredBytes(members: Members, name: string): Buffer {
  return decoded(requiredText(members, name), name);
}

const nothing = Buffer.alloc(0);

/** Empty where the member is not there. */
export function optionalBytes(members: Members, name: string): Buffer {
  const text = optionalText(members, name);
  return text === undefined ? nothing : decoded(text, name);
}

function decoded(text: string, name: string): Buffer {
  const bytes = decodeBase64(text);
  if (bytes === undefined) throw invalid(`${name} is not base64.`);
  return bytes;
}

export function requireLength(bytes: Buffer, name: string, lengths: readonly number[]): Buffer {
  if (lengths.includes(bytes.length)) return bytes;
  throw invalid(`${name} has ${bytes.length} bytes and not ${lengths.join(' or ')}.`);
}

/** Throws UnsupportedOperationException, which is what the API has for sizes beyond an implementation's (xks-proxy §1.10). */
export function requireSupported(bytes: Buffer, name: string, most: number): Buffer {
  if (bytes.length <= most) return bytes;
  throw new XksError(
    'UnsupportedOperationException',
    `${name} has ${bytes.length} bytes; ${most} are supported.`,
  );
}

export function requireSome(bytes: Buffer, name: string): Buffer {
  if (bytes.length > 0) return bytes;
  throw invalid(`${name} is empty.`);
}

export function invalid(message: string): XksError {
  return new XksError('ValidationException', message);
}

function missing(name: string): XksError {
  return invalid(`${name} is missing.`);
}
