import { requireAlgorithm } from '../keys/specs';
import type { Operation } from '../operation';
import { refuseDryRun } from './dry-run';
import { onlyKey, targetByKeyId } from './targets';

export const generateMac: Operation<'GenerateMac'> = {
  name: 'GenerateMac',
  rest: {
    method: 'POST',
    path: '/keys/{KeyId}/generate-mac',
    summary: 'Computes the MAC of a message (HMAC).',
  },
  readOnly: true,
  audited: ['KeyId', 'MacAlgorithm', 'DryRun'],
  // Keys are derived by MACs.
  secret: 'Mac',
  crossAccount: true,
  usesKey: true,
  conditions: ({ input }) => ({ 'kms:MacAlgorithm': input.MacAlgorithm }),
  targets: targetByKeyId('kms:GenerateMac'),
  requires: { usage: 'GENERATE_VERIFY_MAC', state: 'cryptographic' },
  verify: ({ input, keys }) => requireAlgorithm(onlyKey(keys), input.MacAlgorithm, 'MacAlgorithm'),

  async run({ input, keys, services }) {
    const key = onlyKey(keys);
    refuseDryRun(input);
    const mac = await services.materialUses.use(key, (material) =>
      services.token.mac(material, input.Message),
    );
    return { Mac: mac, MacAlgorithm: input.MacAlgorithm, KeyId: key.arn };
  },
};
