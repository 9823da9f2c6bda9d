import { lockKeyOwner, removeAccessKey } from '../../iam/access-keys';
import type { Operation } from '../../operation';
import { namedOrOwnUser, onOwnUser } from './own-user';

export const deleteAccessKey: Operation<'DeleteAccessKey'> = {
  name: 'DeleteAccessKey',
  readOnly: false,
  audited: ['UserName', 'AccessKeyId'],
  accountActions: onOwnUser('iam:DeleteAccessKey'),

  async write(call, { transaction }) {
    const { AccessKeyId: accessKeyId } = call.input;
    const owner = await lockKeyOwner(transaction, call.caller.accountId, namedOrOwnUser(call));
    await removeAccessKey(transaction, owner, accessKeyId);
    transaction.announce({ topic: 'access-key', id: accessKeyId });
    return {};
  },
};
