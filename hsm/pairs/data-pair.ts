import { createDecipheriv, generateKeyPairSync } from 'node:crypto';
import type { Curve } from '../curves';
import { HsmError } from '../errors';
import { parsePublicHalf } from '../material/public-halves';
import { shapeOf, type Shape } from '../material/shapes';
import { sessionKek } from '../material/templates';
import { type Desk, drawRandom } from '../objects';
import { call } from '../return-values';
import { seedPrivateKeyInfo } from '../post-quantum/private-key';
import { decodePublicKey } from '../post-quantum/public-key';
import type { DataKeyPairSpec } from '../use-types';
import { type WrapMechanism, wrapKey } from '../wrap';
import { makePair } from './pair';
import { privateKeyInfo } from './pkcs8';
import { planOfSpec } from './plans';

/** A pair in the daemon's memory: whoever is given it wipes the private half. */
export interface DataPair {
  /** PKCS#8 in DER. */
  readonly privateKey: Buffer;
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Buffer;
}

const kekBytes = 32;

/**
 * Generated in the token, of objects of this session, which ends with it. The private half leaves the token under a key of
 * this moment, which the token knows as well as the daemon: no token hands out a private key in the clear, nor should it.
 */
export function generateInToken(
  desk: Desk,
  spec: DataKeyPairSpec,
  wrapping: WrapMechanism,
): DataPair {
  const kek = drawRandom(desk, kekBytes);
  try {
    const key = call('C_CreateObject', () =>
      desk.library.C_CreateObject(desk.session, sessionKek('wrap', { value: kek })),
    );
    const plan = planOfSpec(spec);
    const made = makePair(desk, { ...plan, allow: [] }, 'wrappable');
    const blob = wrapKey(desk, { mechanism: wrapping.mechanism, key }, made.privateKey);
    const publicKey = plan.readPublicHalf(desk, made.publicKey);
    return fromWrapped({ kek, blob, standard: wrapping.standard }, spec, publicKey);
  } finally {
    kek.fill(0);
  }
}

interface Wrapped {
  readonly kek: Buffer;
  readonly blob: Buffer;
  readonly standard: WrapMechanism['standard'];
}

function fromWrapped(wrapped: Wrapped, spec: DataKeyPairSpec, der: Buffer): DataPair {
  const unwrapped = unwrapInMemory(wrapped);
  try {
    return { privateKey: privateKeyOf(unwrapped, shapeOf(spec), der), publicKey: der };
  } finally {
    unwrapped.fill(0);
  }
}

function privateKeyOf(unwrapped: Buffer, shape: Shape, der: Buffer): Buffer {
  if (shape.family === 'ml-kem') {
    const publicKey = decodePublicKey(shape, der);
    return seedPrivateKeyInfo(shape, { privateKey: unwrapped, publicKey });
  }
  const publicKey = parsePublicHalf(der);
  return privateKeyInfo(unwrapped, { publicKey, curve: curveOf(shape) });
}

const ciphers = {
  'RFC 5649': { name: 'id-aes256-wrap-pad', iv: Buffer.from('a65959a6', 'hex') },
  'RFC 3394': { name: 'id-aes256-wrap', iv: Buffer.alloc(8, 0xa6) },
} as const satisfies Record<WrapMechanism['standard'], { name: string; iv: Buffer }>;

function unwrapInMemory({ kek, blob, standard }: Wrapped): Buffer {
  const { name, iv } = ciphers[standard];
  try {
    // The whole answer is in the first part of it: what `final` adds is empty.
    const decipher = createDecipheriv(name, kek, iv);
    const unwrapped = decipher.update(blob);
    decipher.final();
    return unwrapped;
  } catch {
    throw new HsmError('failed', `C_WrapKey: the answer is no ${standard}`);
  }
}

function curveOf(shape: Shape): Curve | undefined {
  return shape.family === 'ec' ? shape.curve : undefined;
}

const publicKeyEncoding = { format: 'der', type: 'spki' } as const;
const privateKeyEncoding = { format: 'der', type: 'pkcs8' } as const;
const publicExponent = 0x10001;

/** Whether OpenSSL 3.0, which Node 20 has, makes such pairs. */
export function isOfOpenSsl(spec: DataKeyPairSpec): boolean {
  return shapeOf(spec).family !== 'ml-kem';
}

/** For tokens that hand out no private key. */
export function generateByOpenSsl(spec: DataKeyPairSpec): DataPair {
  const shape = shapeOf(spec);
  if (shape.family === 'rsa') {
    return generateKeyPairSync('rsa', {
      modulusLength: shape.bits,
      publicExponent,
      publicKeyEncoding,
      privateKeyEncoding,
    });
  }
  if (shape.family === 'ec') {
    const namedCurve = shape.curve.node;
    return generateKeyPairSync('ec', { namedCurve, publicKeyEncoding, privateKeyEncoding });
  }
  if (shape.family === 'edwards') {
    return generateKeyPairSync('ed25519', { publicKeyEncoding, privateKeyEncoding });
  }
  throw new HsmError('failed', `${spec} is no key pair`);
}
