import { KmsError } from '../../errors';
import { lockKeyOwner, setAccessKeyStatus } from '../../iam/access-keys';
import type { Operation } from '../../operation';
import type { statusType } from '../../shapes/iam.generated';
import { namedOrOwnUser, onOwnUser } from './own-user';

export const updateAccessKey: Operation<'UpdateAccessKey'> = {
  name: 'UpdateAccessKey',
  readOnly: false,
  audited: ['UserName', 'AccessKeyId', 'Status'],
  check: ({ Status }) => void settable(Status),
  accountActions: onOwnUser('iam:UpdateAccessKey'),

  async write(call, { transaction }) {
    const { AccessKeyId: accessKeyId, Status } = call.input;
    const owner = await lockKeyOwner(transaction, call.caller.accountId, namedOrOwnUser(call));
    const status = settable(Status);
    await setAccessKeyStatus(transaction, owner, { accessKeyId, status });
    transaction.announce({ topic: 'access-key', id: accessKeyId });
    return {};
  },
};

/** The model's enum has a state besides that keys of services get, and nobody can set. */
function settable(status: statusType): 'Active' | 'Inactive' {
  if (status === 'Active' || status === 'Inactive') return status;
  throw new KmsError(
    'ValidationException',
    `1 validation error detected: Value '${status}' at 'status' failed to satisfy constraint: Member must satisfy enum value set: [Active, Inactive]`,
  );
}
