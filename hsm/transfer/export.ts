import {
  constants,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  privateDecrypt,
} from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import { HsmError } from '../errors';
import { rsaTestKeys } from '../known-answers/rsa-test-keys';
import { ckm } from '../mechanisms';
import type { Handle } from '../module';
import type { OaepHash } from '../oaep';
import { oaepMechanism } from '../oaep-mechanism';
import { type Desk, readFlags } from '../objects';
import { call } from '../return-values';
import { attributes, extractableAesKey, type Template } from '../templates';
import { withObject } from '../wrap';
import { type Entry, entryBytes, hashes, missing, refusalOf, transferBytes } from './entries';

const padding = constants.RSA_PKCS1_OAEP_PADDING;

/** The wrapping key under the public key: an entry for each hash. `id` is for the error. */
export function exportKey(
  desk: Desk,
  key: { object: Handle; id: string },
  publicKey: KeyObject,
): Buffer {
  const [extractable] = readFlags(desk, key.object, [pkcs11.CKA_EXTRACTABLE]);
  if (extractable !== true) {
    throw new HsmError('not-exportable', `wrapping key ${key.id} was not made to be exported`);
  }
  const refusals: (string | undefined)[] = [];
  const entries: Buffer[] = [];
  for (const hash of hashes) {
    refusals.push(
      refusalOf(() => {
        proveOaep(desk, hash);
        const blob = wrapUnder(desk, publicKey, { hash, key: key.object });
        entries.push(entryBytes({ hash, blob }));
      }),
    );
  }
  if (entries.length === 0) throw missing(refusals);
  return Buffer.concat(entries);
}

/** Wraps a key that is for nothing else under a public key whose private half is known. */
function proveOaep(desk: Desk, hash: OaepHash): void {
  const der = Buffer.from(rsaTestKeys.get(2048) ?? '', 'base64');
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const born = call('C_GenerateKey', () =>
    desk.library.C_GenerateKey(desk.session, { mechanism: ckm.AES_KEY_GEN }, extractableAesKey()),
  );
  withObject(desk, born, (key) => {
    const blob = wrapUnder(desk, createPublicKey(privateKey), { hash, key });
    requireOaep(privateKey, { hash, blob });
  });
}

/** OAEP's own check tells whether the token used the hash that it was asked for. */
function requireOaep(privateKey: KeyObject, { hash, blob }: Entry): void {
  try {
    privateDecrypt({ key: privateKey, padding, oaepHash: hash }, blob).fill(0);
  } catch {
    throw new HsmError('mechanism-missing', 'C_WrapKey: wrong answer');
  }
}

function wrapUnder(
  desk: Desk,
  publicKey: KeyObject,
  wanted: { hash: OaepHash; key: Handle },
): Buffer {
  const receiver = call('C_CreateObject', () =>
    desk.library.C_CreateObject(desk.session, receivingKey(publicKey)),
  );
  return withObject(desk, receiver, () => {
    const buffer = Buffer.alloc(transferBytes);
    const blob = call('C_WrapKey', () =>
      desk.library.C_WrapKey(
        desk.session,
        oaepMechanism(wanted.hash),
        receiver,
        wanted.key,
        buffer,
      ),
    );
    return Buffer.from(blob);
  });
}

function receivingKey(publicKey: KeyObject): Template {
  const { n = '', e = '' } = publicKey.export({ format: 'jwk' });
  return attributes([
    [pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY],
    [pkcs11.CKA_KEY_TYPE, pkcs11.CKK_RSA],
    [pkcs11.CKA_TOKEN, false],
    [pkcs11.CKA_MODULUS, Buffer.from(n, 'base64url')],
    [pkcs11.CKA_PUBLIC_EXPONENT, Buffer.from(e, 'base64url')],
    [pkcs11.CKA_WRAP, true],
    [pkcs11.CKA_ENCRYPT, false],
    [pkcs11.CKA_VERIFY, false],
  ]);
}
