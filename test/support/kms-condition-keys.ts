import type { OperationName } from '../../src/shapes/operations';

/** Every condition key of KMS (kms-semantics §6.8), and kms:EncapsulationAlgorithm, which was not there yet. */
export const kmsConditionKeys = [
  'kms:BypassPolicyLockoutSafetyCheck',
  'kms:CallerAccount',
  'kms:CustomerMasterKeySpec',
  'kms:CustomerMasterKeyUsage',
  'kms:DataKeyPairSpec',
  'kms:EncapsulationAlgorithm',
  'kms:EncryptionAlgorithm',
  'kms:EncryptionContext:',
  'kms:EncryptionContextKeys',
  'kms:ExpirationModel',
  'kms:GrantConstraintType',
  'kms:GrantConstraintSourceArn',
  'kms:GrantIsForAWSResource',
  'kms:GrantOperations',
  'kms:GranteePrincipal',
  'kms:GranteeServicePrincipal',
  'kms:RetiringPrincipal',
  'kms:RetiringServicePrincipal',
  'kms:KeyAgreementAlgorithm',
  'kms:KeyOrigin',
  'kms:KeySpec',
  'kms:KeyUsage',
  'kms:MacAlgorithm',
  'kms:MessageType',
  'kms:MultiRegion',
  'kms:MultiRegionKeyType',
  'kms:PrimaryRegion',
  'kms:ReplicaRegion',
  'kms:ReEncryptOnSameKey',
  'kms:RecipientAttestation:ImageSha384',
  'kms:RecipientAttestation:PCR',
  'kms:RecipientAttestation:NitroTPMPCR',
  'kms:RequestAlias',
  'kms:ResourceAliases',
  'kms:RotationPeriodInDays',
  'kms:ScheduleKeyDeletionPendingWindowInDays',
  'kms:SigningAlgorithm',
  'kms:TrailingDaysWithoutKeyUsage',
  'kms:ValidTo',
  'kms:ViaService',
  'kms:WrappingAlgorithm',
  'kms:WrappingKeySpec',
] as const;

/** Keys that operations supply which are not served yet. Each must leave this list when its first operation is served. */
export const keysOfUnservedOperations: Readonly<Record<string, readonly OperationName[]>> = {
  'kms:MultiRegionKeyType': ['ReplicateKey', 'UpdatePrimaryRegion'],
  'kms:PrimaryRegion': ['UpdatePrimaryRegion'],
  'kms:ReplicaRegion': ['ReplicateKey'],
};

/** Keys of attestation documents. */
export const recipientConditionKeys = [
  'kms:RecipientAttestation:ImageSha384',
  'kms:RecipientAttestation:PCR',
  'kms:RecipientAttestation:NitroTPMPCR',
] as const;

/** Operations on custom key stores: they have kms:CallerAccount alone (kms-semantics §6.8). */
export const customKeyStoreOperations = [
  'ConnectCustomKeyStore',
  'CreateCustomKeyStore',
  'DeleteCustomKeyStore',
  'DescribeCustomKeyStores',
  'DisconnectCustomKeyStore',
  'UpdateCustomKeyStore',
] as const satisfies readonly OperationName[];

/** Served operations on no key: else no condition key of KMS but those of CreateKey (kms-semantics §6.8). */
export const operationsWithoutKey: readonly OperationName[] = [
  ...customKeyStoreOperations,
  'CreateKey',
  'GenerateRandom',
  'ListAliases',
  'ListKeys',
  'ListRetirableGrants',
];
