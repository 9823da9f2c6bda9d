import type { Awaitable } from '../awaitable';
import type { Call, Target } from '../operation';
import { KmsError } from '../errors';
import type { FoundKey } from '../keys/finder';
import type { Key } from '../keys/key';
import { type Signable, messageTypeOf } from '../keys/signing';
import type { Conditions } from '../policy/policy';
import { unusedConditions } from './key-usage';
import type { EncryptionAlgorithmSpec } from '../shapes/kms.generated';
import type { OperationInputs, OperationName } from '../shapes/operations';

/** The operations whose input has a required KeyId. */
type WithKeyId = {
  [N in OperationName]: OperationInputs[N] extends { readonly KeyId: string } ? N : never;
}[OperationName];

type Targets<N extends OperationName> = (call: Call<N>) => Awaitable<readonly Target[]>;

/** KeyId is a key id, key ARN, alias name or alias ARN (kms-semantics §2.2). */
export function targetByKeyId<N extends WithKeyId>(action: string): Targets<N> {
  return async ({ input, caller, services }) => {
    const found = await services.finder.resolve(keyIdOf(input), { caller, action });
    const { key, requestAlias } = found;
    return [{ key, action, requestAlias, encryptionContext: encryptionContextOf(input) }];
  };
}

/**
 * What is found, or its refusal, for the end of `targets`: a key that there is not is refused in the order in which one that
 * there is would be, or whoever may do nothing else of the request would learn from that which keys others have.
 */
export async function foundOrRefused(
  find: () => Awaitable<FoundKey>,
): Promise<FoundKey | KmsError> {
  try {
    return await find();
  } catch (thrown) {
    if (thrown instanceof KmsError) return thrown;
    throw thrown;
  }
}

/** KeyId is a key id or key ARN; an alias is refused. */
export function targetByKeyOnly<N extends WithKeyId>(action: string): Targets<N> {
  return async ({ input, caller, services }) => [
    await services.finder.resolveKeyOnly(keyIdOf(input), { caller, action }),
  ];
}

/** KeyId is a key id or key ARN, and policies may ask for how long the key was not used. */
export function targetWithDaysUnused<N extends WithKeyId>(action: string): Targets<N> {
  return async (call) => {
    const { input, caller, services } = call;
    const found = await services.finder.resolveKeyOnly(keyIdOf(input), { caller, action });
    return [{ ...found, conditions: await unusedConditions(call, found.key) }];
  };
}

/** kms:EncryptionAlgorithm is the effective one, the default included (kms-semantics §6.8). */
export function algorithmCondition(given: EncryptionAlgorithmSpec | undefined): Conditions {
  return { 'kms:EncryptionAlgorithm': effectiveAlgorithm(given) };
}

/** What a request that names no algorithm asks for. */
export function effectiveAlgorithm(
  given: EncryptionAlgorithmSpec | undefined,
): EncryptionAlgorithmSpec {
  return given ?? 'SYMMETRIC_DEFAULT';
}

/** kms:SigningAlgorithm, and kms:MessageType with its default filled in (kms-semantics §6.8). */
export function signingConditions(input: Signable): Conditions {
  return {
    'kms:SigningAlgorithm': input.SigningAlgorithm,
    'kms:MessageType': messageTypeOf(input),
  };
}

/** The key of an operation that has just one. */
export function onlyKey(keys: readonly Key[]): Key {
  const [key] = keys;
  if (key === undefined) throw new Error('the operation resolved no key');
  return key;
}

function encryptionContextOf(input: {
  readonly KeyId: string;
  readonly EncryptionContext?: Readonly<Record<string, string>>;
}): Readonly<Record<string, string>> | undefined {
  return input.EncryptionContext;
}

function keyIdOf(input: { readonly KeyId: string }): string {
  return input.KeyId;
}
