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

/** The keys that fail to encrypt, or to open what they encrypted, with any of the clients. */
export async function broken(
  clients: readonly KMSClient[],
  keyIds: readonly string[],
): Promise<string[]> {
  const failed: string[] = [];
  for (const keyId of keyIds) {
    for (const kms of clients) {
      try {
        const { CiphertextBlob = new Uint8Array() } = await kms.send(encrypt(keyId));
        const opened = await open(kms, CiphertextBlob);
        if (!opened.equals(plaintext)) failed.push(`${keyId}: another plaintext`);
      } catch (error) {
        failed.push(`${keyId}: ${error instanceof Error ? error.name : 'thrown'}`);
      }
    }
  }
  return failed;
}
