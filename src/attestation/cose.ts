import { type KeyObject, verify } from 'node:crypto';
import { type CborValue, CborTagged, readCbor } from './cbor';
import { AttestationFault } from './fault';

/** A COSE_Sign1 structure (RFC 9052 §4.2) that says it is signed with ES384; whether it is has yet to be seen. */
export interface Sign1 {
  readonly payload: Buffer;
  verify(publicKey: KeyObject): void;
}

const sign1Tag = 18;
/** The protected header {1: -35}: the algorithm is ES384 (RFC 9053 §2.1), and there is nothing else to know. */
const protectedHeader = Buffer.of(0xa1, 0x01, 0x38, 0x22);
const signatureBytes = 96;
/** AWS's own limit ("Nitro Enclaves Attestation Process" §3.1). */
const maxPayload = 16_384;

/** @throws AttestationFault */
export function readSign1(bytes: Buffer): Sign1 {
  const [header, unprotected, payload, signature] = partsOf(readCbor(bytes));
  if (!Buffer.isBuffer(header) || !header.equals(protectedHeader)) {
    throw new AttestationFault('the protected header does not say ES384 alone');
  }
  if (!(unprotected instanceof Map) || unprotected.size > 0) {
    throw new AttestationFault('the unprotected header is not an empty map');
  }
  if (!Buffer.isBuffer(payload) || payload.length === 0 || payload.length > maxPayload) {
    throw new AttestationFault(`the payload is not bytes, 1 to ${maxPayload} of them`);
  }
  if (!Buffer.isBuffer(signature) || signature.length !== signatureBytes) {
    throw new AttestationFault(`the signature is not ${signatureBytes} bytes`);
  }
  return {
    payload,
    verify(publicKey) {
      const key = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const;
      if (!verify('sha384', signedBytes(payload), key, signature)) {
        throw new AttestationFault('the signature is not one of the certificate over the payload');
      }
    },
  };
}

function partsOf(value: CborValue): readonly CborValue[] {
  if (value instanceof CborTagged && value.tag !== sign1Tag) {
    throw new AttestationFault(`CBOR tag ${value.tag} is not that of COSE_Sign1`);
  }
  const parts = value instanceof CborTagged ? value.value : value;
  if (!Array.isArray(parts) || parts.length !== 4) {
    throw new AttestationFault('COSE_Sign1 is not an array of four');
  }
  return parts as readonly CborValue[];
}

/** Sig_structure (RFC 9052 §4.4): an array of the context, the protected header, no other data, and the payload. */
function signedBytes(payload: Buffer): Buffer {
  const context = 'Signature1';
  return Buffer.concat([
    Buffer.of(0x84, 0x60 | context.length),
    Buffer.from(context),
    byteStringHead(protectedHeader.length),
    protectedHeader,
    byteStringHead(0),
    byteStringHead(payload.length),
    payload,
  ]);
}

/** Of up to 65535 bytes, in the shortest form. */
function byteStringHead(length: number): Buffer {
  if (length < 24) return Buffer.of(0x40 | length);
  return length < 0x100 ? Buffer.of(0x58, length) : Buffer.of(0x59, length >> 8, length & 0xff);
}
