import {
  DecapsulateCommand,
  DeriveSharedSecretCommand,
  EncapsulateCommand,
  GenerateMacCommand,
  type KMSClient,
  VerifyMacCommand,
} from '@aws-sdk/client-kms';
import type { ConditionRow, ConditionStage } from './condition-stage';
import { nominalKemKey } from './kem-keys';
import { createKey, sdkRefusal } from './kms';
import { newPublicKey } from './public-keys';

const Message = Buffer.from('a message');
const HMAC_SHA_256 = { MacAlgorithm: 'HMAC_SHA_256' } as const;
const ML_KEM = { EncapsulationAlgorithm: 'ML_KEM' } as const;

/** A stage for each kind of key, and a MAC. */
export interface AlgorithmStages {
  readonly mac: ConditionStage;
  readonly Mac: Uint8Array;
  readonly agreement: ConditionStage;
  readonly kem: ConditionStage;
}

export async function algorithmStages(stage: ConditionStage): Promise<AlgorithmStages> {
  const { root, daemon } = stage;
  const mac = await createKey(root, { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' });
  const agreement = await createKey(root, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' });
  const { Mac = new Uint8Array() } = await root.send(
    new GenerateMacCommand({ KeyId: mac.id, Message, ...HMAC_SHA_256 }),
  );
  const kem = await nominalKemKey(daemon);
  return { mac: stage.on(mac), Mac, agreement: stage.on(agreement), kem: stage.on(kem) };
}

/** The rows of operations with keys of one algorithm, which they name. */
export function algorithmConditionKeys(stages: () => AlgorithmStages): readonly ConditionRow[] {
  const mac = () => stages().mac;
  const agreement = () => stages().agreement;
  const kem = () => stages().kem;
  const generateMac = (kms: KMSClient) =>
    kms.send(new GenerateMacCommand({ KeyId: mac().key.id, Message, ...HMAC_SHA_256 }));
  const verifyMac = (kms: KMSClient) =>
    kms.send(
      new VerifyMacCommand({ KeyId: mac().key.id, Message, Mac: stages().Mac, ...HMAC_SHA_256 }),
    );
  const derive = (kms: KMSClient) =>
    kms.send(
      new DeriveSharedSecretCommand({
        ...{ KeyId: agreement().key.id, PublicKey: newPublicKey('P-256') },
        KeyAgreementAlgorithm: 'ECDH',
      }),
    );
  const encapsulate = (kms: KMSClient) =>
    onTrial(kms.send(new EncapsulateCommand({ KeyId: kem().key.id, ...ML_KEM, DryRun: true })));
  const decapsulate = (kms: KMSClient) =>
    onTrial(
      kms.send(
        new DecapsulateCommand({
          ...{ KeyId: kem().key.id, ...ML_KEM, DryRun: true },
          SharedSecretCiphertextBlob: Buffer.alloc(1088),
        }),
      ),
    );
  const hmac = ['StringEquals', 'HMAC_SHA_256', 'HMAC_SHA_512'] as const;
  const mlKem = ['StringEquals', 'ML_KEM', 'RSA_KEM'] as const;
  return [
    {
      ...{ key: 'kms:MacAlgorithm', action: 'kms:GenerateMac', stage: mac },
      ...{ met: hmac, send: generateMac },
    },
    {
      ...{ key: 'kms:MacAlgorithm', action: 'kms:VerifyMac', stage: mac },
      ...{ met: hmac, send: verifyMac },
    },
    {
      ...{ key: 'kms:KeyUsage', action: 'kms:GenerateMac', stage: mac, send: generateMac },
      met: ['StringEquals', 'GENERATE_VERIFY_MAC', 'SIGN_VERIFY'],
    },
    {
      ...{ key: 'kms:EncryptionAlgorithm', action: 'kms:GenerateMac', stage: mac },
      send: generateMac,
    },
    {
      ...{ key: 'kms:KeyAgreementAlgorithm', action: 'kms:DeriveSharedSecret', stage: agreement },
      ...{ met: ['StringEquals', 'ECDH', 'SM2'], send: derive },
    },
    {
      ...{ key: 'kms:KeySpec', action: 'kms:DeriveSharedSecret', stage: agreement, send: derive },
      met: ['StringEquals', 'ECC_NIST_P256', 'ECC_NIST_P384'],
    },
    {
      ...{ key: 'kms:MacAlgorithm', action: 'kms:DeriveSharedSecret', stage: agreement },
      send: derive,
    },
    {
      ...{ key: 'kms:EncapsulationAlgorithm', action: 'kms:Encapsulate', stage: kem },
      ...{ met: mlKem, send: encapsulate },
    },
    {
      ...{ key: 'kms:EncapsulationAlgorithm', action: 'kms:Decapsulate', stage: kem },
      ...{ met: mlKem, send: decapsulate },
    },
  ];
}

/** A request whose refusal is that it was a dry run. */
export async function onTrial(sending: Promise<unknown>): Promise<void> {
  const { code } = await sdkRefusal(sending);
  if (code !== 'DryRunOperationException') await sending;
}
