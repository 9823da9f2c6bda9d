import { randomBytes } from 'node:crypto';
import type { ImportedKey, MaterialKey, MaterialKind, Token } from '../../hsm';
import type { MaterialStorage } from '../../src/keys/material';
import { wrapMaterial } from './imports';

/** Brings key material from outside into a token, as ImportKeyMaterial does. */
export interface Importer {
  bring(kind: MaterialKind, material: Buffer): Promise<MaterialKey>;
}

/** Every kind can be imported under this algorithm, whatever its length. */
const algorithm = 'RSA_AES_KEY_WRAP_SHA_1';

export async function openImporter(token: Token, storage: MaterialStorage): Promise<Importer> {
  const [importKeyId, wrappingKeyId] = [newId(), newId()];
  const publicKey = await token.generateImportKeyPair(importKeyId, 'claviger:import:test', {
    bits: 2048,
  });
  if (storage === 'wrapped') {
    await token.createWrappingKey(wrappingKeyId, 'claviger/test', { exportable: false });
  }
  return {
    bring: async (kind, material) => {
      const keyId = newId();
      const encrypted = wrapMaterial(algorithm, publicKey, material);
      const imported: ImportedKey = { importKeyId, algorithm, encrypted, kind, keyId };
      const { id } = await token.identifyImport(imported);
      const place = storage === 'wrapped' ? { wrappingKeyId } : { label: `claviger/test/${keyId}` };
      const wrapped = await token.admitImport(imported, id, place);
      return { id, wrapped, kind };
    },
  };
}

function newId(): string {
  return randomBytes(32).toString('hex');
}
