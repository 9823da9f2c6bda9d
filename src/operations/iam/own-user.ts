import { type EntityName } from '../../iam/arns';
import { KmsError } from '../../errors';
import type { AccountAction } from '../../operation';
import type { Principal } from '../../policy/principal';
import { type AnyCall, entityAction } from './entity-action';

type OwnCall = AnyCall & { readonly input: { readonly UserName?: string } };

/**
 * The user that the request names, or else the one who calls. Undefined is the account's root, when it calls for
 * itself. Throws ValidationException when the caller is no user and names none.
 */
export function namedOrOwnUser({
  caller,
  input,
}: Pick<OwnCall, 'caller' | 'input'>): EntityName | undefined {
  const name = input.UserName ?? ownName(caller);
  return name === undefined ? undefined : { accountId: caller.accountId, kind: 'user', name };
}

/** `accountActions` of an operation whose UserName may be left out. */
export function onOwnUser(
  action: `iam:${string}`,
): (call: OwnCall) => Promise<readonly AccountAction[]> {
  return async (call) => {
    const entity = namedOrOwnUser(call);
    if (entity === undefined) return [{ action, resource: call.caller.arn }];
    return [await entityAction(call, { action, entity })];
  };
}

function ownName(caller: Principal): string | undefined {
  if (caller.kind === 'root') return undefined;
  if (caller.kind === 'user' && caller.userName !== undefined) return caller.userName;
  throw new KmsError(
    'ValidationException',
    'Must specify userName when calling with non-User credentials',
  );
}
