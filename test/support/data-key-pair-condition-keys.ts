import {
  GenerateDataKeyCommand,
  GenerateDataKeyPairCommand,
  GenerateDataKeyPairWithoutPlaintextCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { type ConditionRow, type ConditionStage, encryptionContext } from './condition-stage';

/** Condition keys of the two operations that make data key pairs (kms-semantics §6.8). */
export function dataKeyPairConditionKeys(stage: () => ConditionStage): readonly ConditionRow[] {
  const pair = () => ({ KeyId: stage().key.id, KeyPairSpec: 'ECC_NIST_P256' }) as const;
  const context = { EncryptionContext: encryptionContext };
  const ways = [
    [
      'kms:GenerateDataKeyPair',
      (kms: KMSClient, more: object = {}) =>
        kms.send(new GenerateDataKeyPairCommand({ ...pair(), ...more })),
    ],
    [
      'kms:GenerateDataKeyPairWithoutPlaintext',
      (kms: KMSClient, more: object = {}) =>
        kms.send(new GenerateDataKeyPairWithoutPlaintextCommand({ ...pair(), ...more })),
    ],
  ] as const;
  return [
    ...ways.flatMap(([action, make]): ConditionRow[] => [
      {
        ...{ key: 'kms:DataKeyPairSpec', action, send: (kms) => make(kms) },
        met: ['StringEquals', 'ECC_NIST_P256', 'RSA_2048'],
      },
      {
        ...{ key: 'kms:EncryptionAlgorithm', action, send: (kms) => make(kms) },
        met: ['StringEquals', 'SYMMETRIC_DEFAULT', 'RSAES_OAEP_SHA_1'],
      },
      {
        ...{ key: 'kms:EncryptionContext:Project', action, send: (kms) => make(kms, context) },
        met: ['StringEquals', 'Zeus', 'zeus'],
      },
      { key: 'kms:EncryptionContextKeys', action, send: (kms) => make(kms) },
    ]),
    {
      ...{ key: 'kms:DataKeyPairSpec', action: 'kms:GenerateDataKey' },
      send: (kms) =>
        kms.send(new GenerateDataKeyCommand({ KeyId: stage().key.id, KeySpec: 'AES_128' })),
    },
  ];
}
