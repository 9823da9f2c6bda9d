import { describeKeyOwner, findKeyOwner, listAccessKeys as list } from '../../iam/access-keys';
import type { Operation } from '../../operation';
import { namedOrOwnUser, onOwnUser } from './own-user';
import { listPage } from './pagination';

export const listAccessKeys: Operation<'ListAccessKeys'> = {
  name: 'ListAccessKeys',
  readOnly: true,
  audited: ['UserName', 'Marker', 'MaxItems'],
  accountActions: onOwnUser('iam:ListAccessKeys'),

  async run(call) {
    const { db } = call.services;
    const { accountId } = call.caller;
    const owner = await findKeyOwner(db, accountId, namedOrOwnUser(call));
    const { items, end } = await listPage(call.input, {
      operation: 'ListAccessKeys',
      accountId,
      filters: [owner.principalId],
      fetch: (after, limit) => list(db, owner, { after, limit }),
      position: ({ accessKeyId }) => accessKeyId,
    });
    return {
      AccessKeyMetadata: items.map(({ accessKeyId, status, createdAt }) => ({
        ...describeKeyOwner(owner),
        AccessKeyId: accessKeyId,
        Status: status,
        CreateDate: createdAt,
      })),
      ...end,
    };
  },
};
