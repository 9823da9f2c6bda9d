import { keyArn } from '../keys/identifiers';
import type { Operation } from '../operation';
import { pageSize, paginate } from './pagination';

export const listKeys: Operation<'ListKeys'> = {
  name: 'ListKeys',
  rest: { method: 'GET', path: '/keys', summary: 'Lists the keys of the account.' },
  readOnly: true,
  audited: ['Limit', 'Marker'],
  accountActions: () => [{ action: 'kms:ListKeys', resource: '*' }],

  async run({ input, caller, services }) {
    const { accountId } = caller;
    const page = await paginate({
      scope: `ListKeys ${accountId}`,
      marker: input.Marker,
      limit: pageSize(input.Limit, { fallback: 100, max: 1000 }),
      fetch: (after, limit) => services.keys.list(services.db, { accountId, after, limit }),
      position: (keyId) => keyId,
    });
    return {
      Keys: page.items.map((keyId) => ({
        KeyId: keyId,
        KeyArn: keyArn(services.place, accountId, keyId),
      })),
      Truncated: page.truncated,
      ...(page.nextMarker === undefined ? {} : { NextMarker: page.nextMarker }),
    };
  },
};
