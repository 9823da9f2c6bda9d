import { aliasArn } from '../keys/identifiers';
import type { Call, Operation } from '../operation';
import { hiddenKey } from '../policy/authorize';
import { pageSize, paginate } from './pagination';

const action = 'kms:ListAliases';

export const listAliases: Operation<'ListAliases'> = {
  name: 'ListAliases',
  rest: { method: 'GET', path: '/aliases', summary: 'Lists aliases, of all keys or of one.' },
  readOnly: true,
  audited: ['KeyId', 'Limit', 'Marker'],
  accountActions: () => [{ action, resource: '*' }],

  async run(call) {
    const { input, caller, services } = call;
    const { accountId } = caller;
    const keyId = await filter(call);
    const page = await paginate({
      scope: `ListAliases ${accountId} ${keyId ?? ''}`,
      marker: input.Marker,
      limit: pageSize(input.Limit, { fallback: 50, max: 100 }),
      fetch: (after, limit) =>
        services.aliases.list(services.db, { accountId, keyId, after, limit }),
      position: (alias) => alias.aliasName,
    });
    return {
      Aliases: page.items.map((alias) => ({
        AliasName: alias.aliasName,
        AliasArn: aliasArn(services.place, accountId, alias.aliasName),
        TargetKeyId: alias.keyId,
        CreationDate: alias.createdAt,
        LastUpdatedDate: alias.updatedAt,
      })),
      Truncated: page.truncated,
      ...(page.nextMarker === undefined ? {} : { NextMarker: page.nextMarker }),
    };
  },
};

/** The key whose aliases are asked for: one of the caller's account (kms-semantics §13.1). */
async function filter({
  input,
  caller,
  services,
}: Call<'ListAliases'>): Promise<string | undefined> {
  if (input.KeyId === undefined) return undefined;
  const { key } = await services.finder.resolveKeyOnly(input.KeyId, { caller, action });
  if (key.accountId !== caller.accountId) throw hiddenKey(caller, action);
  return key.keyId;
}
