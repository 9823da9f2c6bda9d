import { KmsError } from '../../errors';
import { problemOf } from '../problems';
import type { Examples } from './example';
import {
  agreementKeyId,
  arnOf,
  ciphertext,
  ciphertextAnew,
  dataKey,
  encapsulationKeyId,
  encryptedDataKey,
  encryptedDataKeyOnly,
  encryptedPrivateKey,
  encryptionContext,
  keyArn,
  keyId,
  mac,
  macKeyId,
  materialId,
  otherPublicKey,
  plaintext,
  privateKey,
  randomBytes,
  sharedSecret,
  signature,
  signingKeyId,
} from './values';

/** The request id of a Decrypt that fails. */
const withoutContext = '9d1f6b8e-3c5a-4e27-8b90-1a2c3d4e5f60';
const signed = { KeyId: signingKeyId, Message: plaintext, SigningAlgorithm: 'ECDSA_SHA_256' };
const authenticated = { KeyId: macKeyId, Message: plaintext, MacAlgorithm: 'HMAC_SHA_256' };
/** An ML-KEM-768 ciphertext has 1,088 bytes. */
const encapsulated = Buffer.alloc(1088, 'ciphertext of a shared secret ').toString('base64');

export const cryptographyExamples: Examples = {
  Encrypt: {
    input: { KeyId: keyId, Plaintext: plaintext, EncryptionContext: encryptionContext },
    answer: {
      CiphertextBlob: ciphertext,
      KeyId: keyArn,
      EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
    },
  },
  Decrypt: {
    input: { KeyId: keyId, CiphertextBlob: ciphertext, EncryptionContext: encryptionContext },
    answer: {
      KeyId: keyArn,
      Plaintext: plaintext,
      EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      KeyMaterialId: materialId,
    },
  },
  ReEncrypt: {
    input: {
      DestinationKeyId: keyId,
      CiphertextBlob: ciphertext,
      SourceEncryptionContext: encryptionContext,
      DestinationEncryptionContext: { invoice: '4711', copy: 'archive' },
    },
    answer: {
      CiphertextBlob: ciphertextAnew,
      SourceKeyId: keyArn,
      KeyId: keyArn,
      SourceEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      DestinationEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      SourceKeyMaterialId: materialId,
      DestinationKeyMaterialId: materialId,
    },
  },
  Batch: {
    input: {
      Entries: [
        {
          Operation: 'Decrypt',
          Input: { CiphertextBlob: ciphertext, EncryptionContext: encryptionContext },
        },
        { Operation: 'Decrypt', Input: { CiphertextBlob: ciphertext } },
      ],
    },
    answer: {
      Results: [
        {
          ...{ Status: 200, RequestId: '4f0c2a51-6d0b-4c38-9a55-2c9f1e7f3b10' },
          Output: {
            KeyId: keyArn,
            Plaintext: plaintext,
            EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
            KeyMaterialId: materialId,
          },
        },
        {
          ...{ Status: 422, RequestId: withoutContext },
          Problem: problemOf(new KmsError('InvalidCiphertextException'), withoutContext),
        },
      ],
      Failed: 1,
    },
  },
  GenerateDataKey: {
    input: { KeyId: keyId, KeySpec: 'AES_256', EncryptionContext: encryptionContext },
    answer: {
      CiphertextBlob: encryptedDataKey,
      Plaintext: dataKey,
      KeyId: keyArn,
      KeyMaterialId: materialId,
    },
  },
  GenerateDataKeyWithoutPlaintext: {
    input: { KeyId: keyId, KeySpec: 'AES_256', EncryptionContext: encryptionContext },
    answer: { CiphertextBlob: encryptedDataKeyOnly, KeyId: keyArn, KeyMaterialId: materialId },
  },
  GenerateDataKeyPair: {
    input: { KeyId: keyId, KeyPairSpec: 'ECC_NIST_P256' },
    answer: {
      PrivateKeyCiphertextBlob: encryptedPrivateKey,
      PrivateKeyPlaintext: privateKey,
      PublicKey: otherPublicKey,
      KeyId: keyArn,
      KeyPairSpec: 'ECC_NIST_P256',
      KeyMaterialId: materialId,
    },
  },
  GenerateDataKeyPairWithoutPlaintext: {
    input: { KeyId: keyId, KeyPairSpec: 'ECC_NIST_P256' },
    answer: {
      PrivateKeyCiphertextBlob: encryptedPrivateKey,
      PublicKey: otherPublicKey,
      KeyId: keyArn,
      KeyPairSpec: 'ECC_NIST_P256',
      KeyMaterialId: materialId,
    },
  },
  GenerateRandom: { input: { NumberOfBytes: 32 }, answer: { Plaintext: randomBytes } },
  Sign: {
    input: signed,
    answer: {
      KeyId: arnOf(signingKeyId),
      Signature: signature,
      SigningAlgorithm: 'ECDSA_SHA_256',
    },
  },
  Verify: {
    input: { ...signed, Signature: signature },
    answer: {
      KeyId: arnOf(signingKeyId),
      SignatureValid: true,
      SigningAlgorithm: 'ECDSA_SHA_256',
    },
  },
  GenerateMac: {
    input: authenticated,
    answer: { Mac: mac, MacAlgorithm: 'HMAC_SHA_256', KeyId: arnOf(macKeyId) },
  },
  VerifyMac: {
    input: { ...authenticated, Mac: mac },
    answer: { KeyId: arnOf(macKeyId), MacValid: true, MacAlgorithm: 'HMAC_SHA_256' },
  },
  DeriveSharedSecret: {
    input: { KeyId: agreementKeyId, KeyAgreementAlgorithm: 'ECDH', PublicKey: otherPublicKey },
    answer: {
      KeyId: arnOf(agreementKeyId),
      SharedSecret: sharedSecret,
      KeyAgreementAlgorithm: 'ECDH',
      KeyOrigin: 'AWS_KMS',
    },
  },
  Encapsulate: {
    input: { KeyId: encapsulationKeyId, EncapsulationAlgorithm: 'ML_KEM' },
    answer: {
      KeyId: arnOf(encapsulationKeyId),
      EncapsulationAlgorithm: 'ML_KEM',
      SharedSecret: sharedSecret,
      SharedSecretCiphertextBlob: encapsulated,
    },
  },
  Decapsulate: {
    input: {
      KeyId: encapsulationKeyId,
      EncapsulationAlgorithm: 'ML_KEM',
      SharedSecretCiphertextBlob: encapsulated,
    },
    answer: {
      KeyId: arnOf(encapsulationKeyId),
      EncapsulationAlgorithm: 'ML_KEM',
      SharedSecret: sharedSecret,
    },
  },
};
