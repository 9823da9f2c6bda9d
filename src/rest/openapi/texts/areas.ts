import type { OperationName } from '../../../shapes/operations';

interface Area {
  readonly description: string;
  readonly operations: readonly OperationName[];
}

/** The operations by what they are about, in the order in which a reader meets them. */
export const areas: Readonly<Record<string, Area>> = {
  Keys: {
    description: 'Make keys, look at them, switch them off and on, and delete them.',
    operations: [
      ...(['CreateKey', 'ListKeys', 'DescribeKey', 'UpdateKeyDescription', 'EnableKey'] as const),
      ...(['DisableKey', 'ScheduleKeyDeletion', 'CancelKeyDeletion', 'GetKeyLastUsage'] as const),
      'GetPublicKey',
    ],
  },
  Encryption: {
    description:
      'Encrypt and decrypt small secrets and data keys under a key that never leaves its token.',
    operations: ['Encrypt', 'Decrypt', 'ReEncrypt'],
  },
  'Data keys': {
    description:
      'Get keys to encrypt data with yourself, together with their encrypted form to keep beside it.',
    operations: [
      ...(['GenerateDataKey', 'GenerateDataKeyWithoutPlaintext', 'GenerateDataKeyPair'] as const),
      'GenerateDataKeyPairWithoutPlaintext',
    ],
  },
  Signatures: {
    description: 'Sign messages, and verify signatures.',
    operations: ['Sign', 'Verify'],
  },
  'Message authentication codes': {
    description: 'Compute HMACs of messages, and verify them.',
    operations: ['GenerateMac', 'VerifyMac'],
  },
  'Shared secrets': {
    description: 'Agree on secrets with others, by ECDH or by ML-KEM.',
    operations: ['DeriveSharedSecret', 'Encapsulate', 'Decapsulate'],
  },
  'Random bytes': {
    description: 'Random bytes of the token.',
    operations: ['GenerateRandom'],
  },
  Aliases: {
    description:
      'Names for keys. A key can be named by its alias wherever a KeyId is used to encrypt, sign and the like.',
    operations: ['CreateAlias', 'ListAliases', 'UpdateAlias', 'DeleteAlias'],
  },
  Grants: {
    description: 'Let single principals use a key for a while, without a change of its policy.',
    operations: ['CreateGrant', 'ListGrants', 'RevokeGrant', 'RetireGrant', 'ListRetirableGrants'],
  },
  'Key policies': {
    description: 'Who may do what with a key.',
    operations: ['GetKeyPolicy', 'PutKeyPolicy', 'ListKeyPolicies'],
  },
  Tags: {
    description: 'Names and values on keys, which policies can ask for.',
    operations: ['TagResource', 'ListResourceTags', 'UntagResource'],
  },
  Rotation: {
    description:
      'Have new key material made for a key. What the old one encrypted is still decrypted.',
    operations: [
      ...(['EnableKeyRotation', 'GetKeyRotationStatus', 'DisableKeyRotation'] as const),
      ...(['RotateKeyOnDemand', 'ListKeyRotations'] as const),
    ],
  },
  Import: {
    description: 'Bring key material of your own into a key of the origin EXTERNAL.',
    operations: ['GetParametersForImport', 'ImportKeyMaterial', 'DeleteImportedKeyMaterial'],
  },
  'Custom key stores': {
    description: 'Keep keys in further tokens, or with external key store proxies.',
    operations: [
      ...(['CreateCustomKeyStore', 'DescribeCustomKeyStores', 'UpdateCustomKeyStore'] as const),
      ...(['ConnectCustomKeyStore', 'DisconnectCustomKeyStore', 'DeleteCustomKeyStore'] as const),
    ],
  },
  'API tokens': {
    description:
      'Tokens that a principal makes for itself, to be sent as `Authorization: Bearer …`.',
    operations: ['CreateApiToken', 'ListApiTokens', 'DeleteApiToken'],
  },
};

/** The area of an operation. Throws an Error for one that is in none. */
export function areaOf(operation: OperationName): string {
  const found = Object.entries(areas).find(([, { operations }]) => operations.includes(operation));
  if (found === undefined) throw new Error(`${operation} is in no area of the reference`);
  return found[0];
}
