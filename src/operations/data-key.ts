import { KmsError } from '../errors';
import { checkEncryptionContextSize } from '../keys/encryption-context';
import type { Key } from '../keys/key';
import type { Services } from '../operation';
import type { DataKeySpec } from '../shapes/kms.generated';
import { refuseDryRun } from './dry-run';

interface DataKeyRequest {
  readonly KeySpec?: DataKeySpec;
  readonly NumberOfBytes?: number;
  readonly EncryptionContext?: Readonly<Record<string, string>>;
  readonly DryRun?: boolean;
}

interface DataKey {
  readonly plaintext: Buffer;
  readonly blob: Buffer;
  readonly keyMaterialId: string;
}

const bytesOf: Readonly<Record<DataKeySpec, number>> = { AES_128: 16, AES_256: 32 };

/** Exactly one of KeySpec and NumberOfBytes; checked before the key is looked at (kms-semantics §5.1). */
export function checkDataKeyRequest(input: DataKeyRequest): void {
  if ((input.KeySpec === undefined) === (input.NumberOfBytes === undefined)) {
    throw new KmsError('ValidationException', 'Please specify either number of bytes or key spec.');
  }
  checkEncryptionContextSize(input.EncryptionContext);
}

/** As much a matter of usage as any other, with a text of its own: it is told before the state (kms-semantics §0, §3.6). */
export function requireSymmetric({ keySpec, keyUsage }: Key): void {
  if (keySpec !== 'SYMMETRIC_DEFAULT' && keyUsage === 'ENCRYPT_DECRYPT') {
    throw new KmsError(
      'InvalidKeyUsageException',
      'You cannot generate a data key with an asymmetric CMK',
    );
  }
}

/** Random bytes of the token's generator, encrypted under the key in the token. */
export async function makeDataKey(
  services: Services,
  key: Key,
  input: DataKeyRequest,
): Promise<DataKey> {
  refuseDryRun(input);
  const length = input.KeySpec === undefined ? input.NumberOfBytes : bytesOf[input.KeySpec];
  if (length === undefined) throw new Error('the size of a data key was not checked');
  const plaintext = services.token.generateRandom(length);
  try {
    return {
      plaintext,
      ...(await services.keyring.encrypt(key, plaintext, input.EncryptionContext)),
    };
  } catch (thrown) {
    plaintext.fill(0);
    throw thrown;
  }
}
