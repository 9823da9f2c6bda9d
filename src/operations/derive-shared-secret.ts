import { peerPoint } from '../keys/peer-point';
import { requireAlgorithm } from '../keys/specs';
import type { Operation } from '../operation';
import { refuseDryRun } from './dry-run';
import { onlyKey, targetByKeyId } from './targets';

export const deriveSharedSecret: Operation<'DeriveSharedSecret'> = {
  name: 'DeriveSharedSecret',
  rest: {
    method: 'POST',
    path: '/keys/{KeyId}/derive-shared-secret',
    summary: 'Agrees on a secret with the owner of another key pair (ECDH).',
  },
  readOnly: true,
  audited: ['KeyId', 'KeyAgreementAlgorithm', 'DryRun'],
  secret: 'SharedSecret',
  forRecipient: { withheld: [] },
  crossAccount: true,
  usesKey: true,
  conditions: ({ input }) => ({ 'kms:KeyAgreementAlgorithm': input.KeyAgreementAlgorithm }),
  targets: targetByKeyId('kms:DeriveSharedSecret'),
  requires: { usage: 'KEY_AGREEMENT', state: 'cryptographic' },
  verify: ({ input, keys }) =>
    requireAlgorithm(onlyKey(keys), input.KeyAgreementAlgorithm, 'KeyAgreementAlgorithm'),

  async run({ input, keys, services }) {
    const key = onlyKey(keys);
    const peer = peerPoint(key.keySpec, input.PublicKey);
    refuseDryRun(input);
    const sharedSecret = await services.materialUses.use(key, (material) =>
      services.token.agree(material, peer),
    );
    return {
      KeyId: key.arn,
      SharedSecret: sharedSecret,
      KeyAgreementAlgorithm: input.KeyAgreementAlgorithm,
      KeyOrigin: key.origin,
    };
  },
};
