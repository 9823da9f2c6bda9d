/**
 * Standard base64 (RFC 4648 §4) and nothing near it: padded, no URL alphabet, no white space, zero trailing bits.
 * Node's decoder forgives all of these, so the bytes are encoded again and compared. Returns undefined when refused.
 */
export function decodeBase64(text: string): Buffer | undefined {
  if (text.length % 4 !== 0) return undefined;
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}
