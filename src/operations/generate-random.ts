import { KmsError } from '../errors';
import type { Operation } from '../operation';
import { refuseMembers } from './unsupported';

export const generateRandom: Operation<'GenerateRandom'> = {
  name: 'GenerateRandom',
  readOnly: true,
  audited: [],
  secret: 'Plaintext',
  forRecipient: { withheld: [] },
  accountActions: () => [{ action: 'kms:GenerateRandom', resource: '*' }],
  check(input) {
    // Optional in the shape and required all the same (kms-semantics §5.3).
    if (input.NumberOfBytes === undefined) {
      throw new KmsError('ValidationException', 'NumberOfBytes is required.');
    }
    refuseMembers(input, ['CustomKeyStoreId']);
  },

  run: ({ input, services }) => ({
    Plaintext: services.token.generateRandom(input.NumberOfBytes ?? 0),
  }),
};
