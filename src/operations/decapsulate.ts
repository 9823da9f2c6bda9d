import { KmsError } from '../errors';
import { requireAlgorithm } from '../keys/specs';
import type { Operation } from '../operation';
import type { KeySpec } from '../shapes/kms.generated';
import { refuseDryRun } from './dry-run';
import { onlyKey, targetByKeyId } from './targets';

/** Bytes of an encapsulated secret (FIPS 203 §8, table 3). */
const ciphertextBytes: Readonly<Partial<Record<KeySpec, number>>> = {
  ML_KEM_512: 768,
  ML_KEM_768: 1088,
  ML_KEM_1024: 1568,
};

export const decapsulate: Operation<'Decapsulate'> = {
  name: 'Decapsulate',
  rest: {
    method: 'POST',
    path: '/keys/{KeyId}/decapsulate',
    summary: 'Gets a shared secret back from its ciphertext.',
  },
  readOnly: true,
  audited: ['KeyId', 'EncapsulationAlgorithm', 'DryRun'],
  secret: 'SharedSecret',
  crossAccount: true,
  usesKey: true,
  conditions: ({ input }) => ({ 'kms:EncapsulationAlgorithm': input.EncapsulationAlgorithm }),
  targets: targetByKeyId('kms:Decapsulate'),
  requires: { usage: 'ENCAPSULATE_DECAPSULATE', state: 'cryptographic' },
  verify: ({ input, keys }) =>
    requireAlgorithm(onlyKey(keys), input.EncapsulationAlgorithm, 'EncapsulationAlgorithm'),

  async run({ input, keys, services }) {
    const key = onlyKey(keys);
    const ciphertext = input.SharedSecretCiphertextBlob;
    // All else is a secret: another one where the ciphertext was altered or is another key's (FIPS 203 §6.3).
    if (ciphertext.length !== ciphertextBytes[key.keySpec]) {
      throw new KmsError('InvalidCiphertextException');
    }
    refuseDryRun(input);
    const sharedSecret = await services.materialUses.use(key, (material) =>
      services.token.decapsulate(material, ciphertext),
    );
    return {
      KeyId: key.arn,
      SharedSecret: sharedSecret,
      EncapsulationAlgorithm: input.EncapsulationAlgorithm,
    };
  },
};
