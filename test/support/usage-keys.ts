import {
  type CreateKeyCommandInput,
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
import type { KmsOperationName } from '../../src/shapes/kms.generated';
import type { TestDaemon } from './daemon';
import { nominalKemKey } from './kem-keys';
import { type NewKey, createKey, sdkRefusal } from './kms';
import { newPublicKey } from './public-keys';

/** What keys do that neither encrypt nor decrypt. */
export type Usage = 'signing' | 'mac' | 'agreement' | 'encapsulation';

export interface UsageKey extends NewKey {
  readonly keySpec: KeySpec;
  readonly keyUsage: KeyUsageType;
  /** A signature or a MAC of `usageMessage`. */
  readonly made: Uint8Array;
}

interface Answer {
  readonly $metadata: { readonly requestId?: string };
}

export type UsageOperation = Extract<
  KmsOperationName,
  | 'Sign'
  | 'Verify'
  | 'GenerateMac'
  | 'VerifyMac'
  | 'DeriveSharedSecret'
  | 'Encapsulate'
  | 'Decapsulate'
>;

interface UsageRequest {
  readonly usage: Usage;
  readonly send: (
    kms: KMSClient,
    key: Pick<UsageKey, 'id' | 'made'>,
    more?: { readonly DryRun?: boolean },
  ) => Promise<Answer>;
}

export const usageMessage = Buffer.from('a message that is nobody else’s business');
const Message = usageMessage;
const signing = { SigningAlgorithm: 'ECDSA_SHA_256' } as const;
const mac = { MacAlgorithm: 'HMAC_SHA_256' } as const;
const mlKem = { EncapsulationAlgorithm: 'ML_KEM' } as const;

/** A request of each operation with such keys; `id` may be its ARN. */
export const usageRequests: Readonly<Record<UsageOperation, UsageRequest>> = {
  Sign: {
    usage: 'signing',
    send: (kms, { id: KeyId }, more) =>
      kms.send(new SignCommand({ KeyId, Message, ...signing, ...more })),
  },
  Verify: {
    usage: 'signing',
    send: (kms, { id: KeyId, made: Signature }, more) =>
      kms.send(new VerifyCommand({ KeyId, Message, Signature, ...signing, ...more })),
  },
  GenerateMac: {
    usage: 'mac',
    send: (kms, { id: KeyId }, more) =>
      kms.send(new GenerateMacCommand({ KeyId, Message, ...mac, ...more })),
  },
  VerifyMac: {
    usage: 'mac',
    send: (kms, { id: KeyId, made: Mac }, more) =>
      kms.send(new VerifyMacCommand({ KeyId, Message, Mac, ...mac, ...more })),
  },
  DeriveSharedSecret: {
    usage: 'agreement',
    send: (kms, { id: KeyId }, more) => {
      const peer = { PublicKey: newPublicKey('P-256'), KeyAgreementAlgorithm: 'ECDH' } as const;
      return kms.send(new DeriveSharedSecretCommand({ KeyId, ...peer, ...more }));
    },
  },
  Encapsulate: {
    usage: 'encapsulation',
    send: (kms, { id: KeyId }, more) =>
      kms.send(new EncapsulateCommand({ KeyId, ...mlKem, ...more })),
  },
  Decapsulate: {
    usage: 'encapsulation',
    send: (kms, { id: KeyId }, more) => {
      const SharedSecretCiphertextBlob = Buffer.alloc(1088);
      const input = { KeyId, SharedSecretCiphertextBlob, ...mlKem, ...more };
      return kms.send(new DecapsulateCommand(input));
    },
  },
};

export const usageOperations = Object.keys(usageRequests) as UsageOperation[];

/** As far as the token of the tests does it, which has no ML-KEM: that is a dry run. */
export async function use(
  kms: KMSClient,
  operation: UsageOperation,
  key: Pick<UsageKey, 'id' | 'made'>,
): Promise<void> {
  const { usage, send } = usageRequests[operation];
  if (usage === 'encapsulation') await onTrial(send(kms, key, { DryRun: true }));
  else await send(kms, key);
}

export function getPublicKey(kms: KMSClient, { id: KeyId }: Pick<NewKey, 'id'>): Promise<Answer> {
  return kms.send(new GetPublicKeyCommand({ KeyId }));
}

/** A request whose refusal is that it was a dry run. */
export async function onTrial(sending: Promise<unknown>): Promise<void> {
  const { code } = await sdkRefusal(sending);
  if (code !== 'DryRunOperationException') await sending;
}

type Making = (kms: KMSClient, KeyId: string) => Promise<Uint8Array | undefined>;

const usages: Readonly<
  Record<Usage, { readonly spec: KeySpec; readonly usage: KeyUsageType; readonly make?: Making }>
> = {
  signing: {
    ...{ spec: 'ECC_NIST_P256', usage: 'SIGN_VERIFY' },
    make: async (kms, KeyId) =>
      (await kms.send(new SignCommand({ KeyId, Message, ...signing }))).Signature,
  },
  mac: {
    ...{ spec: 'HMAC_256', usage: 'GENERATE_VERIFY_MAC' },
    make: async (kms, KeyId) =>
      (await kms.send(new GenerateMacCommand({ KeyId, Message, ...mac }))).Mac,
  },
  agreement: { spec: 'ECC_NIST_P256', usage: 'KEY_AGREEMENT' },
  encapsulation: { spec: 'ML_KEM_768', usage: 'ENCAPSULATE_DECAPSULATE' },
};

export type UsageKeys = Readonly<Record<Usage, UsageKey>>;

/** A key of the daemon's account for each usage, with what all of them are to have. */
export async function usageKeys(
  daemon: TestDaemon,
  input: CreateKeyCommandInput = {},
): Promise<UsageKeys> {
  const kms = daemon.client();
  const one = async (name: Usage): Promise<UsageKey> => {
    const { spec: keySpec, usage: keyUsage, make } = usages[name];
    const key =
      name === 'encapsulation'
        ? await nominalKemKey(daemon, input)
        : await createKey(kms, { ...input, KeySpec: keySpec, KeyUsage: keyUsage });
    return { ...key, keySpec, keyUsage, made: (await make?.(kms, key.id)) ?? new Uint8Array() };
  };
  return {
    signing: await one('signing'),
    mac: await one('mac'),
    agreement: await one('agreement'),
    encapsulation: await one('encapsulation'),
  };
}
