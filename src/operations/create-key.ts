import { KmsError } from '../errors';
import { checkDescription } from '../keys/description';
import { keyArn } from '../keys/identifiers';
import { type Key, keyMetadata } from '../keys/key';
import { chooseSpec, requireServed } from '../keys/specs';
import { checkTags } from '../keys/tags';
import type { Change, Operation, TargetedCall } from '../operation';
import { type KeyPolicy, compileKeyPolicy, defaultKeyPolicy } from '../policy/document';
import { requirePrincipals } from '../policy/principals';
import { refuseMembers } from './unsupported';

export const createKey: Operation<'CreateKey'> = {
  name: 'CreateKey',
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
  check(input) {
    requireServed(chooseSpec(input).keySpec);
    refuseMembers(input, ['CustomKeyStoreId', 'XksKeyId']);
    const origin = input.Origin ?? 'AWS_KMS';
    if (origin !== 'AWS_KMS') {
      throw new KmsError('UnsupportedOperationException', `Origin ${origin} is not supported.`);
    }
    if (input.MultiRegion === true) {
      throw new KmsError('UnsupportedOperationException', 'MultiRegion keys are not supported.');
    }
    checkDescription(input);
    checkTags(input.Tags ?? []);
  },
  accountActions: ({ input }) => [
    { action: 'kms:CreateKey', resource: '*' },
    ...(input.Tags === undefined ? [] : [{ action: 'kms:TagResource', resource: '*' }]),
  ],

  async write(call, change) {
    const { input, caller, services } = call;
    const keyId = services.newKeyId();
    const policy = await acceptPolicy(
      call,
      change,
      keyArn(services.place, caller.accountId, keyId),
    );
    const tokenSerial = services.token.status().serial;
    const materialId = services.token.generateRandom(32).toString('hex');
    const key = await services.keys.insert(change.transaction, {
      keyId,
      accountId: caller.accountId,
      description: input.Description ?? '',
      ...chooseSpec(input),
      policy: policy.text,
      materialId,
      tokenSerial,
      tags: input.Tags ?? [],
    });
    change.made(key);
    await services.keys.lockToken(change.transaction, tokenSerial);
    change.undo(() => services.token.destroyKey(materialId));
    await services.token.generateAesKey(materialId, `claviger:key:${keyId}`);
    return { KeyMetadata: keyMetadata(key) };
  },

  responseElements: (_call, output) => ({ KeyMetadata: output.KeyMetadata }),
};

/** Compiles the policy that the key is to have and refuses one that locks its maker out (kms-semantics §6.2). */
async function acceptPolicy(
  { input, caller, services }: TargetedCall<'CreateKey'>,
  { transaction }: Change,
  arn: Key['arn'],
): Promise<KeyPolicy> {
  const { place } = services;
  if (input.Policy === undefined) {
    return compileKeyPolicy(defaultKeyPolicy(place, caller.accountId), place, arn);
  }
  const policy = compileKeyPolicy(input.Policy, place, arn);
  await requirePrincipals(transaction, policy.principals);
  const keepsAccess = policy.decide(caller, 'kms:PutKeyPolicy') === 'allow';
  if (!keepsAccess && input.BypassPolicyLockoutSafetyCheck !== true) {
    throw new KmsError(
      'MalformedPolicyDocumentException',
      'The new key policy will not allow you to update the key policy in the future.',
    );
  }
  return policy;
}
