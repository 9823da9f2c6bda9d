import { constants, publicEncrypt } from 'node:crypto';
import type { RsaEncryptionAlgorithm, Token } from '../../hsm';
import { KmsError, invalidMember } from '../errors';
import type { KeySpec } from '../shapes/kms.generated';
import type { Cipher } from './cipher';
import type { MaterialUses } from './material-use';
import { publicKeyObjectOf } from './public-key';

export interface RsaParts {
  readonly token: Pick<Token, 'decryptOaep'>;
  readonly materialUses: MaterialUses;
}

/** The hash of OAEP, which is that of its MGF1 too. */
const hashes = {
  RSAES_OAEP_SHA_1: { name: 'sha1', bytes: 20 },
  RSAES_OAEP_SHA_256: { name: 'sha256', bytes: 32 },
} as const satisfies Record<RsaEncryptionAlgorithm, { name: string; bytes: number }>;

const modulusBytes: Readonly<Partial<Record<KeySpec, number>>> = {
  RSA_2048: 256,
  RSA_3072: 384,
  RSA_4096: 512,
};

/**
 * RSAES-OAEP without a label (RFC 8017 §7.1). The public half encrypts here, the private half decrypts in the token.
 */
export function rsaCipher(
  algorithm: RsaEncryptionAlgorithm,
  { token, materialUses }: RsaParts,
): Cipher {
  const hash = hashes[algorithm];
  return {
    requireFits({ keySpec }, bytes, member) {
      const most = modulusBytesOf(keySpec) - 2 * hash.bytes - 2;
      if (bytes <= most) return;
      throw invalidMember(
        member,
        `Algorithm ${algorithm} and key spec ${keySpec} cannot encrypt data larger than ${most} bytes.`,
      );
    },

    encrypt(key, plaintext) {
      const padding = constants.RSA_PKCS1_OAEP_PADDING;
      const target = { key: publicKeyObjectOf(key), padding, oaepHash: hash.name };
      return Promise.resolve({
        blob: publicEncrypt(target, plaintext),
        keyMaterialId: undefined,
      });
    },

    async decrypt(key, blob) {
      if (blob.length !== modulusBytesOf(key.keySpec)) throw invalidCiphertext();
      const plaintext = await materialUses.use(key, (material) =>
        token.decryptOaep(material, algorithm, blob),
      );
      // OAEP can hold no bytes at all, which no Encrypt makes and no answer can hold (kms-semantics §3.3).
      if (plaintext.length === 0) throw invalidCiphertext();
      return { plaintext, keyMaterialId: undefined };
    },
  };
}

function modulusBytesOf(keySpec: KeySpec): number {
  const bytes = modulusBytes[keySpec];
  if (bytes === undefined) throw new Error(`${keySpec} is no RSA key spec`);
  return bytes;
}

function invalidCiphertext(): KmsError {
  return new KmsError('InvalidCiphertextException');
}
