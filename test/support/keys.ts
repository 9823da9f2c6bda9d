import {
  CreateKeyCommand,
  DecryptCommand,
  EncryptCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';

export const plaintext = Buffer.from('attack at dawn');

/** A key, and the plaintext encrypted under it. */
export interface SealedKey {
  readonly keyId: string;
  readonly blob: Uint8Array;
}

export function encrypt(keyId: string): EncryptCommand {
  return new EncryptCommand({ KeyId: keyId, Plaintext: plaintext });
}

export async function createSealedKey(kms: KMSClient): Promise<SealedKey> {
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
  const keyId = KeyMetadata?.KeyId;
  if (keyId === undefined) throw new Error('CreateKey answered without a key');
  const { CiphertextBlob } = await kms.send(encrypt(keyId));
  if (CiphertextBlob === undefined) throw new Error('Encrypt answered without a ciphertext');
  return { keyId, blob: CiphertextBlob };
}

export async function open(kms: KMSClient, blob: Uint8Array): Promise<Buffer> {
  const { Plaintext } = await kms.send(new DecryptCommand({ CiphertextBlob: blob }));
  return Buffer.from(Plaintext ?? []);
}

/** Whether every one of these keys encrypts, and opens what it encrypted. */
export async function roundTrips(kms: KMSClient, keyIds: readonly string[]): Promise<boolean> {
  for (const keyId of keyIds) {
    const { CiphertextBlob } = await kms.send(encrypt(keyId));
    if (CiphertextBlob === undefined || !plaintext.equals(await open(kms, CiphertextBlob))) {
      return false;
    }
  }
  return true;
}
