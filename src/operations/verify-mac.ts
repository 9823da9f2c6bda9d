import { timingSafeEqual } from 'node:crypto';
import { KmsError } from '../errors';
import { requireAlgorithm } from '../keys/specs';
import type { Operation } from '../operation';
import { refuseDryRun } from './dry-run';
import { onlyKey, targetByKeyId } from './targets';

export const verifyMac: Operation<'VerifyMac'> = {
  name: 'VerifyMac',
  rest: {
    method: 'POST',
    path: '/keys/{KeyId}/verify-mac',
    summary: 'Verifies the MAC of a message.',
  },
  readOnly: true,
  audited: ['KeyId', 'MacAlgorithm', 'DryRun'],
  crossAccount: true,
  usesKey: true,
  conditions: ({ input }) => ({ 'kms:MacAlgorithm': input.MacAlgorithm }),
  targets: targetByKeyId('kms:VerifyMac'),
  requires: { usage: 'GENERATE_VERIFY_MAC', state: 'cryptographic' },
  verify: ({ input, keys }) => requireAlgorithm(onlyKey(keys), input.MacAlgorithm, 'MacAlgorithm'),

  async run({ input, keys, services }) {
    const key = onlyKey(keys);
    const mac = await services.materialUses.use(key, (material) =>
      services.token.mac(material, input.Message),
    );
    requireEqual(mac, input.Mac);
    refuseDryRun(input);
    return { KeyId: key.arn, MacValid: true, MacAlgorithm: input.MacAlgorithm };
  },
};

/**
 * KMSInvalidMacException for another MAC and for one of another length (kms-semantics §3.6). What the token computed is
 * forgotten: to whoever may verify alone, it would be a forgery.
 */
function requireEqual(mac: Buffer, given: Buffer): void {
  const equal = given.length === mac.length && timingSafeEqual(given, mac);
  mac.fill(0);
  if (!equal) throw new KmsError('KMSInvalidMacException');
}
