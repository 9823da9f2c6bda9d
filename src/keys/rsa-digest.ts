import { type KeyObject, constants, hash, publicDecrypt } from 'node:crypto';

/*
 * RSA signatures of a digest. node:crypto verifies those of a message alone, and hashes it; here it applies the public key,
 * and what that leaves is compared with what RFC 8017 §9 makes of the digest.
 */

export type SigningHash = 'sha256' | 'sha384' | 'sha512';

/** DER of DigestInfo up to the digest (RFC 8017 §9.2, note 1). */
const digestInfo: Readonly<Record<SigningHash, Buffer>> = {
  sha256: Buffer.from('3031300d060960864801650304020105000420', 'hex'),
  sha384: Buffer.from('3041300d060960864801650304020205000430', 'hex'),
  sha512: Buffer.from('3051300d060960864801650304020305000440', 'hex'),
};

/** The trailer field of EMSA-PSS. */
const pssTrailer = 0xbc;

interface SignedDigest {
  readonly digest: Buffer;
  readonly signature: Buffer;
}

/** RSASSA-PKCS1-v1_5: the encoded message is rebuilt whole, so that nothing is left to parse. */
export function verifiesPkcs1(
  publicKey: KeyObject,
  hashName: SigningHash,
  { digest, signature }: SignedDigest,
): boolean {
  const encoded = recover(publicKey, signature);
  if (encoded === undefined) return false;
  const end = Buffer.concat([Buffer.of(0), digestInfo[hashName], digest]);
  const padding = Buffer.alloc(encoded.length - end.length, 0xff).fill(Buffer.of(0, 1), 0, 2);
  return encoded.equals(Buffer.concat([padding, end]));
}

/** RSASSA-PSS, MGF1 with the same hash, a salt as long as the hash: EMSA-PSS-VERIFY (RFC 8017 §9.1.2). */
export function verifiesPss(
  publicKey: KeyObject,
  hashName: SigningHash,
  { digest, signature }: SignedDigest,
): boolean {
  const encoded = recover(publicKey, signature);
  if (encoded?.at(-1) !== pssTrailer) return false;
  const length = digest.length;
  const maskedBlock = encoded.subarray(0, -length - 1);
  const hashed = encoded.subarray(-length - 1, -1);
  const block = Buffer.alloc(maskedBlock.length);
  const mask = mgf1(hashName, hashed, block.length);
  for (const [at, byte] of maskedBlock.entries()) block[at] = byte ^ (mask[at] ?? 0);
  // Moduli are of whole bytes, so that the one bit that the encoded message is shorter by is the first.
  if (((encoded[0] ?? 0) & 0x80) !== 0) return false;
  block[0] = (block[0] ?? 0) & 0x7f;
  const zeros = Buffer.alloc(block.length - length);
  zeros[zeros.length - 1] = 1;
  if (!block.subarray(0, -length).equals(zeros)) return false;
  const salt = block.subarray(-length);
  return hash(hashName, Buffer.concat([Buffer.alloc(8), digest, salt]), 'buffer').equals(hashed);
}

/** Every RSA signature is (RFC 8017 §8.1.2, §8.2.2). OpenSSL is content with less by PSS. */
export function isAsLongAsModulus(key: KeyObject, signature: Buffer): boolean {
  return signature.length * 8 === key.asymmetricKeyDetails?.modulusLength;
}

/** RSAVP1 (RFC 8017 §5.2.2): the encoded message, as long as the modulus. Undefined of what is no representative. */
function recover(key: KeyObject, signature: Buffer): Buffer | undefined {
  if (!isAsLongAsModulus(key, signature)) return undefined;
  try {
    return publicDecrypt({ key, padding: constants.RSA_NO_PADDING }, signature);
  } catch {
    return undefined;
  }
}

/** RFC 8017 §B.2.1. */
function mgf1(hashName: SigningHash, seed: Buffer, length: number): Buffer {
  const blocks: Buffer[] = [];
  const counter = Buffer.alloc(4);
  for (let made = 0, i = 0; made < length; i++) {
    counter.writeUInt32BE(i);
    const block = hash(hashName, Buffer.concat([seed, counter]), 'buffer');
    blocks.push(block);
    made += block.length;
  }
  return Buffer.concat(blocks, length);
}
