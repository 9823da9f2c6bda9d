import { constants, createHash, createPublicKey, publicEncrypt, verify } from 'node:crypto';
import { type HashName, hashes } from '../algorithms/hashes';
import { decryptOaepWith, type OaepWay } from '../algorithms/oaep-decryption';
import { signWith } from '../algorithms/signing';
import { HsmError } from '../errors';
import { isOfTheData } from '../import/faults';
import type { OaepHash } from '../oaep';
import type { Desk } from '../objects';
import { TokenFault } from '../return-values';
import type { SigningAlgorithm } from '../use-types';
import { type KeyAnswer, type KeyAnswers, requireAnswer } from './row';
import { rsaKey, type RsaKey } from './rsa-key';

const message = Buffer.from('claviger known answer');

const signingHashes = ['sha256', 'sha384', 'sha512'] as const satisfies readonly HashName[];
type SigningHash = (typeof signingHashes)[number];

const suffixes = { sha256: 'SHA_256', sha384: 'SHA_384', sha512: 'SHA_512' } as const;

function signature(
  desk: Desk,
  { privateKey }: RsaKey,
  by: { readonly algorithm: SigningAlgorithm; readonly hash: HashName },
): Buffer {
  const input = createHash(by.hash).update(message).digest();
  return signWith(desk, privateKey, { algorithm: by.algorithm, input });
}

function pkcs1(hash: SigningHash): KeyAnswer<RsaKey> {
  const algorithm = `RSASSA_PKCS1_V1_5_${suffixes[hash]}` as const;
  return {
    name: algorithm,
    mechanism: 'CKM_RSA_PKCS',
    test: (desk, rsa) => {
      const signed = signature(desk, rsa, { algorithm, hash });
      requireAnswer(verify(hash, message, createPublicKey(rsa.pem), signed), 'C_Sign');
    },
  };
}

function pss(hash: SigningHash): KeyAnswer<RsaKey> {
  const algorithm = `RSASSA_PSS_${suffixes[hash]}` as const;
  return {
    name: algorithm,
    mechanism: `CKM_RSA_PKCS_PSS with ${hashes[hash].name}`,
    test: (desk, rsa) => {
      const signed = signature(desk, rsa, { algorithm, hash });
      const key = {
        key: createPublicKey(rsa.pem),
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: hashes[hash].bytes,
      };
      requireAnswer(verify(hash, message, key, signed), 'C_Sign');
    },
  };
}

/** The right ciphertext opens, and one of the same length that was tampered with does not. */
function testOaep(
  desk: Desk,
  { pem, privateKey }: RsaKey,
  by: { readonly hash: OaepHash; readonly way: OaepWay },
): void {
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const encrypted = publicEncrypt({ key: pem, padding, oaepHash: by.hash }, message);
  const decrypted = decryptOaepWith((work) => work(desk), privateKey, { ...by, encrypted });
  requireAnswer(decrypted?.equals(message) === true, 'C_Decrypt');
  const block = publicEncrypt({ key: pem, padding: constants.RSA_NO_PADDING }, unpadded(encrypted));
  requireAnswer(refuses(desk, privateKey, { ...by, encrypted: block }), 'C_Decrypt');
}

/** A block without any padding, less than the modulus. */
function unpadded({ length }: Buffer): Buffer {
  const block = Buffer.alloc(length, 0x5a);
  block[0] = 0;
  return block;
}

function refuses(
  desk: Desk,
  key: RsaKey['privateKey'],
  sealed: { readonly hash: OaepHash; readonly way: OaepWay; readonly encrypted: Buffer },
): boolean {
  try {
    return decryptOaepWith((work) => work(desk), key, sealed) === undefined;
  } catch (error) {
    if (!(error instanceof HsmError) || isOfTheSession(error)) throw error;
    // Kryoptic says CKR_DEVICE_ERROR, as a device does that is lost: nobody could tell those two.
    return isOfTheData(error, () => undefined);
  }
}

/** What another session would not have seen. */
function isOfTheSession(error: HsmError): boolean {
  return error instanceof TokenFault && error.meaning.again === true;
}

function oaep(hash: OaepHash, name: string): KeyAnswer<RsaKey> {
  return {
    name,
    mechanism: `CKM_RSA_PKCS_OAEP with ${hashes[hash].name}`,
    test: (desk, rsa) => testOaep(desk, rsa, { hash, way: 'token' }),
    detour: {
      note: 'by CKM_RSA_X_509, padding removed outside the token',
      test: (desk, rsa) => testOaep(desk, rsa, { hash, way: 'raw' }),
    },
  };
}

const key = (bits: number): Pick<KeyAnswers<RsaKey>, 'make' | 'note'> => ({
  make: (desk) => rsaKey(desk, bits),
  note: ({ note }) => note,
});

export function rsaSigningAnswers(bits: number): KeyAnswers<RsaKey> {
  return { ...key(bits), answers: [...signingHashes.map(pkcs1), ...signingHashes.map(pss)] };
}

export function rsaDecryptionAnswers(bits: number): KeyAnswers<RsaKey> {
  return {
    ...key(bits),
    answers: [oaep('sha1', 'RSAES_OAEP_SHA_1'), oaep('sha256', 'RSAES_OAEP_SHA_256')],
  };
}
