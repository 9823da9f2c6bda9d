import {
  constants,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import { agreeWith } from '../algorithms/agreement';
import { decryptRaw } from '../algorithms/oaep-decryption';
import { decrypt } from '../calls';
import type { Curve } from '../curves';
import type { MaterialKind } from '../material-types';
import type { Handle } from '../module';
import type { OaepHash } from '../oaep';
import { oaepMechanism } from '../oaep-mechanism';
import type { Desk } from '../objects';
import type { ImportContext } from './context';
import { ecSigns, edwardsSigns, rsaSigns } from './public-keys';
import { shapeOf } from '../material/shapes';

/** The private key does, in its one use, what belongs to the public key. */
export function provesPrivate(
  context: ImportContext,
  key: Handle,
  { kind, publicKey }: { kind: MaterialKind; publicKey: KeyObject },
): boolean {
  const shape = shapeOf(kind.spec);
  if (shape.family === 'edwards') return edwardsSigns(context, key, publicKey);
  if (shape.family === 'ec') {
    const { curve } = shape;
    return kind.usage === 'SIGN_VERIFY'
      ? ecSigns(context, key, { curve, publicKey })
      : agrees(context, key, { curve, publicKey });
  }
  return kind.usage === 'SIGN_VERIFY'
    ? rsaSigns(context, key, publicKey)
    : rsaDecrypts(context, key, publicKey);
}

/** By OAEP where the token has it, else raw: the message is of no worth. */
export function rsaDecrypts(context: ImportContext, key: Handle, publicKey: KeyObject): boolean {
  const hashes: readonly OaepHash[] = ['sha256', 'sha1'];
  const hash = hashes.find((one) => context.ways.oaep[one].where === 'token');
  if (hash === undefined) return decryptsRaw(context, key, publicKey);
  const message = randomBytes(32);
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const data = publicEncrypt({ key: publicKey, padding, oaepHash: hash }, message);
  return decrypt(context, { key, mechanism: oaepMechanism(hash), data }).equals(message);
}

function decryptsRaw(context: ImportContext, key: Handle, publicKey: KeyObject): boolean {
  const bits = publicKey.asymmetricKeyDetails?.modulusLength ?? 0;
  const message = randomBytes(bits / 8);
  // Less than the modulus.
  message[0] = 0;
  const encrypted = publicEncrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, message);
  const block = Buffer.alloc(encrypted.length);
  decryptRaw(context, { key, encrypted }, block);
  return block.equals(message);
}

export function agrees(
  desk: Desk,
  key: Handle,
  { curve, publicKey }: { curve: Curve; publicKey: KeyObject },
): boolean {
  const peer = generateKeyPairSync('ec', { namedCurve: curve.node });
  const shared = diffieHellman({ privateKey: peer.privateKey, publicKey });
  const { x = '', y = '' } = peer.publicKey.export({ format: 'jwk' });
  const point = Buffer.concat([
    Buffer.of(4),
    Buffer.from(x, 'base64url'),
    Buffer.from(y, 'base64url'),
  ]);
  return agreeWith(desk, key, { curve, peer: point }).equals(shared);
}
