import { KmsError, invalidMember } from '../errors';
import type { Alias } from '../keys/aliases';
import { callerConditions } from '../keys/conditions';
import { type Place, aliasArn, namesAlias } from '../keys/identifiers';
import type { Key } from '../keys/key';
import type { AccountAction, Call } from '../operation';

type AliasOperation = 'CreateAlias' | 'UpdateAlias' | 'DeleteAlias';

/** The rules of an alias name beyond its shape (kms-semantics §13.1). */
export function checkAliasName({ AliasName: name }: { readonly AliasName: string }): void {
  if (!name.startsWith('alias/')) {
    throw invalidMember(
      'AliasName',
      'Alias must start with the prefix "alias/". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html',
    );
  }
  if (name === 'alias/') throw invalidMember('AliasName', 'Alias name must not be empty.');
  // Names under alias/aws belong to AWS, whatever follows.
  if (name.startsWith('alias/aws')) throw new KmsError('NotAuthorizedException');
}

/** The alias half of the authorization; the key half is a target (kms-semantics §6.10). */
export function aliasAction<N extends AliasOperation>(
  operation: N,
): (call: Call<N>) => readonly AccountAction[] {
  return ({ input, caller, services }) => [
    {
      action: `kms:${operation}`,
      resource: aliasArn(services.place, caller.accountId, nameOf(input)),
      conditions: callerConditions(caller, services.place.region),
    },
  ];
}

export function aliasNotFound(place: Place, accountId: string, aliasName: string): KmsError {
  return new KmsError(
    'NotFoundException',
    `Alias ${aliasArn(place, accountId, aliasName)} is not found.`,
  );
}

/** TargetKeyId is a key; an alias there has a text of its own (kms-semantics §2.2). */
export function checkAliasTarget({ TargetKeyId: target }: { readonly TargetKeyId: string }): void {
  if (namesAlias(target)) {
    throw invalidMember('TargetKeyId', 'Aliases must refer to keys. Not aliases');
  }
}

/**
 * The caller was authorized for the key that the alias had then, and holds its lock, without which nobody moves the
 * alias. If it was moved before that, the error is one that clients repeat.
 */
export function requireUnmoved(alias: Alias, authorized: Key): void {
  if (alias.keyId !== authorized.keyId) {
    throw new KmsError('KMSInternalException', 'The alias changed meanwhile. Retry the request.');
  }
}

function nameOf(input: { readonly AliasName: string }): string {
  return input.AliasName;
}
