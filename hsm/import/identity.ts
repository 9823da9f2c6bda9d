import { createHash, type KeyObject } from 'node:crypto';
import { macWith } from '../algorithms/macs';
import { encrypt } from '../calls';
import { HsmError } from '../errors';
import type { MaterialKind, TokenKeyId } from '../material-types';
import { ckm } from '../mechanisms';
import type { Handle } from '../module';
import type { Desk } from '../objects';
import { TokenFault } from '../return-values';
import { isRefused, wrongMaterial } from './faults';
import { ecPublicKey, rsaPublicKey } from './public-keys';
import { type Hmac, shapeOf } from '../material/shapes';

/** Which material it is, as far as anybody outside of the token may know. */
export interface Identity {
  readonly id: TokenKeyId;
  /** Of RSA and EC material, proven to belong to the private half. */
  readonly publicKey?: KeyObject;
}

const domain = 'claviger key material id';

/**
 * Ids are derived from the KMS key's id and the material: the same material is known again when it is imported again,
 * and in two KMS keys it is not known for the same.
 *
 * The id of a secret is keyed by the secret, in the token. AES and HMAC are pseudorandom functions: whoever does not
 * have the material can neither compute the id nor learn from it, nor compare two. Who has two materials of one id has
 * found a collision of 256 bits; one AES block would be one of 128. The id of a private key is that of its public half,
 * which belongs to no other private key and is no secret.
 */
export function identify(
  desk: Desk,
  key: Handle,
  { kind, keyId }: { kind: MaterialKind; keyId: string },
): Identity {
  const shape = shapeOf(kind.spec);
  if (shape.family === 'aes') return { id: idOf(keyId, aesOutput(desk, key, labelOf(keyId))) };
  if (shape.family === 'hmac') {
    return { id: idOf(keyId, macOutput(desk, key, { shape, message: labelOf(keyId) })) };
  }
  if (shape.family !== 'rsa' && shape.family !== 'ec') {
    throw new HsmError('mechanism-missing', `${kind.spec} keys are not imported`);
  }
  const publicKey =
    shape.family === 'rsa'
      ? rsaPublicKey(desk, key, shape.bits)
      : ecPublicKey(desk, key, shape.curve);
  return { id: idOf(keyId, publicKey.export({ format: 'der', type: 'spki' })), publicKey };
}

/** Two AES blocks, which no message of GCM under the same key will meet but by a chance of 2^-128 each. */
function labelOf(keyId: string): Buffer {
  return createHash('sha256').update(domain).update('\0').update(keyId).digest();
}

/** Wipes `output`: of a secret, it is worth a guess. */
function idOf(keyId: string, output: Buffer): TokenKeyId {
  const hash = createHash('sha256').update(domain).update('\0').update(keyId).update('\0');
  const id = hash.update(output).digest('hex');
  output.fill(0);
  return id;
}

/** Known to be available: whatever the token says against it is about this key. */
function aesOutput(desk: Desk, key: Handle, label: Buffer): Buffer {
  try {
    return encryptBlocks(desk, key, label);
  } catch (error) {
    // SoftHSM answers a key of an impossible length with CKR_MECHANISM_INVALID.
    const missing = error instanceof TokenFault && error.code === 'mechanism-missing';
    throw missing || isRefused(error) ? wrongMaterial() : error;
  }
}

/** CKM_AES_ECB of whole blocks. */
export function encryptBlocks(desk: Desk, key: Handle, blocks: Buffer): Buffer {
  return encrypt(desk, { key, mechanism: { mechanism: ckm.AES_ECB }, data: blocks });
}

function macOutput(
  desk: Desk,
  key: Handle,
  request: { readonly shape: Hmac; readonly message: Buffer },
): Buffer {
  try {
    return macWith(desk, key, request);
  } catch (error) {
    // SoftHSM answers a key that is shorter than the hash with CKR_KEY_SIZE_RANGE.
    throw isRefused(error) ? wrongMaterial() : error;
  }
}
