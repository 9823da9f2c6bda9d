import { KmsError } from '../errors';
import { specMembers } from '../keys/key';
import { publicKeyOf } from '../keys/public-key';
import { tokenObjectOf } from '../keys/specs';
import { requireState } from '../keys/states';
import type { Operation } from '../operation';
import { onlyKey, targetByKeyId } from './targets';

export const getPublicKey: Operation<'GetPublicKey'> = {
  name: 'GetPublicKey',
  rest: {
    method: 'GET',
    path: '/keys/{KeyId}/public-key',
    summary: 'Gives the public key of an asymmetric key.',
  },
  readOnly: true,
  audited: ['KeyId'],
  crossAccount: true,
  targets: targetByKeyId('kms:GetPublicKey'),
  requires: { state: 'publicKey' },
  // Symmetric and HMAC keys after their state (kms-semantics §0).
  verify({ keys, services }) {
    if (!services.publicKeyOfDisabled) requireState(onlyKey(keys), 'cryptographic');
    if (tokenObjectOf(onlyKey(keys).keySpec) !== 'key-pair') {
      throw new KmsError('UnsupportedOperationException');
    }
  },

  run({ keys }) {
    const key = onlyKey(keys);
    return { KeyId: key.arn, PublicKey: publicKeyOf(key), ...specMembers(key) };
  },
};
