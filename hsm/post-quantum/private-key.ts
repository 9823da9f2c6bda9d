import { HsmError } from '../errors';
import { secretBytes } from '../secret-bytes';
import type { MlKem } from './parameter-sets';
import { publicKeyOfSeed } from './public-key';

const seedBytes = 64;

/**
 * PrivateKeyInfo (PKCS#8) of an ML-KEM key, of what a token unwrapped to: as RFC 9935 §6 has it, with the seed alone, from
 * which everybody expands the same key. `publicKey`: what it has to belong to, as FIPS 203 has it. In memory of its own, to be
 * wiped.
 */
export function seedPrivateKeyInfo(
  set: MlKem,
  { privateKey, publicKey }: { readonly privateKey: Buffer; readonly publicKey: Buffer },
): Buffer {
  const seed = seedOf(set, privateKey);
  if (!publicKeyOfSeed(set, seed).equals(publicKey)) {
    throw new HsmError('failed', 'C_WrapKey: the private key is not that of the public key');
  }
  const head = Buffer.from(`3054020100300b${set.oid}04428040`, 'hex');
  const made = secretBytes(head.length + seedBytes);
  seed.copy(made, head.copy(made));
  return made;
}

/** The seed as such, or before the expanded key; a token may as well hand out the expanded key alone. */
function seedOf(set: MlKem, der: Buffer): Buffer {
  const info = elementOf(der, 0x30);
  const version = elementOf(info?.content, 0x02);
  const algorithm = elementOf(version?.rest, 0x30);
  const key = elementOf(algorithm?.rest, 0x04);
  if (algorithm?.content.toString('hex') !== set.oid || key === undefined) {
    throw new HsmError('failed', 'C_WrapKey: the private key is no PKCS#8');
  }
  const both = elementOf(key.content, 0x30);
  const seed = elementOf(key.content, 0x80) ?? elementOf(both?.content, 0x04);
  if (seed?.content.length === seedBytes) return seed.content;
  throw new HsmError('mechanism-missing', 'the token lacks CKA_SEED of ML-KEM keys');
}

interface Element {
  readonly content: Buffer;
  readonly rest: Buffer;
}

/** DER, of lengths that an ML-KEM key has. Undefined where it begins with something else. */
function elementOf(der: Buffer | undefined, wanted: number): Element | undefined {
  const [tag, first = 0] = der ?? [];
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (der === undefined || tag !== wanted || lengthBytes > 2) return undefined;
  const start = 2 + lengthBytes;
  if (der.length < start) return undefined;
  const length = lengthBytes === 0 ? first : der.readUIntBE(2, lengthBytes);
  const [content, rest] = [der.subarray(start, start + length), der.subarray(start + length)];
  return content.length === length ? { content, rest } : undefined;
}
