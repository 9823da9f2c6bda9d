import { schemaName } from './schemas';

/** Members of answers that are always there, by structure: AWS's model does not say. */
const always: Readonly<Record<string, readonly string[]>> = {
  AliasListEntry: ['AliasArn', 'AliasName'],
  ApiToken: ['TokenId', 'PrincipalArn', 'CreationDate', 'ExpirationDate'],
  CancelKeyDeletionResponse: ['KeyId'],
  CreateApiTokenResponse: ['Token', 'ApiToken'],
  CreateCustomKeyStoreResponse: ['CustomKeyStoreId'],
  CreateGrantResponse: ['GrantId', 'GrantToken'],
  CreateKeyResponse: ['KeyMetadata'],
  CustomKeyStoresListEntry: [
    ...['ConnectionState', 'CreationDate', 'CustomKeyStoreId', 'CustomKeyStoreName'],
    'CustomKeyStoreType',
  ],
  DecapsulateResponse: ['EncapsulationAlgorithm', 'KeyId', 'SharedSecret'],
  DecryptResponse: ['EncryptionAlgorithm', 'KeyId'],
  DeleteImportedKeyMaterialResponse: ['KeyId'],
  DeriveSharedSecretResponse: ['KeyAgreementAlgorithm', 'KeyId', 'KeyOrigin'],
  DescribeCustomKeyStoresResponse: ['CustomKeyStores'],
  DescribeKeyResponse: ['KeyMetadata'],
  EncapsulateResponse: [
    ...['EncapsulationAlgorithm', 'KeyId', 'SharedSecret', 'SharedSecretCiphertextBlob'],
  ],
  EncryptResponse: ['CiphertextBlob', 'EncryptionAlgorithm', 'KeyId'],
  GenerateDataKeyPairResponse: ['KeyId', 'KeyPairSpec', 'PrivateKeyCiphertextBlob', 'PublicKey'],
  GenerateDataKeyPairWithoutPlaintextResponse: [
    ...['KeyId', 'KeyPairSpec', 'PrivateKeyCiphertextBlob', 'PublicKey'],
  ],
  GenerateDataKeyResponse: ['CiphertextBlob', 'KeyId'],
  GenerateDataKeyWithoutPlaintextResponse: ['CiphertextBlob', 'KeyId'],
  GenerateMacResponse: ['KeyId', 'Mac', 'MacAlgorithm'],
  GetKeyLastUsageResponse: ['KeyCreationDate', 'KeyId', 'TrackingStartDate'],
  GetKeyPolicyResponse: ['Policy', 'PolicyName'],
  GetKeyRotationStatusResponse: ['KeyId', 'KeyRotationEnabled'],
  GetParametersForImportResponse: ['ImportToken', 'KeyId', 'ParametersValidTo', 'PublicKey'],
  GetPublicKeyResponse: ['CustomerMasterKeySpec', 'KeyId', 'KeySpec', 'KeyUsage', 'PublicKey'],
  GrantListEntry: ['CreationDate', 'GrantId', 'IssuingAccount', 'KeyId', 'Operations'],
  ImportKeyMaterialResponse: ['KeyId', 'KeyMaterialId'],
  KeyLastUsageData: ['KmsRequestId', 'Operation', 'Timestamp'],
  KeyListEntry: ['KeyArn', 'KeyId'],
  KeyMetadata: [
    ...['AWSAccountId', 'Arn', 'CreationDate', 'CustomerMasterKeySpec', 'Description', 'Enabled'],
    ...['KeyId', 'KeyManager', 'KeySpec', 'KeyState', 'KeyUsage', 'MultiRegion', 'Origin'],
  ],
  ListAliasesResponse: ['Aliases'],
  ListApiTokensResponse: ['ApiTokens'],
  ListGrantsResponse: ['Grants'],
  ListKeyPoliciesResponse: ['PolicyNames'],
  ListKeyRotationsResponse: ['Rotations'],
  ListKeysResponse: ['Keys'],
  ListResourceTagsResponse: ['Tags'],
  ReEncryptResponse: [
    ...['CiphertextBlob', 'DestinationEncryptionAlgorithm', 'KeyId'],
    ...['SourceEncryptionAlgorithm', 'SourceKeyId'],
  ],
  RotateKeyOnDemandResponse: ['KeyId'],
  RotationsListEntry: ['KeyId'],
  ScheduleKeyDeletionResponse: ['DeletionDate', 'KeyId', 'KeyState', 'PendingWindowInDays'],
  SignResponse: ['KeyId', 'Signature', 'SigningAlgorithm'],
  Tag: ['TagKey', 'TagValue'],
  VerifyMacResponse: ['KeyId', 'MacAlgorithm', 'MacValid'],
  VerifyResponse: ['KeyId', 'SignatureValid', 'SigningAlgorithm'],
  XksKeyConfigurationType: ['Id'],
  XksProxyConfigurationType: ['AccessKeyId', 'Connectivity', 'UriEndpoint', 'UriPath'],
};

/** Which of the members an answer always has. */
export function answered(shape: string, members: readonly string[]): readonly string[] {
  return (always[schemaName(shape)] ?? []).filter((member) => members.includes(member));
}
