import { checkEncryptionContextSize } from '../keys/encryption-context';
import type { Key } from '../keys/key';
import { requireAlgorithm } from '../keys/specs';
import type { Call, Operation, Target } from '../operation';
import type { Conditions } from '../policy/policy';
import { readCiphertext, requireMaker, targetInCiphertext } from './ciphertext-target';
import { checkIgnoreCiphertext, ignoresCiphertext, refuseDryRun } from './dry-run';
import { algorithmCondition } from './targets';

const from = 'kms:ReEncryptFrom';
const to = 'kms:ReEncryptTo';

/** The plaintext passes from one token operation to the next in this process and is wiped; it never leaves it. */
export const reEncrypt: Operation<'ReEncrypt'> = {
  name: 'ReEncrypt',
  readOnly: true,
  audited: [
    'SourceKeyId',
    'DestinationKeyId',
    'SourceEncryptionAlgorithm',
    'DestinationEncryptionAlgorithm',
    'SourceEncryptionContext',
    'DestinationEncryptionContext',
    'DryRun',
  ],
  crossAccount: true,
  usesKey: true,
  check(input) {
    checkIgnoreCiphertext(input, { ciphertext: input.CiphertextBlob, keyId: input.SourceKeyId });
    checkEncryptionContextSize(input.SourceEncryptionContext);
    checkEncryptionContextSize(input.DestinationEncryptionContext);
  },
  targets,
  identify({ input, keys }) {
    if (ignoresCiphertext(input)) return;
    requireMaker(input, { named: input.SourceKeyId, key: both(keys).source });
  },
  requires: { usage: 'ENCRYPT_DECRYPT', state: 'cryptographic' },
  verify({ input, keys }) {
    const { source, destination } = both(keys);
    requireAlgorithm(source, input.SourceEncryptionAlgorithm ?? 'SYMMETRIC_DEFAULT');
    requireAlgorithm(destination, input.DestinationEncryptionAlgorithm ?? 'SYMMETRIC_DEFAULT');
  },

  async run({ input, keys, services }) {
    const { source, destination } = both(keys);
    if (ignoresCiphertext(input)) refuseDryRun(input);
    const opened = await services.keyring.decrypt(
      source,
      readCiphertext(input),
      input.SourceEncryptionContext,
    );
    try {
      refuseDryRun(input);
      const sealed = await services.keyring.encrypt(
        destination,
        opened.plaintext,
        input.DestinationEncryptionContext,
      );
      return {
        CiphertextBlob: sealed.blob,
        SourceKeyId: source.arn,
        KeyId: destination.arn,
        SourceEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
        DestinationEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
        SourceKeyMaterialId: opened.keyMaterialId,
        DestinationKeyMaterialId: sealed.keyMaterialId,
      };
    } finally {
      opened.plaintext.fill(0);
    }
  },
  additionalEventData: ({ SourceKeyMaterialId, DestinationKeyMaterialId }) => ({
    SourceKeyMaterialId,
    DestinationKeyMaterialId,
  }),
};

async function targets(call: Call<'ReEncrypt'>): Promise<readonly Target[]> {
  const { input, caller, services } = call;
  const source = await sourceTarget(call);
  const destination = await services.finder.resolve(input.DestinationKeyId, { caller, action: to });
  const onSameKey = String(source.key.keyId === destination.key.keyId);
  const conditions = (algorithm: string | undefined): Conditions => ({
    ...algorithmCondition(algorithm),
    'kms:ReEncryptOnSameKey': onSameKey,
  });
  return [
    { ...source, conditions: conditions(input.SourceEncryptionAlgorithm) },
    {
      ...destination,
      encryptionContext: input.DestinationEncryptionContext,
      conditions: conditions(input.DestinationEncryptionAlgorithm),
    },
  ];
}

async function sourceTarget({ input, caller, services }: Call<'ReEncrypt'>): Promise<Target> {
  const encryptionContext = input.SourceEncryptionContext;
  if (input.SourceKeyId === undefined) {
    const asked = { action: from, encryptionContext };
    return targetInCiphertext(readCiphertext(input), asked, services.finder);
  }
  const found = await services.finder.resolve(input.SourceKeyId, { caller, action: from });
  return { ...found, encryptionContext };
}

function both(keys: readonly Key[]): { source: Key; destination: Key } {
  const [source, destination] = keys;
  if (source === undefined || destination === undefined) throw new Error('ReEncrypt has two keys');
  return { source, destination };
}
