const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Bytes, or a text in UTF-8, as Claviger takes them. */
export function toBase64(data: Uint8Array | string): string {
  const bytes = typeof data === 'string' ? Buffer.from(data, 'utf8') : data;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

/**
 * The bytes that Claviger gave, in memory of their own, so that `fill(0)` wipes all there is of them but the text.
 * @throws TypeError when it is not base64, or undefined: a member that the answer does not have; it does not repeat the text
 */
export function fromBase64(text: string | undefined): Uint8Array {
  if (text === undefined) throw new TypeError('The answer has no such member');
  if (!BASE64.test(text)) throw new TypeError('Not base64 of RFC 4648 §4, padded');
  const bytes = Buffer.alloc((text.length / 4) * 3);
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.write(text, 'base64'));
}
