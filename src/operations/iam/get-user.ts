import { requireEntity } from '../../iam/entities';
import { listTags } from '../../iam/tags';
import { describeRoot, describeUserFully } from '../../iam/users';
import type { Operation } from '../../operation';
import { namedOrOwnUser, onOwnUser } from './own-user';

export const getUser: Operation<'GetUser'> = {
  name: 'GetUser',
  readOnly: true,
  audited: ['UserName'],
  accountActions: onOwnUser('iam:GetUser'),

  async run(call) {
    const { db } = call.services;
    const named = namedOrOwnUser(call);
    if (named === undefined) return { User: await describeRoot(db, call.caller) };
    const user = await requireEntity(db, named);
    return { User: describeUserFully(user, await listTags(db, user.id)) };
  },
};
