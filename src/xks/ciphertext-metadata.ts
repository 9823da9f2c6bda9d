import type { Material } from '../keys/material';

/**
 * The ciphertextMetadata of a ciphertext, version 1: which of its key's materials made it, as the key may be rotated behind
 * its external key id. 20 bytes are all that the API leaves (xks-proxy §1.5).
 *
 *   offset  bytes
 *   0       1      version, 1
 *   1       16     the first half of the key material id
 */
const version = 1;
const idBytes = 16;
const metadataBytes = 1 + idBytes;

export function ciphertextMetadata(materialId: string): Buffer {
  const metadata = Buffer.allocUnsafe(metadataBytes);
  metadata[0] = version;
  metadata.write(materialId, 1, idBytes, 'hex');
  return metadata;
}

/** The material that metadata names, of those that the key has; undefined for whatever we did not write. */
export function materialNamedBy(
  metadata: Buffer,
  materials: ReadonlyMap<string, Material>,
): Material | undefined {
  if (metadata.length !== metadataBytes || metadata[0] !== version) return undefined;
  const start = metadata.toString('hex', 1);
  for (const material of materials.values()) {
    if (material.id.startsWith(start)) return material;
  }
  return undefined;
}
