import {
  constants,
  createDecipheriv,
  type KeyObject,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import { symmetricDefault } from '../algorithms/key-rows';
import { HsmError } from '../errors';
import { sealGcm, tagBytes } from '../gcm';
import { importPrivateKeys, usableMaterial } from '../material/templates';
import type { Handle } from '../module';
import type { OaepHash } from '../oaep';
import { type Desk, findObjects } from '../objects';
import { withObject } from '../wrap';
import { hashes, missing, refusalOf, unwrapEntry } from './entries';

const padding = constants.RSA_PKCS1_OAEP_PADDING;

/** The pair receives a wrapping key, by one hash or the other. */
export function proveTransferPair(
  context: Desk & { readonly ivSource: 'random' | 'token' },
  pair: { readonly privateKey: Handle; readonly publicKey: KeyObject },
): void {
  const { ivSource } = context;
  const refusals = hashes.map((hash) =>
    refusalOf(() => provePair(context, { ...pair, hash, ivSource })),
  );
  if (!refusals.includes(undefined)) throw missing(refusals);
}

/** Unwraps a key that the daemon knows, and that is for nothing else. */
function provePair(
  desk: Desk,
  pair: {
    privateKey: Handle;
    publicKey: KeyObject;
    hash: OaepHash;
    ivSource: 'random' | 'token';
  },
): void {
  const value = randomBytes(32);
  const blob = publicEncrypt({ key: pair.publicKey, padding, oaepHash: pair.hash }, value);
  const entry = { hash: pair.hash, blob };
  const object = unwrapEntry(desk, pair.privateKey, {
    entry,
    template: usableMaterial(symmetricDefault.kind, undefined),
  });
  withObject(desk, object, () => {
    const plaintext = randomBytes(32);
    const input = { aad: Buffer.alloc(0), plaintext, ivSource: pair.ivSource };
    const { iv, ciphertext } = sealGcm({ ...desk, key: object }, input);
    const decipher = createDecipheriv('aes-256-gcm', value, iv);
    decipher.setAuthTag(ciphertext.subarray(-tagBytes));
    const opened = decipher.update(ciphertext.subarray(0, -tagBytes));
    if (!opened.equals(plaintext)) throw new HsmError('failed', 'C_UnwrapKey: wrong answer');
  });
}

export function findTransferKey(desk: Desk, id: Buffer): Handle | undefined {
  return findObjects(desk, importPrivateKeys(id), 1)[0];
}
