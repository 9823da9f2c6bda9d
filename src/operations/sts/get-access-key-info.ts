import { accountOfSessionKeyId } from '../../auth/access-key-ids';
import { accountOfAccessKey } from '../../auth/access-keys';
import { KmsError } from '../../errors';
import type { Operation } from '../../operation';

/** Whose access key it is: of any account, in use or not. */
export const getAccessKeyInfo: Operation<'GetAccessKeyInfo'> = {
  name: 'GetAccessKeyInfo',
  readOnly: true,
  audited: ['AccessKeyId'],
  accountActions: () => [{ action: 'sts:GetAccessKeyInfo', resource: '*' }],

  async run({ input: { AccessKeyId }, services: { db } }) {
    const Account =
      accountOfSessionKeyId(AccessKeyId) ?? (await accountOfAccessKey(db, AccessKeyId));
    if (Account !== undefined) return { Account };
    throw new KmsError('ValidationException', `Invalid AccessKeyId: ${AccessKeyId}`);
  },
};
