import type { Awaitable } from '../awaitable';
import { KmsError, invalidMember } from '../errors';
import { checkEncryptionContextSize } from '../keys/encryption-context';
import type { Key } from '../keys/key';
import { storeFailure } from '../keys/store-failures';
import type { Services, TargetedCall } from '../operation';
import type { DataKeySpec } from '../shapes/kms.generated';
import { refuseDryRun } from './dry-run';
import { keyUse } from './key-use';
import { onlyKey } from './targets';

interface DataKeyRequest {
  readonly KeySpec?: DataKeySpec;
  readonly NumberOfBytes?: number;
  readonly EncryptionContext?: Readonly<Record<string, string>>;
  readonly DryRun?: boolean;
}

interface DataKey {
  readonly plaintext: Buffer;
  readonly blob: Buffer;
  readonly keyMaterialId: string | undefined;
}

type Making = 'GenerateDataKey' | 'GenerateDataKeyWithoutPlaintext';

const bytesOf: Readonly<Record<DataKeySpec, number>> = { AES_128: 16, AES_256: 32 };

/** Exactly one of KeySpec and NumberOfBytes; checked before the key is looked at (kms-semantics §5.1). */
export function checkDataKeyRequest(input: DataKeyRequest): void {
  if ((input.KeySpec === undefined) === (input.NumberOfBytes === undefined)) {
    throw invalidMember('KeySpec', 'Please specify either number of bytes or key spec.');
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

/** Random bytes of the token that has the key, encrypted under it there. */
export async function makeDataKey(operation: Making, call: TargetedCall<Making>): Promise<DataKey> {
  const { input, keys, services } = call;
  const key = onlyKey(keys);
  refuseDryRun(input);
  const random = randomBytes(services, key, sizeOf(input));
  const plaintext = random instanceof Promise ? await random : random;
  try {
    const use = keyUse(operation, call, input.EncryptionContext);
    return { plaintext, ...(await services.encryption.symmetric.encrypt(key, plaintext, use)) };
  } catch (thrown) {
    plaintext.fill(0);
    throw thrown;
  }
}

function sizeOf(input: DataKeyRequest): number {
  const length = input.KeySpec === undefined ? input.NumberOfBytes : bytesOf[input.KeySpec];
  if (length === undefined) throw new Error('the size of a data key was not checked');
  return length;
}

/** At once where the token is the main one. */
function randomBytes(services: Services, key: Key, length: number): Awaitable<Buffer> {
  const { customKeyStore } = key;
  return customKeyStore === undefined
    ? services.token.generateRandom(length)
    : randomBytesInStore(services, key, length);
}

async function randomBytesInStore(services: Services, key: Key, length: number): Promise<Buffer> {
  try {
    return (await services.keyTokens.of(key)).generateRandom(length);
  } catch (thrown) {
    throw storeFailure(key, thrown);
  }
}
