import { randomBytes } from 'node:crypto';
import {
  type ImportedKey,
  type MaterialKey,
  type MaterialKind,
  type Token,
  openToken,
} from '../../hsm';
import { wrapMaterial } from './imports';
import { makeSoftHsm } from './softhsm';
import { tokenOptions } from './token-options';

/** A token of its own, into which the keys of test vectors are brought. */
export interface VectorKeys {
  readonly token: Token;
  /** Imports a key as ImportKeyMaterial does, once for each name: vectors share keys. */
  bring(kind: MaterialKind, name: string, material: () => Buffer): Promise<MaterialKey>;
  close(): Promise<void>;
}

/** Every kind can be imported under this algorithm, whatever its length. */
const algorithm = 'RSA_AES_KEY_WRAP_SHA_1';

export async function openVectorKeys(): Promise<VectorKeys> {
  const hsm = await makeSoftHsm();
  const token = await openToken(tokenOptions(hsm));
  const [importKeyId, wrappingKeyId] = [newId(), newId()];
  const publicKey = await token.generateImportKeyPair(importKeyId, 'claviger:import:test', {
    bits: 2048,
  });
  await token.createWrappingKey(wrappingKeyId, 'claviger/test', { exportable: false });
  const importKey = async (kind: MaterialKind, material: Buffer): Promise<MaterialKey> => {
    const encrypted = wrapMaterial(algorithm, publicKey, material);
    const imported: ImportedKey = { importKeyId, algorithm, encrypted, kind, keyId: newId() };
    const { id } = await token.identifyImport(imported);
    return { id, wrapped: await token.admitImport(imported, id, { wrappingKeyId }), kind };
  };
  const brought = new Map<string, Promise<MaterialKey>>();
  return {
    token,
    bring: (kind, name, material) => {
      const ofKind = `${kind.spec} ${name}`;
      const bringing = brought.get(ofKind) ?? importKey(kind, material());
      brought.set(ofKind, bringing);
      return bringing;
    },
    close: async () => {
      await token.close();
      await hsm.remove();
    },
  };
}

function newId(): string {
  return randomBytes(32).toString('hex');
}
