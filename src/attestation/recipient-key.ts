import { createPublicKey, type KeyObject } from 'node:crypto';
import { sealToKey } from './envelope';
import { AttestationFault } from './fault';

const [leastBits, mostBits] = [2048, 4096];
/** FIPS 186-5 §A.1.1: odd, from 2^16 + 1 to 2^256. A key with the exponent 1 would seal nothing. */
const [leastExponent, mostExponent] = [0x10001n, 2n ** 256n];

/** The RSA key of an attestation document, to which answers are sealed. @throws AttestationFault */
export function readRecipientKey(der: Buffer): KeyObject {
  const key = parse(der);
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  // OpenSSL reads on behind what it has read.
  const isItself = key.export({ type: 'spki', format: 'der' }).equals(der);
  if (
    key.asymmetricKeyType !== 'rsa' ||
    !isItself ||
    modulusLength < leastBits ||
    modulusLength > mostBits ||
    publicExponent < leastExponent ||
    publicExponent > mostExponent ||
    publicExponent % 2n === 0n
  ) {
    throw new AttestationFault(
      `public_key is not the SubjectPublicKeyInfo of an RSA key of ${leastBits} to ${mostBits} bits`,
    );
  }
  requireUsable(key);
  return key;
}

/** Who makes up numbers that are no key (an even modulus) learns of it here, and not when a secret has been made for it. */
function requireUsable(key: KeyObject): void {
  try {
    sealToKey(key, Buffer.alloc(1));
  } catch (cause) {
    throw new AttestationFault('public_key is one that nothing can be sealed to', { cause });
  }
}

function parse(key: Buffer): KeyObject {
  try {
    return createPublicKey({ key, type: 'spki', format: 'der' });
  } catch (cause) {
    throw new AttestationFault('public_key is not a SubjectPublicKeyInfo', { cause });
  }
}
