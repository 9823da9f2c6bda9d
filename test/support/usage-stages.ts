import {
  CreateAliasCommand,
  DecapsulateCommand,
  DeriveSharedSecretCommand,
  EncapsulateCommand,
  GenerateMacCommand,
  GetPublicKeyCommand,
  type KMSClient,
  type KeySpec,
  type KeyUsageType,
  SignCommand,
  VerifyCommand,
  VerifyMacCommand,
} from '@aws-sdk/client-kms';
import type { OperationName } from '../../src/shapes/operations';
import type { ConditionStage } from './condition-stage';
import { nominalKemKey } from './kem-keys';
import { createKey, sdkRefusal } from './kms';
import { newPublicKey } from './public-keys';

/** A stage with a key that neither encrypts nor decrypts. */
export interface UsageStage {
  readonly stage: ConditionStage;
  readonly keySpec: KeySpec;
  readonly keyUsage: KeyUsageType;
  /** A MAC or a signature of `message`. */
  readonly made: Uint8Array;
}

export type Usage = 'signing' | 'mac' | 'agreement' | 'encapsulation';
export type UsageStages = Readonly<Record<Usage, UsageStage>>;

interface UsageRequest {
  readonly usage: Usage;
  readonly send: (
    kms: KMSClient,
    key: { readonly id: string; readonly made: Uint8Array },
  ) => Promise<unknown>;
}

const message = Buffer.from('a message');
const signing = { SigningAlgorithm: 'ECDSA_SHA_256' } as const;
const mac = { MacAlgorithm: 'HMAC_SHA_256' } as const;
const mlKem = { EncapsulationAlgorithm: 'ML_KEM' } as const;

/** A request of each operation with such keys. No token of the tests has ML-KEM: those requests are dry runs. */
export const usageRequests = {
  GetPublicKey: {
    usage: 'signing',
    send: (kms, { id: KeyId }) => kms.send(new GetPublicKeyCommand({ KeyId })),
  },
  Sign: {
    usage: 'signing',
    send: (kms, { id: KeyId }) =>
      kms.send(new SignCommand({ KeyId, Message: message, ...signing })),
  },
  Verify: {
    usage: 'signing',
    send: (kms, { id: KeyId, made: Signature }) =>
      kms.send(new VerifyCommand({ KeyId, Message: message, Signature, ...signing })),
  },
  GenerateMac: {
    usage: 'mac',
    send: (kms, { id: KeyId }) =>
      kms.send(new GenerateMacCommand({ KeyId, Message: message, ...mac })),
  },
  VerifyMac: {
    usage: 'mac',
    send: (kms, { id: KeyId, made: Mac }) =>
      kms.send(new VerifyMacCommand({ KeyId, Message: message, Mac, ...mac })),
  },
  DeriveSharedSecret: {
    usage: 'agreement',
    send: (kms, { id: KeyId }) => {
      const peer = { PublicKey: newPublicKey('P-256'), KeyAgreementAlgorithm: 'ECDH' } as const;
      return kms.send(new DeriveSharedSecretCommand({ KeyId, ...peer }));
    },
  },
  Encapsulate: {
    usage: 'encapsulation',
    send: (kms, { id: KeyId }) =>
      onTrial(kms.send(new EncapsulateCommand({ KeyId, ...mlKem, DryRun: true }))),
  },
  Decapsulate: {
    usage: 'encapsulation',
    send: (kms, { id: KeyId }) => {
      const SharedSecretCiphertextBlob = Buffer.alloc(1088);
      const input = { KeyId, SharedSecretCiphertextBlob, ...mlKem, DryRun: true };
      return onTrial(kms.send(new DecapsulateCommand(input)));
    },
  },
} as const satisfies Partial<Record<OperationName, UsageRequest>>;

/** A key for each, with the tag and the alias of `labels`. */
export async function usageStages(stage: ConditionStage): Promise<UsageStages> {
  const { root, daemon } = stage;
  const open = async (
    usage: Usage,
    spec: { readonly KeySpec: KeySpec; readonly KeyUsage: KeyUsageType },
  ): Promise<UsageStage> => {
    const Tags = [{ TagKey: 'Team', TagValue: 'blue' }];
    const key = await (usage === 'encapsulation'
      ? nominalKemKey(daemon, { Tags })
      : createKey(root, { ...spec, Tags }));
    const AliasName = `alias/${usage}`;
    await root.send(new CreateAliasCommand({ AliasName, TargetKeyId: key.id }));
    const made = await makers[usage]?.(root, key.id);
    return {
      ...{ stage: stage.on(key), keySpec: spec.KeySpec, keyUsage: spec.KeyUsage },
      made: made ?? new Uint8Array(),
    };
  };
  return {
    signing: await open('signing', { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' }),
    mac: await open('mac', { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' }),
    agreement: await open('agreement', { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' }),
    encapsulation: await open('encapsulation', {
      ...{ KeySpec: 'ML_KEM_768', KeyUsage: 'ENCAPSULATE_DECAPSULATE' },
    }),
  };
}

const makers: Readonly<
  Partial<Record<Usage, (kms: KMSClient, KeyId: string) => Promise<Uint8Array | undefined>>>
> = {
  signing: async (kms, KeyId) =>
    (await kms.send(new SignCommand({ KeyId, Message: message, ...signing }))).Signature,
  mac: async (kms, KeyId) =>
    (await kms.send(new GenerateMacCommand({ KeyId, Message: message, ...mac }))).Mac,
};

/** Sends a request of the operation to the stage that has the key for it. */
export function sendTo(
  stages: UsageStages,
  operation: keyof typeof usageRequests,
): (kms: KMSClient) => Promise<unknown> {
  const { usage, send } = usageRequests[operation];
  const { stage, made } = stages[usage];
  return (kms) => send(kms, { id: stage.key.id, made });
}

/** A request whose refusal is that it was a dry run. */
export async function onTrial(sending: Promise<unknown>): Promise<void> {
  const { code } = await sdkRefusal(sending);
  if (code !== 'DryRunOperationException') await sending;
}
