import { invalidMember } from '../errors';
import { findStore } from '../custom-key-stores/stores';
import type { Call, Operation } from '../operation';
import type { GenerateRandomResponse } from '../shapes/kms.generated';
import { checkTexts } from './custom-key-store-rules';
import { inStore, requireConnected } from './keys-in-stores';

export const generateRandom: Operation<'GenerateRandom'> = {
  name: 'GenerateRandom',
  rest: { method: 'POST', path: '/random', summary: 'Gives random bytes of the token.' },
  readOnly: true,
  audited: ['CustomKeyStoreId'],
  secret: 'Plaintext',
  forRecipient: { withheld: [] },
  accountActions: () => [{ action: 'kms:GenerateRandom', resource: '*' }],
  check(input) {
    // Optional in the shape and required all the same (kms-semantics §5.3).
    if (input.NumberOfBytes === undefined) {
      throw invalidMember('NumberOfBytes', 'NumberOfBytes is required.');
    }
    checkTexts({ CustomKeyStoreId: input.CustomKeyStoreId });
  },

  run(call) {
    const { NumberOfBytes: length = 0, CustomKeyStoreId: id } = call.input;
    if (id !== undefined) return randomOfStore(call, id, length);
    return { Plaintext: call.services.token.generateRandom(length) };
  },
};

/** Of the token of a custom key store (kms-semantics §5.3). */
async function randomOfStore(
  call: Call<'GenerateRandom'>,
  id: string,
  length: number,
): Promise<GenerateRandomResponse> {
  const { db, keyTokens } = call.services;
  const store = await findStore(db, id);
  requireConnected(call, { id, store }, 'AWS_CLOUDHSM');
  return inStore(async () => ({
    Plaintext: (await keyTokens.ofStore(id)).generateRandom(length),
  }));
}
