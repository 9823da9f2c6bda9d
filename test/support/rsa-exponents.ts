import { createPrivateKey, generateKeyPairSync } from 'node:crypto';

/** PKCS#8 of a key of 2048 bits with the first public exponent, from this odd or even number on, that its primes allow. */
export function rsaWithExponent(least: bigint): Buffer {
  for (;;) {
    // Whether its primes allow 3 is theirs to say.
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const { p = '', q = '', n = '' } = privateKey.export({ format: 'jwk' });
    const [one, other] = [toNumber(p), toNumber(q)];
    const order = (one - 1n) * (other - 1n);
    const e = exponentFrom(least, order);
    if (least === 3n && e !== 3n) continue;
    const d = inverse(e, order) ?? 1n;
    const exponents = { dp: text(d % (one - 1n)), dq: text(d % (other - 1n)) };
    const qi = text(inverse(other, one) ?? 0n);
    const jwk = { kty: 'RSA', n, e: text(e), d: text(d), p, q, ...exponents, qi };
    return createPrivateKey({ key: jwk, format: 'jwk' }).export({ format: 'der', type: 'pkcs8' });
  }
}

function exponentFrom(least: bigint, order: bigint): bigint {
  let e = least | 1n;
  while (inverse(e, order) === undefined) e += 2n;
  return e;
}

/** Euclid's. Undefined where there is none. */
function inverse(value: bigint, modulus: bigint): bigint | undefined {
  let [rest, next] = [modulus, value % modulus];
  let [factor, nextFactor] = [0n, 1n];
  while (next !== 0n) {
    const times = rest / next;
    [rest, next] = [next, rest - times * next];
    [factor, nextFactor] = [nextFactor, factor - times * nextFactor];
  }
  return rest === 1n ? ((factor % modulus) + modulus) % modulus : undefined;
}

function toNumber(base64url: string): bigint {
  return BigInt(`0x${Buffer.from(base64url, 'base64url').toString('hex')}`);
}

function text(value: bigint): string {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex').toString('base64url');
}
