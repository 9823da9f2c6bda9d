import type { Examples } from './example';
import {
  accountId,
  arnOf,
  keyArn,
  keyId,
  madeAt,
  materialId,
  publicKey,
  signingKeyId,
} from './values';

const description = 'Data keys of the invoices';
const deletedAt = '2026-12-26T02:00:00.000Z';
const useId = '8e4b7f3a-5c21-4d0e-9a76-2f1b3c4d5e6f';

const metadata = {
  AWSAccountId: accountId,
  KeyId: keyId,
  Arn: keyArn,
  CreationDate: madeAt,
  Enabled: true,
  Description: description,
  KeyState: 'Enabled',
  Origin: 'AWS_KMS',
  KeyManager: 'CUSTOMER',
  MultiRegion: false,
  KeyUsage: 'ENCRYPT_DECRYPT',
  KeySpec: 'SYMMETRIC_DEFAULT',
  CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT',
  EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
  CurrentKeyMaterialId: materialId,
};

export const keyExamples: Examples = {
  CreateKey: {
    input: { Description: description, Tags: [{ TagKey: 'team', TagValue: 'billing' }] },
    answer: { KeyMetadata: metadata },
  },
  ListKeys: {
    input: { limit: 100 },
    answer: { Keys: [{ KeyId: keyId, KeyArn: keyArn }] },
  },
  DescribeKey: { input: { KeyId: keyId }, answer: { KeyMetadata: metadata } },
  UpdateKeyDescription: { input: { KeyId: keyId, Description: 'Data keys of all invoices' } },
  EnableKey: { input: { KeyId: keyId } },
  DisableKey: { input: { KeyId: keyId } },
  ScheduleKeyDeletion: {
    input: { KeyId: keyId, PendingWindowInDays: 30 },
    answer: {
      KeyId: keyArn,
      DeletionDate: deletedAt,
      KeyState: 'PendingDeletion',
      PendingWindowInDays: 30,
    },
  },
  CancelKeyDeletion: { input: { KeyId: keyId }, answer: { KeyId: keyArn } },
  GetKeyLastUsage: {
    input: { KeyId: keyId },
    answer: {
      KeyId: keyId,
      KeyCreationDate: madeAt,
      TrackingStartDate: madeAt,
      KeyLastUsage: {
        Operation: 'Encrypt',
        Timestamp: '2026-11-26T02:14:07.251Z',
        CloudTrailEventId: useId,
        KmsRequestId: '0d990263-018e-4e65-a703-eff731de951e',
      },
    },
  },
  GetPublicKey: {
    input: { KeyId: signingKeyId },
    answer: {
      KeyId: arnOf(signingKeyId),
      PublicKey: publicKey,
      CustomerMasterKeySpec: 'ECC_NIST_P256',
      KeySpec: 'ECC_NIST_P256',
      KeyUsage: 'SIGN_VERIFY',
      SigningAlgorithms: ['ECDSA_SHA_256'],
    },
  },
};
