import type { Operation } from '../operation';
import type { OperationName } from '../shapes/operations';
import { cancelKeyDeletion } from './cancel-key-deletion';
import { clavigerOperations } from './claviger';
import { connectCustomKeyStore } from './connect-custom-key-store';
import { createAlias } from './create-alias';
import { createCustomKeyStore } from './create-custom-key-store';
import { createGrant } from './create-grant';
import { createKey } from './create-key';
import { decapsulate } from './decapsulate';
import { decrypt } from './decrypt';
import { deleteAlias } from './delete-alias';
import { deleteCustomKeyStore } from './delete-custom-key-store';
import { deleteImportedKeyMaterial } from './delete-imported-key-material';
import { deriveSharedSecret } from './derive-shared-secret';
import { describeCustomKeyStores } from './describe-custom-key-stores';
import { describeKey } from './describe-key';
import { disableKey } from './disable-key';
import { disableKeyRotation } from './disable-key-rotation';
import { disconnectCustomKeyStore } from './disconnect-custom-key-store';
import { enableKey } from './enable-key';
import { enableKeyRotation } from './enable-key-rotation';
import { encapsulate } from './encapsulate';
import { encrypt } from './encrypt';
import { generateDataKey } from './generate-data-key';
import { generateDataKeyPair } from './generate-data-key-pair';
import { generateDataKeyPairWithoutPlaintext } from './generate-data-key-pair-without-plaintext';
import { generateDataKeyWithoutPlaintext } from './generate-data-key-without-plaintext';
import { generateMac } from './generate-mac';
import { generateRandom } from './generate-random';
import { getKeyLastUsage } from './get-key-last-usage';
import { getKeyPolicy } from './get-key-policy';
import { getParametersForImport } from './get-parameters-for-import';
import { getPublicKey } from './get-public-key';
import { getKeyRotationStatus } from './get-key-rotation-status';
import { iamOperations } from './iam';
import { importKeyMaterial } from './import-key-material';
import { listAliases } from './list-aliases';
import { listGrants } from './list-grants';
import { listKeyPolicies } from './list-key-policies';
import { listKeyRotations } from './list-key-rotations';
import { listKeys } from './list-keys';
import { listResourceTags } from './list-resource-tags';
import { listRetirableGrants } from './list-retirable-grants';
import { putKeyPolicy } from './put-key-policy';
import { reEncrypt } from './re-encrypt';
import { retireGrant } from './retire-grant';
import { revokeGrant } from './revoke-grant';
import { rotateKeyOnDemand } from './rotate-key-on-demand';
import { scheduleKeyDeletion } from './schedule-key-deletion';
import { sign } from './sign';
import { stsOperations } from './sts';
import { tagResource } from './tag-resource';
import { untagResource } from './untag-resource';
import { updateAlias } from './update-alias';
import { updateCustomKeyStore } from './update-custom-key-store';
import { updateKeyDescription } from './update-key-description';
import { verify } from './verify';
import { verifyMac } from './verify-mac';

/** Every operation that is served: the attack surface, written by hand. */
export const operations: { readonly [N in OperationName]?: Operation<N> } = {
  CancelKeyDeletion: cancelKeyDeletion,
  ConnectCustomKeyStore: connectCustomKeyStore,
  CreateAlias: createAlias,
  CreateCustomKeyStore: createCustomKeyStore,
  CreateGrant: createGrant,
  CreateKey: createKey,
  Decapsulate: decapsulate,
  Decrypt: decrypt,
  DeleteAlias: deleteAlias,
  DeleteCustomKeyStore: deleteCustomKeyStore,
  DeleteImportedKeyMaterial: deleteImportedKeyMaterial,
  DeriveSharedSecret: deriveSharedSecret,
  DescribeCustomKeyStores: describeCustomKeyStores,
  DescribeKey: describeKey,
  DisableKey: disableKey,
  DisableKeyRotation: disableKeyRotation,
  DisconnectCustomKeyStore: disconnectCustomKeyStore,
  EnableKey: enableKey,
  EnableKeyRotation: enableKeyRotation,
  Encapsulate: encapsulate,
  Encrypt: encrypt,
  GenerateDataKey: generateDataKey,
  GenerateDataKeyPair: generateDataKeyPair,
  GenerateDataKeyPairWithoutPlaintext: generateDataKeyPairWithoutPlaintext,
  GenerateDataKeyWithoutPlaintext: generateDataKeyWithoutPlaintext,
  GenerateMac: generateMac,
  GenerateRandom: generateRandom,
  GetKeyLastUsage: getKeyLastUsage,
  GetKeyPolicy: getKeyPolicy,
  GetParametersForImport: getParametersForImport,
  GetPublicKey: getPublicKey,
  ImportKeyMaterial: importKeyMaterial,
  GetKeyRotationStatus: getKeyRotationStatus,
  ListAliases: listAliases,
  ListGrants: listGrants,
  ListKeyPolicies: listKeyPolicies,
  ListKeyRotations: listKeyRotations,
  ListKeys: listKeys,
  ListResourceTags: listResourceTags,
  ListRetirableGrants: listRetirableGrants,
  PutKeyPolicy: putKeyPolicy,
  ReEncrypt: reEncrypt,
  RetireGrant: retireGrant,
  RevokeGrant: revokeGrant,
  RotateKeyOnDemand: rotateKeyOnDemand,
  ScheduleKeyDeletion: scheduleKeyDeletion,
  Sign: sign,
  TagResource: tagResource,
  UntagResource: untagResource,
  UpdateAlias: updateAlias,
  UpdateCustomKeyStore: updateCustomKeyStore,
  UpdateKeyDescription: updateKeyDescription,
  Verify: verify,
  VerifyMac: verifyMac,
  ...clavigerOperations,
  ...iamOperations,
  ...stsOperations,
};
