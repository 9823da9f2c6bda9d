import type { Token } from '../../hsm';
import { requireUsable } from '../../src/checks';
import type { Key } from '../../src/keys/key';
import { MaterialUses } from '../../src/keys/material-use';
import type { Operation, Services, TargetedCall } from '../../src/operation';
import type { OperationInputs, OperationName, OperationOutputs } from '../../src/shapes';
import { accountId, callFacts, rootOf } from './sample-keys';

/** Runs an operation that reads or uses a key as the corridor does after the caller was authorized, with this token. */
export async function perform<N extends OperationName>(
  operation: Operation<N>,
  given: {
    readonly key: Key;
    readonly input: Omit<OperationInputs[N], 'KeyId'>;
    readonly token: Partial<Token>;
  },
): Promise<OperationOutputs[N]> {
  const { key, input, token } = given;
  const materialUses = new MaterialUses({ reread: () => Promise.resolve(undefined) });
  const call = {
    ...{ ...callFacts, caller: rootOf(accountId), keys: [key] },
    input: { ...input, KeyId: key.keyId },
    services: { token, materialUses } as unknown as Services,
  } as unknown as TargetedCall<N>;
  operation.check?.(call.input);
  requireUsable(operation, call);
  if (!('run' in operation)) throw new Error(`${operation.name} changes something`);
  return operation.run(call);
}
