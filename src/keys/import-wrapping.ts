import type { ImportAlgorithm, ImportKeyBits } from '../../hsm';
import { type KmsError, refusedMember } from '../errors';
import type { AlgorithmSpec, KeySpec, WrappingKeySpec } from '../shapes/kms.generated';
import type { Key } from './key';

/** How a customer wraps material for its import. */
export interface Wrapping {
  readonly algorithm: ImportAlgorithm;
  readonly bits: ImportKeyBits;
}

/** AWS ended RSAES_PKCS1_V1_5 on 2023-10-10; SM2PKE and SM2 are for China's Regions (kms-semantics §9.1). */
const algorithms: Readonly<Record<AlgorithmSpec, ImportAlgorithm | undefined>> = {
  RSAES_PKCS1_V1_5: undefined,
  RSAES_OAEP_SHA_1: 'RSAES_OAEP_SHA_1',
  RSAES_OAEP_SHA_256: 'RSAES_OAEP_SHA_256',
  RSA_AES_KEY_WRAP_SHA_1: 'RSA_AES_KEY_WRAP_SHA_1',
  RSA_AES_KEY_WRAP_SHA_256: 'RSA_AES_KEY_WRAP_SHA_256',
  SM2PKE: undefined,
};

const bitsOf: Readonly<Record<WrappingKeySpec, ImportKeyBits | undefined>> = {
  RSA_2048: 2048,
  RSA_3072: 3072,
  RSA_4096: 4096,
  SM2: undefined,
};

/** OAEP alone takes less than a modulus: the least wrapping key for a private key that does not fit into every one of them. */
const leastForOaep: Readonly<Partial<Record<KeySpec, number>>> = {
  RSA_2048: Infinity,
  RSA_3072: Infinity,
  RSA_4096: Infinity,
  ECC_NIST_P521: 3072,
};

/** WrappingAlgorithm and WrappingKeySpec of a request. Refuses by name what is not served. */
export function chooseWrapping(input: {
  readonly WrappingAlgorithm: AlgorithmSpec;
  readonly WrappingKeySpec: WrappingKeySpec;
}): Wrapping {
  const { WrappingAlgorithm, WrappingKeySpec } = input;
  const algorithm = algorithms[WrappingAlgorithm];
  if (algorithm === undefined) {
    throw unsupported(
      'WrappingAlgorithm',
      `WrappingAlgorithm ${WrappingAlgorithm} is not supported.`,
    );
  }
  const bits = bitsOf[WrappingKeySpec];
  if (bits === undefined) {
    throw unsupported('WrappingKeySpec', `WrappingKeySpec ${WrappingKeySpec} is not supported.`);
  }
  return { algorithm, bits };
}

/** What cannot be imported that way is refused before anybody wraps it (kms-semantics §9.1). */
export function requireWrappable(
  { keySpec }: Pick<Key, 'keySpec'>,
  { algorithm, bits }: Wrapping,
): void {
  if (algorithm.startsWith('RSAES_OAEP') && bits < (leastForOaep[keySpec] ?? 0)) {
    throw unsupported(
      'WrappingAlgorithm',
      `Algorithm ${algorithm} and wrapping key spec RSA_${bits} cannot wrap key material of key spec ${keySpec}.`,
    );
  }
}

function unsupported(member: string, message: string): KmsError {
  return refusedMember('UnsupportedOperationException', member, message);
}
