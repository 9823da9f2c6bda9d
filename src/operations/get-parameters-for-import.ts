import { chooseWrapping, requireWrappable } from '../keys/import-wrapping';
import type { Operation } from '../operation';
import { requireOrigin } from './rotation-rules';
import { onlyKey, targetByKeyOnly } from './targets';

/** Makes a key pair in the token, which no other request finds: CloudTrail and the corridor have it as a read. */
export const getParametersForImport: Operation<'GetParametersForImport'> = {
  name: 'GetParametersForImport',
  rest: {
    method: 'POST',
    path: '/keys/{KeyId}/import-parameters',
    summary: 'Gives the public key and the token with which key material is brought.',
  },
  readOnly: true,
  audited: ['KeyId', 'WrappingAlgorithm', 'WrappingKeySpec'],
  check: (input) => void chooseWrapping(input),
  conditions: ({ input }) => ({
    'kms:WrappingAlgorithm': input.WrappingAlgorithm,
    'kms:WrappingKeySpec': input.WrappingKeySpec,
  }),
  targets: targetByKeyOnly('kms:GetParametersForImport'),
  requires: { state: 'importable' },
  verify({ input, keys }) {
    const key = onlyKey(keys);
    requireOrigin(key, ['EXTERNAL']);
    requireWrappable(key, chooseWrapping(input));
  },

  async run({ input, keys, services }) {
    const key = onlyKey(keys);
    const made = await services.importParameters.make(key, chooseWrapping(input));
    return {
      KeyId: key.arn,
      ImportToken: made.importToken,
      PublicKey: made.publicKey,
      ParametersValidTo: made.validTo,
    };
  },
};
