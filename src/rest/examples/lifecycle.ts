import type { Examples } from './example';
import {
  arnOf,
  encryptedMaterial,
  importPublicKey,
  importToken,
  importedKeyId,
  importedMaterialId,
  keyArn,
  keyId,
  materialId,
  storeId,
} from './values';

const clusterId = 'cluster-aaaaaaaaaaa';
const storeName = 'Second site';
const storeMadeAt = '2026-11-26T02:00:00.000Z';
const trustAnchor = '-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n';

/** What key material keys have, and where. */
export const lifecycleExamples: Examples = {
  EnableKeyRotation: { input: { KeyId: keyId, RotationPeriodInDays: 180 } },
  GetKeyRotationStatus: {
    input: { KeyId: keyId },
    answer: {
      KeyId: keyId,
      KeyRotationEnabled: true,
      RotationPeriodInDays: 180,
      NextRotationDate: '2027-05-25T02:00:00.000Z',
    },
  },
  DisableKeyRotation: { input: { KeyId: keyId } },
  RotateKeyOnDemand: { input: { KeyId: keyId }, answer: { KeyId: keyArn } },
  ListKeyRotations: {
    input: { KeyId: keyId, IncludeKeyMaterial: 'ROTATIONS_ONLY' },
    answer: {
      Rotations: [
        {
          KeyId: keyId,
          KeyMaterialId: materialId,
          KeyMaterialState: 'CURRENT',
          RotationDate: '2026-11-26T02:30:00.000Z',
          RotationType: 'ON_DEMAND',
        },
      ],
    },
  },
  GetParametersForImport: {
    input: {
      KeyId: importedKeyId,
      WrappingAlgorithm: 'RSAES_OAEP_SHA_256',
      WrappingKeySpec: 'RSA_2048',
    },
    answer: {
      KeyId: arnOf(importedKeyId),
      ImportToken: importToken,
      PublicKey: importPublicKey,
      ParametersValidTo: '2026-11-27T02:00:00.000Z',
    },
  },
  ImportKeyMaterial: {
    input: {
      KeyId: importedKeyId,
      ImportToken: importToken,
      EncryptedKeyMaterial: encryptedMaterial,
      ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
    },
    answer: { KeyId: arnOf(importedKeyId), KeyMaterialId: importedMaterialId },
  },
  DeleteImportedKeyMaterial: {
    input: { KeyId: importedKeyId },
    answer: { KeyId: arnOf(importedKeyId), KeyMaterialId: importedMaterialId },
  },
  CreateCustomKeyStore: {
    input: {
      CustomKeyStoreName: storeName,
      CloudHsmClusterId: clusterId,
      KeyStorePassword: 'kmsPswd',
      TrustAnchorCertificate: trustAnchor,
    },
    answer: { CustomKeyStoreId: storeId },
  },
  DescribeCustomKeyStores: {
    input: { CustomKeyStoreId: storeId },
    answer: {
      CustomKeyStores: [
        {
          CustomKeyStoreId: storeId,
          CustomKeyStoreName: storeName,
          CustomKeyStoreType: 'AWS_CLOUDHSM',
          CloudHsmClusterId: clusterId,
          TrustAnchorCertificate: trustAnchor,
          ConnectionState: 'DISCONNECTED',
          CreationDate: storeMadeAt,
        },
      ],
    },
  },
  ConnectCustomKeyStore: { input: { CustomKeyStoreId: storeId } },
  DisconnectCustomKeyStore: { input: { CustomKeyStoreId: storeId } },
  UpdateCustomKeyStore: {
    input: { CustomKeyStoreId: storeId, NewCustomKeyStoreName: 'Third site' },
  },
  DeleteCustomKeyStore: { input: { CustomKeyStoreId: storeId } },
};
