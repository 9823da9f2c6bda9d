import { KmsError } from '../errors';
import { requireEncryptionWith } from '../keys/encryption';
import { checkEncryptionContextSize } from '../keys/encryption-context';
import type { Key } from '../keys/key';
import type { Call, Operation, Target } from '../operation';
import type { Conditions } from '../policy/policy';
import type {
  EncryptionAlgorithmSpec,
  ReEncryptRequest,
  ReEncryptResponse,
} from '../shapes/kms.generated';
import { requireBlob, requireMaker, targetInCiphertext } from './ciphertext-target';
import { checkIgnoreCiphertext, ignoresCiphertext, refuseDryRun } from './dry-run';
import { keyUse } from './key-use';
import { algorithmCondition, effectiveAlgorithm, foundOrRefused } from './targets';

const from = 'kms:ReEncryptFrom';
const to = 'kms:ReEncryptTo';

/** The plaintext passes from one token operation to the next in this process and is wiped; it never leaves it. */
export const reEncrypt: Operation<'ReEncrypt'> = {
  name: 'ReEncrypt',
  rest: {
    method: 'POST',
    path: '/keys/{DestinationKeyId}/re-encrypt',
    entries: true,
    summary:
      'Encrypts under this key what another one, or key material of its own before a rotation, has encrypted.',
  },
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
  auditedDefaults: {
    SourceEncryptionAlgorithm: effectiveAlgorithm(undefined),
    DestinationEncryptionAlgorithm: effectiveAlgorithm(undefined),
  },
  crossAccount: true,
  usesKey: true,
  check(input) {
    const { CiphertextBlob: ciphertext, SourceKeyId: keyId } = input;
    checkIgnoreCiphertext(input, { ciphertext, keyId }, 'SourceKeyId');
    checkEncryptionContextSize(input.SourceEncryptionContext, 'SourceEncryptionContext');
    checkEncryptionContextSize(input.DestinationEncryptionContext, 'DestinationEncryptionContext');
  },
  targets,
  identify({ input, keys }) {
    if (ignoresCiphertext(input)) return;
    const { CiphertextBlob: blob, SourceKeyId: named } = input;
    requireMaker({ blob, algorithm: algorithmsOf(input).from, named }, both(keys).source);
  },
  requires: { usage: 'ENCRYPT_DECRYPT', state: 'cryptographic' },
  verify({ input, keys }) {
    const { source, destination } = both(keys);
    const algorithm = algorithmsOf(input);
    requireEncryptionWith(source, algorithm.from, input.SourceEncryptionContext, 'Source');
    requireEncryptionWith(
      destination,
      algorithm.to,
      input.DestinationEncryptionContext,
      'Destination',
    );
  },

  async run(call) {
    const { input, keys } = call;
    const { encryption } = call.services;
    const { source, destination } = both(keys);
    if (ignoresCiphertext(input)) refuseDryRun(input);
    const algorithm = algorithmsOf(input);
    const sealing = encryption.by(algorithm.to);
    const blob = requireBlob(input.CiphertextBlob);
    const opening = keyUse('ReEncrypt', call, input.SourceEncryptionContext);
    const opened = await encryption.by(algorithm.from).decrypt(source, blob, opening);
    const { plaintext } = opened;
    try {
      sealing.requireFits(destination, plaintext.length, 'CiphertextBlob');
      refuseDryRun(input);
      const use = keyUse('ReEncrypt', call, input.DestinationEncryptionContext);
      const sealed = await sealing.encrypt(destination, plaintext, use);
      const answer: ReEncryptResponse = {
        CiphertextBlob: sealed.blob,
        SourceKeyId: source.arn,
        KeyId: destination.arn,
        SourceEncryptionAlgorithm: algorithm.from,
        DestinationEncryptionAlgorithm: algorithm.to,
      };
      if (opened.keyMaterialId !== undefined) answer.SourceKeyMaterialId = opened.keyMaterialId;
      if (sealed.keyMaterialId !== undefined) {
        answer.DestinationKeyMaterialId = sealed.keyMaterialId;
      }
      return answer;
    } finally {
      plaintext.fill(0);
    }
  },
  additionalEventData({ SourceKeyMaterialId, DestinationKeyMaterialId }, keys) {
    const { source, destination } = both(keys);
    return {
      SourceKeyMaterialId,
      DestinationKeyMaterialId,
      SourceCustomKeyStoreId: source.customKeyStore?.id,
      SourceXksKeyId: source.xksKeyId,
      DestinationCustomKeyStoreId: destination.customKeyStore?.id,
      DestinationXksKeyId: destination.xksKeyId,
    };
  },
};

async function targets(call: Call<'ReEncrypt'>): Promise<readonly (Target | KmsError)[]> {
  const { input, caller, services } = call;
  const source = await sourceTarget(call);
  const destination = await foundOrRefused(() =>
    services.finder.resolve(input.DestinationKeyId, {
      ...{ caller, action: to, member: 'DestinationKeyId' },
    }),
  );
  const isFound = !(destination instanceof KmsError);
  const onSameKey = String(isFound && source.key.keyId === destination.key.keyId);
  const conditions = (algorithm: EncryptionAlgorithmSpec | undefined): Conditions => ({
    ...algorithmCondition(algorithm),
    'kms:ReEncryptOnSameKey': onSameKey,
  });
  const decrypting = { ...source, conditions: conditions(input.SourceEncryptionAlgorithm) };
  if (!isFound) return [decrypting, destination];
  const encrypting = {
    ...destination,
    encryptionContext: input.DestinationEncryptionContext,
    conditions: conditions(input.DestinationEncryptionAlgorithm),
  };
  return [decrypting, encrypting];
}

async function sourceTarget({ input, caller, services }: Call<'ReEncrypt'>): Promise<Target> {
  const encryptionContext = input.SourceEncryptionContext;
  if (input.SourceKeyId === undefined) {
    const asked = { action: from, encryptionContext };
    return targetInCiphertext(input.CiphertextBlob, asked, services.finder);
  }
  const found = await services.finder.resolve(input.SourceKeyId, {
    caller,
    action: from,
    member: 'SourceKeyId',
  });
  return { ...found, encryptionContext };
}

function both(keys: readonly Key[]): { source: Key; destination: Key } {
  const [source, destination] = keys;
  if (source === undefined || destination === undefined) throw new Error('ReEncrypt has two keys');
  return { source, destination };
}

function algorithmsOf(
  input: ReEncryptRequest,
): Readonly<Record<'from' | 'to', EncryptionAlgorithmSpec>> {
  return {
    from: effectiveAlgorithm(input.SourceEncryptionAlgorithm),
    to: effectiveAlgorithm(input.DestinationEncryptionAlgorithm),
  };
}
