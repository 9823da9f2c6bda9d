import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import type { KMSClient } from '@aws-sdk/client-kms';
import type { MaterialKind } from '../../hsm';
import { createExternalKey, getParameters, importMaterial } from './kms-imports';
import { makeMaterial } from './materials';

/** A KMS key whose material is known here as well. */
export interface KnownKey {
  readonly id: string;
  readonly kind: MaterialKind;
  /** As it was imported: raw bytes, or PKCS#8 in DER. */
  readonly material: Buffer;
}

/** Makes material without the token, and imports it. */
export function bringKey(kms: KMSClient, kind: MaterialKind): Promise<KnownKey> {
  return bringMaterial(kms, kind, makeMaterial(kind).bytes);
}

/** Imports material into a key of its own, as docs/import.md does. */
export async function bringMaterial(
  kms: KMSClient,
  kind: MaterialKind,
  material: Buffer,
): Promise<KnownKey> {
  const { id } = await createExternalKey(kms, { KeySpec: kind.spec, KeyUsage: kind.usage });
  const parameters = await getParameters(kms, id, { algorithm: 'RSA_AES_KEY_WRAP_SHA_256' });
  await importMaterial(kms, id, { material, parameters });
  return { id, kind, material };
}

export function privateKeyOf({ material }: Pick<KnownKey, 'material'>): KeyObject {
  return createPrivateKey({ key: material, format: 'der', type: 'pkcs8' });
}

export function publicKeyOf(key: Pick<KnownKey, 'material'>): Buffer {
  return createPublicKey(privateKeyOf(key)).export({ format: 'der', type: 'spki' });
}
