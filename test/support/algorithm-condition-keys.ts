import { hash } from 'node:crypto';
import { type KMSClient, SignCommand, VerifyCommand } from '@aws-sdk/client-kms';
import type { ConditionRow, ConditionStage } from './condition-stage';
import { type UsageOperation, getPublicKey, usageMessage, usageRequests } from './usage-keys';
import { type UsageStages, useStage } from './usage-stages';

/** The same as the message that requests sign and verify, in the other way. */
const digestOfMessage = {
  MessageType: 'DIGEST',
  SigningAlgorithm: 'ECDSA_SHA_256',
  Message: hash('sha256', usageMessage, 'buffer'),
} as const;

/** The rows of operations with keys that sign, compute MACs, agree or encapsulate: each names an algorithm. */
export function algorithmConditionKeys(stages: () => UsageStages): readonly ConditionRow[] {
  const of = (
    operation: UsageOperation,
    key: string,
  ): Pick<ConditionRow, 'key' | 'action' | 'send'> & { stage: () => ConditionStage } => ({
    ...{ key, action: `kms:${operation}` },
    stage: () => stages()[usageRequests[operation].usage].stage,
    send: (kms: KMSClient) => useStage(stages(), operation, kms),
  });
  const signing = () => stages().signing.stage;
  const signDigest = (kms: KMSClient) =>
    kms.send(new SignCommand({ KeyId: signing().key.id, ...digestOfMessage }));
  const verifyDigest = (kms: KMSClient) => {
    const { stage, made: Signature } = stages().signing;
    return kms.send(new VerifyCommand({ KeyId: stage.key.id, Signature, ...digestOfMessage }));
  };
  const ecdsa = ['StringEquals', 'ECDSA_SHA_256', 'ECDSA_SHA_384'] as const;
  const raw = ['StringEquals', 'RAW', 'DIGEST'] as const;
  const digest = ['StringEquals', 'DIGEST', 'RAW'] as const;
  const hmac = ['StringEquals', 'HMAC_SHA_256', 'HMAC_SHA_512'] as const;
  const mlKem = ['StringEquals', 'ML_KEM', 'RSA_KEM'] as const;
  const ecdh = ['StringEquals', 'ECDH', 'SM2'] as const;
  return [
    { ...of('Sign', 'kms:SigningAlgorithm'), met: ecdsa },
    { ...of('Verify', 'kms:SigningAlgorithm'), met: ecdsa },
    // What is not said is the default.
    { ...of('Sign', 'kms:MessageType'), met: raw },
    { ...of('Verify', 'kms:MessageType'), met: raw },
    { ...of('Sign', 'kms:MessageType'), met: digest, send: signDigest },
    { ...of('Verify', 'kms:MessageType'), met: digest, send: verifyDigest },
    of('Sign', 'kms:MacAlgorithm'),
    { ...of('Sign', 'kms:KeyUsage'), met: ['StringEquals', 'SIGN_VERIFY', 'ENCRYPT_DECRYPT'] },
    { ...of('Verify', 'kms:KeySpec'), met: ['StringEquals', 'ECC_NIST_P256', 'RSA_2048'] },
    ...['kms:SigningAlgorithm', 'kms:MessageType'].map((key) => ({
      ...{ key, action: 'kms:GetPublicKey', stage: signing },
      send: (kms: KMSClient) => getPublicKey(kms, signing().key),
    })),
    {
      ...{ key: 'kms:KeySpec', action: 'kms:GetPublicKey', stage: signing },
      met: ['StringEquals', 'ECC_NIST_P256', 'RSA_2048'],
      send: (kms: KMSClient) => getPublicKey(kms, signing().key),
    },
    { ...of('GenerateMac', 'kms:MacAlgorithm'), met: hmac },
    { ...of('VerifyMac', 'kms:MacAlgorithm'), met: hmac },
    of('GenerateMac', 'kms:EncryptionAlgorithm'),
    {
      ...of('GenerateMac', 'kms:KeyUsage'),
      met: ['StringEquals', 'GENERATE_VERIFY_MAC', 'SIGN_VERIFY'],
    },
    { ...of('DeriveSharedSecret', 'kms:KeyAgreementAlgorithm'), met: ecdh },
    of('DeriveSharedSecret', 'kms:MacAlgorithm'),
    {
      ...of('DeriveSharedSecret', 'kms:KeySpec'),
      met: ['StringEquals', 'ECC_NIST_P256', 'ECC_NIST_P384'],
    },
    { ...of('Encapsulate', 'kms:EncapsulationAlgorithm'), met: mlKem },
    { ...of('Decapsulate', 'kms:EncapsulationAlgorithm'), met: mlKem },
  ];
}
