import type { KMSClient } from '@aws-sdk/client-kms';
import type { ConditionRow, ConditionStage } from './condition-stage';
import { type UsageOperation, usageRequests } from './usage-keys';
import { type UsageStages, useStage } from './usage-stages';

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
  const hmac = ['StringEquals', 'HMAC_SHA_256', 'HMAC_SHA_512'] as const;
  const mlKem = ['StringEquals', 'ML_KEM', 'RSA_KEM'] as const;
  const ecdh = ['StringEquals', 'ECDH', 'SM2'] as const;
  return [
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
