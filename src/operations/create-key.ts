import { refusedMember } from '../errors';
import { checkDescription } from '../keys/description';
import { callerConditions, requestTagConditions, specConditions } from '../keys/conditions';
import { type Key, keyMetadata } from '../keys/key';
import { materialKind } from '../keys/material-use';
import { countNewKey, requireKeyRoom } from '../keys/key-count';
import { chooseSpec, requireServed } from '../keys/specs';
import { checkTags } from '../keys/tags';
import type { Change, Operation, Services } from '../operation';
import { defaultKeyPolicy } from '../policy/compile';
import { holdStoreOf, requireRoomInStore } from './create-key-in-store';
import { acceptKeyPolicy, requireNoLockout } from './key-policy';
import { checkStoreMembers, inStore } from './keys-in-stores';

export const createKey: Operation<'CreateKey'> = {
  name: 'CreateKey',
  rest: {
    method: 'POST',
    path: '/keys',
    location: '/keys/{KeyMetadata.KeyId}',
    idempotencyKey: true,
    summary: 'Makes a key in the token.',
  },
  readOnly: false,
  audited: [
    'Description',
    'Origin',
    'BypassPolicyLockoutSafetyCheck',
    'CustomerMasterKeySpec',
    'KeySpec',
    'KeyUsage',
    'Policy',
    'Tags',
    'MultiRegion',
    'CustomKeyStoreId',
    'XksKeyId',
  ],
  unannounced: 'nothing is kept of a key before it is there',
  check(input) {
    requireServed(chooseSpec(input).keySpec, input.Origin ?? 'AWS_KMS');
    checkStoreMembers(input);
    if (input.MultiRegion === true) {
      throw refusedMember(
        'UnsupportedOperationException',
        'MultiRegion',
        'MultiRegion keys are not supported.',
      );
    }
    checkDescription(input);
    checkTags(input.Tags ?? []);
  },
  conditions: ({ input, caller, services }) => ({
    ...specConditions(chooseSpec(input)),
    ...requestTagConditions(input.Tags),
    'kms:KeyOrigin': input.Origin ?? 'AWS_KMS',
    'kms:MultiRegion': String(input.MultiRegion ?? false),
    ...callerConditions(caller, services.place.region),
    'kms:BypassPolicyLockoutSafetyCheck': input.BypassPolicyLockoutSafetyCheck?.toString(),
  }),
  accountActions: ({ input }) => [
    { action: 'kms:CreateKey', resource: '*' },
    ...(input.Tags === undefined ? [] : [{ action: 'kms:TagResource', resource: '*' }]),
  ],

  async prepare(call) {
    const { input, caller, services } = call;
    const { db, token, materials, limits } = services;
    const { accountId } = caller;
    const spec = chooseSpec(input);
    // Of a key whose material comes later, too: nobody should bring what could not be used.
    await token.requireKind(materialKind(spec));
    if (input.Origin === 'EXTERNAL') return undefined;
    await requireKeyRoom(db, { accountId, limits });
    await requireRoomInStore(call);
    return { key: await materials.prepare({ ...spec, accountId }) };
  },

  async write(call, change) {
    const { input, caller, services } = call;
    const keyId = services.newKeyId();
    const { place, limits } = services;
    const { accountId } = caller;
    const policy =
      input.Policy === undefined
        ? defaultKeyPolicy(place, accountId)
        : await acceptKeyPolicy(change.transaction, { text: input.Policy, place, limits });
    const store = await holdStoreOf(call, change.transaction);
    await requireKeyRoom(change.transaction, { accountId, limits });
    const key = await services.keys.insert(change.transaction, {
      keyId,
      accountId,
      description: input.Description ?? '',
      ...chooseSpec(input),
      origin: input.Origin ?? 'AWS_KMS',
      ...store,
      policy,
      tags: input.Tags ?? [],
    });
    // What refuses the row costs the token nothing.
    if (input.Policy !== undefined) requireNoLockout(call, key);
    change.made(key);
    const made = await withMaterial(services, change, key);
    // Last: while the token works, others make their keys too.
    await countNewKey(change.transaction, { accountId, limits });
    return { KeyMetadata: keyMetadata(made) };
  },

  responseElements: (_call, output) => ({ KeyMetadata: output.KeyMetadata }),
};

/** The owner of an EXTERNAL key brings its material later. */
async function withMaterial({ materials }: Services, change: Change, key: Key): Promise<Key> {
  if (key.origin === 'EXTERNAL') return key;
  const { transaction, undo, prepared } = change;
  const making = { undo, prepared: prepared?.key };
  if (key.origin !== 'AWS_CLOUDHSM') return materials.create(transaction, key, making);
  const made = await inStore(() => materials.create(transaction, key, making));
  // As CloudTrail has it (kms-semantics §16.4).
  change.note({ BackingKey: JSON.stringify({ backingKeyId: made.currentMaterial?.id }) });
  return made;
}
