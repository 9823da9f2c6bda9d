import { HsmError } from '../errors';

/**
 * r ‖ s, as CKM_ECDSA answers it, as DER of SEQUENCE { INTEGER r, INTEGER s } (ANSI X9.62, RFC 3279 §2.2.3).
 * `bytes`: of each of the two, the length of the curve's order.
 */
export function ecdsaDer(signature: Buffer, bytes: number): Buffer {
  if (signature.length !== 2 * bytes) {
    throw new HsmError('failed', 'C_Sign: the signature is not as long as the curve asks for');
  }
  const r = minimal(signature, { from: 0, to: bytes });
  const s = minimal(signature, { from: bytes, to: 2 * bytes });
  const content = 2 + r.pad + r.bytes.length + 2 + s.pad + s.bytes.length;
  // Of P-521 alone it is longer than 127 bytes, and of no curve longer than 255.
  const long = content > 0x7f ? 1 : 0;
  const der = Buffer.alloc(2 + long + content);
  der[0] = 0x30;
  if (long === 1) der[1] = 0x81;
  der[1 + long] = content;
  writeInteger(der, writeInteger(der, 2 + long, r), s);
  return der;
}

interface Minimal {
  readonly bytes: Buffer;
  /** 1 where the first bit would make it a negative number. */
  readonly pad: 0 | 1;
}

/** Without leading zeros; zero itself is one byte. */
function minimal(signature: Buffer, { from, to }: { from: number; to: number }): Minimal {
  let start = from;
  while (start < to - 1 && signature[start] === 0) start += 1;
  return { bytes: signature.subarray(start, to), pad: (signature[start] ?? 0) > 0x7f ? 1 : 0 };
}

/** Returns where it ends. */
function writeInteger(der: Buffer, at: number, { bytes, pad }: Minimal): number {
  der[at] = 0x02;
  der[at + 1] = pad + bytes.length;
  const start = at + 2 + pad;
  bytes.copy(der, start);
  return start + bytes.length;
}
