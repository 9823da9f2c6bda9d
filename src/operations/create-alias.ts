import { KmsError } from '../errors';
import { aliasCacheKey } from '../keys/aliases';
import { aliasArn } from '../keys/identifiers';
import { requireRoom } from '../keys/limits';
import type { Operation } from '../operation';
import { aliasAction, checkAliasName, checkAliasTarget } from './alias-name';
import { foundOrRefused, onlyKey } from './targets';

const action = 'kms:CreateAlias';

export const createAlias: Operation<'CreateAlias'> = {
  name: 'CreateAlias',
  rest: {
    method: 'POST',
    path: '/aliases',
    location: '/aliases/{AliasName}',
    idempotencyKey: true,
    summary: 'Gives a key a name of its own.',
  },
  readOnly: false,
  audited: ['AliasName', 'TargetKeyId'],
  check(input) {
    checkAliasName(input);
    checkAliasTarget(input);
  },
  accountActions: aliasAction('CreateAlias'),
  targets: async ({ input, caller, services }) => [
    await foundOrRefused(() =>
      services.finder.resolveKeyOnly(input.TargetKeyId, { caller, action, member: 'TargetKeyId' }),
    ),
  ],
  requires: { state: 'notPendingDeletion' },

  async write({ input, caller, keys, services }, { transaction }) {
    const { keyId } = onlyKey(keys);
    const { accountId } = caller;
    const aliasName = input.AliasName;
    const before = await services.aliases.count(transaction, keyId);
    if (!(await services.aliases.insert(transaction, { accountId, aliasName, keyId }))) {
      throw new KmsError(
        'AlreadyExistsException',
        `An alias with the name ${aliasArn(services.place, accountId, aliasName)} already exists`,
      );
    }
    requireRoom(services.limits, 'aliasesPerKey', before);
    transaction.announce({ topic: 'alias', id: aliasCacheKey(accountId, aliasName) });
    transaction.announce({ topic: 'key-labels', id: keyId });
    return {};
  },
};
