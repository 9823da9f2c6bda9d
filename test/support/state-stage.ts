import { randomBytes } from 'node:crypto';
import {
  ConnectCustomKeyStoreCommand,
  CreateAliasCommand,
  CreateGrantCommand,
  type CreateKeyCommandInput,
  DeleteImportedKeyMaterialCommand,
  DisableKeyCommand,
  DisconnectCustomKeyStoreCommand,
  EncryptCommand,
  GenerateMacCommand,
  type KMSClient,
  type KeyState,
  type OriginType,
  ScheduleKeyDeletionCommand,
  SignCommand,
} from '@aws-sdk/client-kms';
import type { TestDaemon } from './daemon';
import { createExternalKey, ecKey, getParameters, importMaterial, wrap } from './kms-imports';
import { callKem } from './kem-keys';
import { keyStates, originsIn } from './key-states';
import type { KeyStoreStage } from './key-stores';
import { type NewKey, createKey, putIntoState } from './kms';

export type KeyKind =
  'symmetric' | 'signing' | 'mac' | 'agreement' | 'encapsulation' | 'multi-region';

interface Made extends NewKey {
  /** A ciphertext, signature or MAC of the time when it was enabled. */
  readonly made: Uint8Array | undefined;
  /** Its material once more, where it was imported. */
  readonly wrapped: { readonly ImportToken: Uint8Array; readonly EncryptedKeyMaterial: Uint8Array };
}

/** A key in one of the states, with what requests about it name. */
export interface Subject extends Made {
  readonly state: KeyState;
  readonly origin: OriginType;
  readonly accountId: string;
  readonly accountRoot: string;
  /** Two of the key, and one that is to become the key's. */
  readonly aliases: Readonly<Record<'moving' | 'ending' | 'elsewhere', string>>;
  readonly grants: readonly [string, string];
  /** Another key, which is enabled. */
  readonly spare: Made;
}

interface Kind {
  readonly input: CreateKeyCommandInput;
  readonly newMaterial: () => Buffer;
  readonly make?: (kms: KMSClient, KeyId: string) => Promise<Uint8Array | undefined>;
  /** What it is called afterwards, where no operation makes the like. */
  readonly call?: (daemon: TestDaemon, KeyId: string) => Promise<void>;
}

const Message = Buffer.from('a message');
const symmetric: Kind = {
  input: {},
  newMaterial: () => randomBytes(32),
  make: async (kms, KeyId) =>
    (await kms.send(new EncryptCommand({ KeyId, Plaintext: Message }))).CiphertextBlob,
};

