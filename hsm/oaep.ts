import { createHash, timingSafeEqual } from 'node:crypto';
import { secretBytes } from './secret-bytes';

export type OaepHash = 'sha1' | 'sha256';

/**
 * EME-OAEP decoding (RFC 8017 §7.1.2, step 3) with an empty label, for tokens that decrypt raw RSA but do not know
 * the hash. `encoded` is the whole block, k bytes with leading zeros. Undefined where the padding is wrong; which part
 * of it is wrong does not show in the time taken (Manger's attack). `encoded` and the message are the caller's to wipe;
 * whatever is made of them on the way is wiped here.
 */
export function oaepUnpad(encoded: Buffer, hash: OaepHash): Buffer | undefined {
  const labelHash = createHash(hash).digest();
  const hashBytes = labelHash.length;
  if (encoded.length < 2 * hashBytes + 2) return undefined;
  const copy = ownCopy(encoded);
  try {
    const seed = copy.subarray(1, 1 + hashBytes);
    const block = copy.subarray(1 + hashBytes);
    unmask(seed, block, hash);
    unmask(block, seed, hash);
    const { start, bad } = messageStart(block, hashBytes);
    const labelDiffers = timingSafeEqual(block.subarray(0, hashBytes), labelHash) ? 0 : 1;
    const wrong = (encoded[0] ?? 1) | labelDiffers | bad;
    return wrong === 0 ? ownCopy(block.subarray(start)) : undefined;
  } finally {
    copy.fill(0);
  }
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

/** Takes MGF1 of `source` off `target`, in place. */
function unmask(target: Buffer, source: Buffer, hash: OaepHash): void {
  const suffix = Buffer.alloc(4);
  for (let at = 0, counter = 0; at < target.length; counter += 1) {
    suffix.writeUInt32BE(counter);
    const mask = createHash(hash).update(source).update(suffix).digest();
    for (let index = 0; index < mask.length && at < target.length; index += 1, at += 1) {
      target[at] = (target[at] ?? 0) ^ (mask[index] ?? 0);
    }
    mask.fill(0);
  }
}

function ownCopy(bytes: Buffer): Buffer {
  const copy = secretBytes(bytes.length);
  bytes.copy(copy);
  return copy;
}
