import { ECDH } from 'node:crypto';
import { KmsError, atMember } from '../errors';
import type { KeySpec } from '../shapes/kms.generated';

/** A way to write a point in a SubjectPublicKeyInfo (SEC 1 §2.3.3). */
interface Form {
  /** The DER before the point, which is the same in every public key on the curve (RFC 5480 §2). */
  readonly head: Buffer;
  readonly pointBytes: number;
  /** What the point may begin with. */
  readonly marks: readonly number[];
}

interface Curve {
  /** OpenSSL's name. */
  readonly name: string;
  readonly forms: readonly Form[];
}

const uncompressed = (head: string, pointBytes: number): Form => ({
  ...{ head: Buffer.from(head, 'hex'), pointBytes, marks: [4] },
});
const compressed = (head: string, pointBytes: number): Form => ({
  ...{ head: Buffer.from(head, 'hex'), pointBytes, marks: [2, 3] },
});

/** The curves of key agreement (kms-semantics §3.1). */
const curves: Readonly<Partial<Record<KeySpec, Curve>>> = {
  ECC_NIST_P256: {
    name: 'prime256v1',
    forms: [
      uncompressed('3059301306072a8648ce3d020106082a8648ce3d030107034200', 65),
      compressed('3039301306072a8648ce3d020106082a8648ce3d030107032200', 33),
    ],
  },
  ECC_NIST_P384: {
    name: 'secp384r1',
    forms: [
      uncompressed('3076301006072a8648ce3d020106052b81040022036200', 97),
      compressed('3046301006072a8648ce3d020106052b81040022033200', 49),
    ],
  },
  ECC_NIST_P521: {
    name: 'secp521r1',
    forms: [
      uncompressed('30819b301006072a8648ce3d020106052b8104002303818600', 133),
      compressed('3058301006072a8648ce3d020106052b81040023034400', 67),
    ],
  },
};

/**
 * The point of a peer's public key, uncompressed, on the curve of a key that agrees: DER of SubjectPublicKeyInfo. An answer
 * to a point that is not on the curve would tell of the private key (invalid-curve attacks), and not every token looks.
 * What is not one of the few ways to write a public key on the curve is refused without being parsed: parameters written
 * out, other curves, other algorithms, trailing bytes.
 *
 * Throws ValidationException without a text, one error for every reason (kms-semantics §3.6).
 */
export function peerPoint(keySpec: KeySpec, publicKey: Buffer): Buffer {
  const curve = curves[keySpec];
  if (curve === undefined) throw new Error(`${keySpec} has no key agreement`);
  const form = curve.forms.find((one) => isWrittenIn(publicKey, one));
  if (form === undefined) throw invalid();
  try {
    // OpenSSL refuses coordinates that are not below the prime, and points that are not on the curve.
    const point = publicKey.subarray(form.head.length);
    return Buffer.from(ECDH.convertKey(point, curve.name, undefined, undefined, 'uncompressed'));
  } catch (error) {
    throw invalid(error);
  }
}

function isWrittenIn(publicKey: Buffer, { head, pointBytes, marks }: Form): boolean {
  return (
    publicKey.length === head.length + pointBytes &&
    publicKey.subarray(0, head.length).equals(head) &&
    marks.includes(publicKey[head.length] ?? 0)
  );
}

function invalid(cause?: unknown): KmsError {
  const detail = 'must be the DER of a public key of the curve of the key';
  return new KmsError('ValidationException', '', { ...atMember('PublicKey', detail), cause });
}
