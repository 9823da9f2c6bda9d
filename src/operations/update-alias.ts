import { type KmsError, invalidMember } from '../errors';
import { aliasCacheKey } from '../keys/aliases';
import type { Key } from '../keys/key';
import { requireRoom } from '../keys/limits';
import { requireState } from '../keys/states';
import type { Call, Operation, Target } from '../operation';
import {
  aliasAction,
  aliasNotFound,
  checkAliasName,
  checkAliasTarget,
  requireUnmoved,
} from './alias-name';
import { foundOrRefused } from './targets';

const action = 'kms:UpdateAlias';

export const updateAlias: Operation<'UpdateAlias'> = {
  name: 'UpdateAlias',
  rest: { method: 'PUT', path: '/aliases/{AliasName}', summary: 'Has an alias name another key.' },
  readOnly: false,
  audited: ['AliasName', 'TargetKeyId'],
  check(input) {
    checkAliasName(input);
    checkAliasTarget(input);
  },
  accountActions: aliasAction('UpdateAlias'),
  targets,
  requires: { state: 'any' },
  verify({ input, keys }) {
    const { current, next } = both(keys);
    requireState(next, 'notPendingDeletion');
    if (current.keyUsage !== next.keyUsage) {
      throw invalidMember(
        'TargetKeyId',
        `Alias ${input.AliasName} cannot be changed from a CMK with key usage ${current.keyUsage} to a CMK with key usage ${next.keyUsage}. The key usage of the current CMK and the new CMK must be the same.`,
      );
    }
  },

  async write({ input, caller, keys, services }, { transaction }) {
    const { current, next } = both(keys);
    const { accountId } = caller;
    const aliasName = input.AliasName;
    const alias = await services.aliases.find(transaction, accountId, aliasName);
    if (alias === undefined) throw aliasNotFound(services.place, accountId, aliasName);
    requireUnmoved(alias, current);
    if (current.keyId !== next.keyId) {
      const already = await services.aliases.count(transaction, next.keyId);
      requireRoom(services.limits, 'aliasesPerKey', already);
    }
    await services.aliases.retarget(transaction, { accountId, aliasName, keyId: next.keyId });
    transaction.announce({ topic: 'alias', id: aliasCacheKey(accountId, aliasName) });
    for (const { keyId } of new Set([current, next])) {
      transaction.announce({ topic: 'key-labels', id: keyId });
    }
    return {};
  },
};

/** The alias's key as it is and as it is to be; the caller needs both (kms-semantics §6.10). */
async function targets({
  input,
  caller,
  services,
}: Call<'UpdateAlias'>): Promise<readonly (Target | KmsError)[]> {
  const current = await services.finder.resolve(input.AliasName, { caller, action });
  const next = await foundOrRefused(() =>
    services.finder.resolveKeyOnly(input.TargetKeyId, { caller, action, member: 'TargetKeyId' }),
  );
  return [{ key: current.key, action }, next];
}

function both(keys: readonly Key[]): { current: Key; next: Key } {
  const [current, next] = keys;
  if (current === undefined || next === undefined) throw new Error('UpdateAlias has two keys');
  return { current, next };
}
