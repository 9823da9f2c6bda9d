import { listTags } from '../keys/tags';
import type { Operation } from '../operation';
import { pageSize, paginate, placeOf } from './pagination';
import { onlyKey, targetByKeyOnly } from './targets';

export const listResourceTags: Operation<'ListResourceTags'> = {
  name: 'ListResourceTags',
  rest: { method: 'GET', path: '/keys/{KeyId}/tags', summary: 'Lists the tags of a key.' },
  readOnly: true,
  audited: ['KeyId', 'Limit', 'Marker'],
  targets: targetByKeyOnly('kms:ListResourceTags'),
  requires: { state: 'any' },

  async run({ input, keys, services }) {
    const { keyId } = onlyKey(keys);
    const page = await paginate({
      scope: `ListResourceTags ${keyId}`,
      marker: input.Marker,
      limit: pageSize(input.Limit, { fallback: 50, max: 50 }),
      fetch: (after, limit) =>
        listTags(services.db, { keyId, after: after === '' ? -1 : placeOf(after), limit }),
      position: ({ position }) => String(position),
    });
    return {
      Tags: page.items.map(({ TagKey, TagValue }) => ({ TagKey, TagValue })),
      Truncated: page.truncated,
      ...(page.nextMarker === undefined ? {} : { NextMarker: page.nextMarker }),
    };
  },
};
