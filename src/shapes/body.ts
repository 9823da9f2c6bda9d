import { isUtf8 } from 'node:buffer';
import { KmsError } from '../errors';

/**
 * Reads a request body: UTF-8 JSON, where no body at all stands for {} (kms-semantics §15.1). What kind of value it is
 * stays for parseInput to say. Throws SerializationException without a message, as AWS does, and without the parser's
 * own error, which quotes the body.
 */
export function parseBody(body: Buffer): unknown {
  if (body.length === 0) return {};
  if (!isUtf8(body)) throw new KmsError('SerializationException');
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch {
    throw new KmsError('SerializationException');
  }
}
