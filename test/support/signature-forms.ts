/** ECDSA signatures in forms that DER has not: what is in them a lax parser would find. */

/** The content of both INTEGERs of an ECDSA signature. */
export function integersOf(signature: Buffer): [r: Buffer, s: Buffer] {
  const body = signature.subarray(signature[1] === 0x81 ? 3 : 2);
  const length = body[1] ?? 0;
  return [body.subarray(2, 2 + length), body.subarray(2 + length + 2)];
}

export const toNumber = (bytes: Buffer): bigint => BigInt(`0x${bytes.toString('hex')}`);

/** As the content of an INTEGER that is not negative. */
function toInteger(value: bigint): Buffer {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  return ((bytes[0] ?? 0) & 0x80) === 0 ? bytes : Buffer.concat([Buffer.of(0), bytes]);
}

function element(tag: number, content: Buffer): Buffer {
  const { length } = content;
  return Buffer.concat([
    length < 128 ? Buffer.of(tag, length) : Buffer.of(tag, 0x81, length),
    content,
  ]);
}

const integer = (content: Buffer): Buffer => element(2, content);
export const sequence = (...parts: Buffer[]): Buffer => element(0x30, Buffer.concat(parts));

export const ecdsaOf = (r: bigint, s: bigint): Buffer =>
  sequence(integer(toInteger(r)), integer(toInteger(s)));

/** Orders of the curves. */
export const curveOrders = {
  ECC_NIST_P256: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  ECC_NIST_P384:
    0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  ECC_NIST_P521:
    0x1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
  ECC_SECG_P256K1: 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n,
} as const;

/** Each with what is wrong with it. */
export function malformedEcdsa(signature: Buffer, order: bigint): Readonly<Record<string, Buffer>> {
  const [r, s] = integersOf(signature);
  const [rs, ss] = [toNumber(r), toNumber(s)];
  const inner = Buffer.concat([integer(r), integer(s)]);
  const half = (value: bigint) => Buffer.from(value.toString(16).padStart(132, '0'), 'hex');
  const width = order > 1n << 400n ? 66 : order > 1n << 300n ? 48 : 32;
  return {
    'a byte after it': Buffer.concat([signature, Buffer.of(0)]),
    'a byte after its integers': sequence(integer(r), integer(s), Buffer.of(0)),
    'a third integer': sequence(integer(r), integer(s), integer(Buffer.of(1))),
    'one integer': sequence(integer(r)),
    'no integer': sequence(),
    'an empty r': sequence(integer(Buffer.alloc(0)), integer(s)),
    'a length in the long form': Buffer.concat([Buffer.of(0x30, 0x82, 0, inner.length), inner]),
    'no length': Buffer.concat([Buffer.of(0x30, 0x80), inner, Buffer.of(0, 0)]),
    'the length of an integer in the long form': sequence(
      Buffer.concat([Buffer.of(2, 0x81, r.length), r]),
      integer(s),
    ),
    'a zero before r': sequence(integer(Buffer.concat([Buffer.of(0), r])), integer(s)),
    'a zero before s': sequence(integer(r), integer(Buffer.concat([Buffer.of(0), s]))),
    'a negative r': sequence(integer(Buffer.concat([Buffer.of(0xff), r])), integer(s)),
    'r less the order': sequence(integer(negative(rs - order)), integer(s)),
    'an r of zero': ecdsaOf(0n, ss),
    'an s of zero': ecdsaOf(rs, 0n),
    zeros: ecdsaOf(0n, 0n),
    'an r beyond the order': ecdsaOf(rs + order, ss),
    'an s beyond the order': ecdsaOf(rs, ss + order),
    'the order for r': ecdsaOf(order, ss),
    'the order for s': ecdsaOf(rs, order),
    'one for both': ecdsaOf(1n, 1n),
    'r and s in each other’s place': ecdsaOf(ss, rs),
    'a set': Buffer.concat([Buffer.of(0x31), signature.subarray(1)]),
    'a tag that is no integer’s': sequence(element(3, r), integer(s)),
    'only r and s (IEEE P1363)': Buffer.concat([
      half(rs).subarray(-width),
      half(ss).subarray(-width),
    ]),
    'the end cut off': signature.subarray(0, -1),
    'the start cut off': signature.subarray(1),
    'one byte': signature.subarray(0, 1),
  };
}

/** Two's complement of a number below zero. */
function negative(value: bigint): Buffer {
  const bytes = value.toString(16).length / 2 + 1;
  const modulus = 1n << BigInt(Math.ceil(bytes) * 8);
  return Buffer.from((modulus + value).toString(16), 'hex');
}