const kinds: Readonly<Record<KeyKind, Kind>> = {
  symmetric,
  'multi-region': { ...symmetric, input: { MultiRegion: true } },
  signing: {
    input: { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' },
    newMaterial: () => ecKey('P-256'),
    make: async (kms, KeyId) =>
      (await kms.send(new SignCommand({ KeyId, Message, SigningAlgorithm: 'ECDSA_SHA_256' })))
        .Signature,
  },
  mac: {
    input: { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' },
    newMaterial: () => randomBytes(32),
    make: async (kms, KeyId) =>
      (await kms.send(new GenerateMacCommand({ KeyId, Message, MacAlgorithm: 'HMAC_SHA_256' })))
        .Mac,
  },
  agreement: {
    input: { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' },
    newMaterial: () => ecKey('P-256'),
  },
  encapsulation: { ...symmetric, call: callKem },
};

/** How operations lead there; into the others leads SQL alone. */
const ways: Readonly<
  Partial<Record<KeyState, (kms: KMSClient, KeyId: string) => Promise<unknown>>>
> = {
  Enabled: () => Promise.resolve(),
  Disabled: (kms, KeyId) => kms.send(new DisableKeyCommand({ KeyId })),
  PendingDeletion: (kms, KeyId) => kms.send(new ScheduleKeyDeletionCommand({ KeyId })),
  PendingImport: (kms, KeyId) => kms.send(new DeleteImportedKeyMaterialCommand({ KeyId })),
};

/** A key of the kind for each state and each origin that is possible in it. */
export async function subjectsOf(stage: KeyStoreStage, kind: KeyKind): Promise<Subject[]> {
  const { daemon } = stage;
  const kms = daemon.client();
  const spare = await makeKey(daemon, { kind, origin: 'AWS_KMS' });
  const making = keyStates.flatMap((state) =>
    originsIn[state]
      .filter((origin) => ofStores[origin] === undefined)
      .map(async (origin) => {
        const key = await makeKey(daemon, { kind, origin });
        const furnished = await furnish(daemon, key, spare);
        const way = ways[state] ?? ((_, id) => putIntoState(daemon, id, state));
        await way(kms, key.id);
        await kinds[kind].call?.(daemon, key.id);
        return { ...furnished, state, origin, spare };
      }),
  );
  // No other key is in a custom key store.
  if (kind === 'symmetric') making.push(unavailable(stage, spare));
  return Promise.all(making);
}

/** Origins of keys that are made in a custom key store. */
const ofStores: Readonly<Partial<Record<OriginType, true>>> = { AWS_CLOUDHSM: true };

/** A key whose custom key store was disconnected. */
async function unavailable(stage: KeyStoreStage, spare: Made): Promise<Subject> {
  const { daemon, kms } = stage;
  const CustomKeyStoreId = await stage.create(stage.cloudHsm());
  await kms.send(new ConnectCustomKeyStoreCommand({ CustomKeyStoreId }));
  await stage.isIn(CustomKeyStoreId, 'CONNECTED');
  const origin = 'AWS_CLOUDHSM';
  const key = await createKey(kms, { Origin: origin, CustomKeyStoreId });
  const made = await symmetric.make?.(kms, key.id);
  const furnished = await furnish(daemon, { wrapped: notWrapped, ...key, made }, spare);
  await kms.send(new DisconnectCustomKeyStoreCommand({ CustomKeyStoreId }));
  return { ...furnished, state: 'Unavailable', origin, spare };
}

/** The key is again as it was, after an operation that has changed it. */
export function putBack({ daemon }: KeyStoreStage, { id, state }: Subject): Promise<void> {
  return putIntoState(daemon, id, state === 'Unavailable' ? 'Enabled' : state);
}

async function makeKey(
  daemon: TestDaemon,
  { kind, origin }: { readonly kind: KeyKind; readonly origin: OriginType },
): Promise<Made> {
  const kms = daemon.client();
  const { input, make } = kinds[kind];
  const key = origin === 'EXTERNAL' ? await importedKey(kms, kind) : await createKey(kms, input);
  return { wrapped: notWrapped, ...key, made: await make?.(kms, key.id) };
}

const notWrapped = { ImportToken: Buffer.from('none'), EncryptedKeyMaterial: Buffer.from('none') };

async function importedKey(kms: KMSClient, kind: KeyKind): Promise<NewKey & Pick<Made, 'wrapped'>> {
  const { input, newMaterial } = kinds[kind];
  const key = await createExternalKey(kms, input);
  const parameters = await getParameters(kms, key.id);
  const material = newMaterial();
  await importMaterial(kms, key.id, { material, parameters });
  if (kind === 'symmetric') {
    // Without another one RotateKeyOnDemand has nothing to do.
    const next = { material: newMaterial(), parameters };
    await importMaterial(kms, key.id, { ...next, ImportType: 'NEW_KEY_MATERIAL' });
  }
  const EncryptedKeyMaterial = wrap(material, parameters);
  return { ...key, wrapped: { ImportToken: parameters.importToken, EncryptedKeyMaterial } };
}

async function furnish(
  { client, accountId }: TestDaemon,
  key: Made,
  spare: Made,
): Promise<Omit<Subject, 'state' | 'origin' | 'spare'>> {
  const kms = client();
  const accountRoot = `arn:aws:iam::${accountId}:root`;
  return {
    ...{ ...key, accountRoot, accountId },
    aliases: {
      moving: await alias(kms, `moving-${key.id}`, key),
      ending: await alias(kms, `ending-${key.id}`, key),
      elsewhere: await alias(kms, `elsewhere-${key.id}`, spare),
    },
    grants: [await grant(kms, key.id, accountRoot), await grant(kms, key.id, accountRoot)],
  };
}

async function alias(kms: KMSClient, name: string, { id: TargetKeyId }: NewKey): Promise<string> {
  const AliasName = `alias/${name}`;
  await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId }));
  return AliasName;
}

async function grant(kms: KMSClient, KeyId: string, principal: string): Promise<string> {
  const { GrantId = '' } = await kms.send(
    new CreateGrantCommand({
      ...{ KeyId, GranteePrincipal: principal, RetiringPrincipal: principal },
      Operations: ['DescribeKey'],
    }),
  );
  return GrantId;
}
