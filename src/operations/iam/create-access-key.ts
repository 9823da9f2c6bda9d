import { insertAccessKey } from '../../auth/access-keys';
import { newCredentials } from '../../auth/accounts';
import { Sealing } from '../../auth/sealing';
import { accessKeyIdsOf, describeKeyOwner, lockKeyOwner } from '../../iam/access-keys';
import { requireQuota } from '../../iam/quotas';
import type { Operation } from '../../operation';
import type { AccessKey } from '../../shapes/iam.generated';
import { namedOrOwnUser, onOwnUser } from './own-user';

export const createAccessKey: Operation<'CreateAccessKey'> = {
  name: 'CreateAccessKey',
  readOnly: false,
  audited: ['UserName'],
  unannounced: 'nothing is kept of an access key before it is there',
  accountActions: onOwnUser('iam:CreateAccessKey'),

  async write(call, { transaction }) {
    const { accountId } = call.caller;
    const { token } = call.services;
    const owner = await lockKeyOwner(transaction, accountId, namedOrOwnUser(call));
    const existing = await accessKeyIdsOf(transaction, owner);
    requireQuota('AccessKeysPerUser', existing.length + 1);
    const sealing = new Sealing(token);
    const sealingKeyId = await sealing.currentKey(transaction);
    if (sealingKeyId === undefined) throw new Error('there is no sealing key');
    const credentials = newCredentials(token);
    const key = await insertAccessKey(transaction, sealing, {
      sealingKeyId,
      key: {
        accountId,
        principalId: owner.principalId,
        accessKeyId: credentials.AccessKeyId,
        secret: credentials.SecretAccessKey,
      },
    });
    return {
      AccessKey: {
        ...describeKeyOwner(owner),
        AccessKeyId: credentials.AccessKeyId,
        Status: 'Active',
        SecretAccessKey: credentials.SecretAccessKey.revealText(),
        CreateDate: key.createdAt,
      },
    };
  },

  responseElements: (_call, { AccessKey }) => ({ AccessKey: withoutSecret(AccessKey) }),
};

function withoutSecret({ UserName, AccessKeyId, Status, CreateDate }: AccessKey): object {
  return { UserName, AccessKeyId, Status, CreateDate };
}
