import { createHash, timingSafeEqual } from 'node:crypto';

export type OaepHash = 'sha1' | 'sha256';

/**
 * EME-OAEP decoding (RFC 8017 §7.1.2, step 3) with an empty label, for tokens that decrypt raw RSA but do not know
 * the hash. `encoded` is the whole block, k bytes with leading zeros. Undefined where the padding is wrong; which part
 * of it is wrong does not show in the time taken (Manger's attack).
 */
export function oaepUnpad(encoded: Buffer, hash: OaepHash): Buffer | undefined {
  const labelHash = createHash(hash).digest();
  const hashBytes = labelHash.length;
  if (encoded.length < 2 * hashBytes + 2) return undefined;
  const maskedSeed = encoded.subarray(1, 1 + hashBytes);
  const maskedBlock = encoded.subarray(1 + hashBytes);
  const seed = xor(maskedSeed, mgf1(maskedBlock, maskedSeed.length, hash));
  const block = xor(maskedBlock, mgf1(seed, maskedBlock.length, hash));
  const { start, bad } = messageStart(block, hashBytes);
  const labelDiffers = timingSafeEqual(block.subarray(0, hashBytes), labelHash) ? 0 : 1;
  return ((encoded[0] ?? 1) | labelDiffers | bad) === 0
    ? Buffer.from(block.subarray(start))
    : undefined;
}

/** Looks at every byte behind the label's hash: zeros, then a one, then the message. */
function messageStart(block: Buffer, from: number): { start: number; bad: number } {
  let start = 0;
  let searching = 1;
  let bad = 0;
  for (let index = from; index < block.length; index += 1) {
    const byte = block[index] ?? 0;
    const isZero = ((byte - 1) >>> 31) & 1;
    const isOne = (((byte ^ 1) - 1) >>> 31) & 1;
    start |= -(searching & isOne) & (index + 1);
    bad |= searching & (1 ^ isZero) & (1 ^ isOne);
    searching &= 1 ^ isOne;
  }
  return { start, bad: bad | searching };
}

function mgf1(seed: Buffer, length: number, hash: OaepHash): Buffer {
  const blocks: Buffer[] = [];
  for (let made = 0, counter = 0; made < length; counter += 1) {
    const suffix = Buffer.alloc(4);
    suffix.writeUInt32BE(counter);
    const block = createHash(hash).update(seed).update(suffix).digest();
    blocks.push(block);
    made += block.length;
  }
  return Buffer.concat(blocks).subarray(0, length);
}

function xor(left: Buffer, right: Buffer): Buffer {
  return Buffer.from(left.map((byte, index) => byte ^ (right[index] ?? 0)));
}
