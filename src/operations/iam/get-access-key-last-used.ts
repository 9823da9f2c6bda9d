import { describeKeyOwner, findAccessKeyUse, noSuchAccessKey } from '../../iam/access-keys';
import type { Operation } from '../../operation';

const action = 'iam:GetAccessKeyLastUsed';

/** What IAM says of a key that was never used. */
const never = 'N/A';

export const getAccessKeyLastUsed: Operation<'GetAccessKeyLastUsed'> = {
  name: 'GetAccessKeyLastUsed',
  readOnly: true,
  audited: ['AccessKeyId'],

  async accountActions({ input, caller, services }) {
    const use = await findAccessKeyUse(services.db, caller.accountId, input.AccessKeyId);
    return [{ action, resource: use?.ownerArn ?? '*' }];
  },

  async run({ input, caller, services }) {
    const use = await findAccessKeyUse(services.db, caller.accountId, input.AccessKeyId);
    if (use === undefined) throw noSuchAccessKey(input.AccessKeyId);
    const { lastUsedAt, service = never, region = never } = use;
    return {
      ...describeKeyOwner(use),
      AccessKeyLastUsed: {
        ...(lastUsedAt === undefined ? {} : { LastUsedDate: lastUsedAt }),
        ServiceName: service,
        Region: region,
      },
    };
  },
};
