import type { Operation } from '../../operation';

/** Says who the caller is to whoever could prove it: AWS needs no permission for this, and no policy can deny it. */
export const getCallerIdentity: Operation<'GetCallerIdentity'> = {
  name: 'GetCallerIdentity',
  readOnly: true,
  audited: [],
  needsNoPermission: true,
  run: ({ caller }) => ({
    UserId: caller.principalId,
    Account: caller.accountId,
    Arn: caller.arn,
  }),
};
