import { requireMaterial } from '../../keys/material-use';
import { xksAssociatedData } from '../../xks/associated-data';
import { type SealedParts, integrityValue } from '../../xks/cdiv';
import { ciphertextMetadata } from '../../xks/ciphertext-metadata';
import { XksError } from '../../xks/errors';
import { failure, toXksError } from '../../xks/failures';
import {
  type Members,
  hasWord,
  maxAadBytes,
  maxPlaintextBytes,
  optionalBytes,
  requireSome,
  requireSupported,
  requireWord,
  requiredBytes,
} from '../../xks/fields';
import { type KeyInUse, openSealed } from '../../xks/opening';
import type { XksOperation, XksOutcome, XksWork } from './operation';

interface EncryptInput {
  readonly plaintext: Buffer;
  readonly aad: Buffer;
  /** Whether a ciphertextDataIntegrityValue is asked for. */
  readonly checked: boolean;
}

const tagBytes = 16;

export const encrypt: XksOperation = {
  name: 'Encrypt',
  requiredMetadata: ['awsPrincipalArn', 'kmsKeyArn'],
  usesKey: 'Encrypt',
  read(body): XksWork {
    const input = readInput(body);
    return {
      // What a key cannot decrypt nobody can promise to be decryptable (xks-proxy §1.8).
      usages: input.checked ? ['ENCRYPT', 'DECRYPT'] : ['ENCRYPT'],
      run: (call) => run(call, input),
    };
  },
};

function readInput(body: Members): EncryptInput {
  requireWord(body, 'encryptionAlgorithm', 'AES_GCM');
  const checked = hasWord(body, 'ciphertextDataIntegrityValueAlgorithm', 'SHA_256');
  const aad = optionalBytes(body, 'additionalAuthenticatedData');
  const plaintext = requireSome(requiredBytes(body, 'plaintext'), 'plaintext');
  requireSupported(aad, 'additionalAuthenticatedData', maxAadBytes);
  requireSupported(plaintext, 'plaintext', maxPlaintextBytes);
  return { plaintext, aad, checked };
}

async function run(use: KeyInUse, { plaintext, aad, checked }: EncryptInput): Promise<XksOutcome> {
  try {
    const { key, keyring } = use;
    const { id: keyMaterialId } = requireMaterial(key);
    const metadata = ciphertextMetadata(keyMaterialId);
    const sealed = await keyring.seal(key, plaintext, xksAssociatedData(aad, metadata));
    const ciphertext = sealed.ciphertext.subarray(0, -tagBytes);
    const tag = sealed.ciphertext.subarray(-tagBytes);
    const output = {
      ciphertext: ciphertext.toString('base64'),
      initializationVector: sealed.iv.toString('base64'),
      authenticationTag: tag.toString('base64'),
      ciphertextMetadata: metadata.toString('base64'),
    };
    if (!checked) return { output, keyMaterialId };
    const parts = { aad, metadata, iv: sealed.iv, ciphertext, tag };
    return { output: await withIntegrityValue(output, use, { parts, plaintext }), keyMaterialId };
  } finally {
    plaintext.fill(0);
  }
}

interface Sealing {
  readonly parts: SealedParts;
  readonly plaintext: Buffer;
}

/**
 * The value first and the decryption after it: the other way round, what changed in between would have a value that
 * promises what was never tried (xks-proxy §1.8).
 */
async function withIntegrityValue(
  output: XksOutcome['output'],
  use: KeyInUse,
  { parts, plaintext }: Sealing,
): Promise<XksOutcome['output']> {
  const ciphertextDataIntegrityValue = integrityValue(parts);
  await requireOpens(use, { parts, plaintext });
  return { ...output, ciphertextDataIntegrityValue };
}

async function requireOpens(use: KeyInUse, { parts, plaintext }: Sealing): Promise<void> {
  let opened: Buffer;
  try {
    opened = (await openSealed(use, parts)).plaintext;
  } catch (thrown) {
    // What we have just made does not decrypt: that is no fault of the caller's.
    const error = toXksError(thrown);
    if (error.errorName !== 'InvalidCiphertextException') throw error;
    throw failure('InternalException', thrown);
  }
  const same = opened.equals(plaintext);
  opened.fill(0);
  if (!same) {
    const message = 'A ciphertext decrypts to something else.';
    throw failure('InternalException', new XksError('InternalException', message));
  }
}
