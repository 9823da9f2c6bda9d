const lengthBytes = 2;

/**
 * What the token authenticates with a ciphertext (XKS proxy API, "Additional authenticated data"): both parts with their
 * lengths, so that no byte can change from one to the other. Fixed for ever; what changes it needs another version byte in
 * the metadata. It cannot be that of a KMS ciphertext of the same key: see test/xks/associated-data.test.ts.
 */
export function xksAssociatedData(aad: Buffer, metadata: Buffer): Buffer {
  const metadataAt = lengthBytes + aad.length;
  const whole = Buffer.allocUnsafe(metadataAt + 1 + metadata.length);
  whole.writeUInt16BE(aad.length);
  whole.set(aad, lengthBytes);
  whole.writeUInt8(metadata.length, metadataAt);
  whole.set(metadata, metadataAt + 1);
  return whole;
}
