import type { SealedParts } from '../../xks/cdiv';
import {
  type Members,
  invalid,
  maxAadBytes,
  maxPlaintextBytes,
  optionalBytes,
  requireLength,
  requireSome,
  requireSupported,
  requireWord,
  requiredBytes,
} from '../../xks/fields';
import { type KeyInUse, openSealed } from '../../xks/opening';
import type { XksOperation, XksOutcome, XksWork } from './operation';

const ivLengths = [12, 16];
const tagLengths = [16];
const maxMetadataBytes = 20;

export const decrypt: XksOperation = {
  name: 'Decrypt',
  requiredMetadata: ['awsPrincipalArn', 'kmsKeyArn'],
  usesKey: 'Decrypt',
  read(body): XksWork {
    const sealed = readSealed(body);
    return { usages: ['DECRYPT'], run: (call) => run(call, sealed) };
  },
};

function readSealed(body: Members): SealedParts {
  requireWord(body, 'encryptionAlgorithm', 'AES_GCM');
  const metadata = optionalBytes(body, 'ciphertextMetadata');
  if (metadata.length > maxMetadataBytes) {
    throw invalid(`ciphertextMetadata has more than ${maxMetadataBytes} bytes.`);
  }
  const sealed = {
    aad: optionalBytes(body, 'additionalAuthenticatedData'),
    metadata,
    iv: requireLength(
      requiredBytes(body, 'initializationVector'),
      'initializationVector',
      ivLengths,
    ),
    ciphertext: requireSome(requiredBytes(body, 'ciphertext'), 'ciphertext'),
    tag: requireLength(requiredBytes(body, 'authenticationTag'), 'authenticationTag', tagLengths),
  };
  requireSupported(sealed.aad, 'additionalAuthenticatedData', maxAadBytes);
  requireSupported(sealed.ciphertext, 'ciphertext', maxPlaintextBytes);
  return sealed;
}

async function run(use: KeyInUse, sealed: SealedParts): Promise<XksOutcome> {
  const { plaintext, keyMaterialId } = await openSealed(use, sealed);
  try {
    return { output: { plaintext: plaintext.toString('base64') }, keyMaterialId };
  } finally {
    plaintext.fill(0);
  }
}
