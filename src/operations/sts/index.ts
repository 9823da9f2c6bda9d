import type { Operation } from '../../operation';
import type { StsOperationName } from '../../shapes/sts.generated';
import { assumeRole } from './assume-role';
import { assumeRoleWithWebIdentity } from './assume-role-with-web-identity';
import { getAccessKeyInfo } from './get-access-key-info';
import { getCallerIdentity } from './get-caller-identity';
import { getForwardedSession } from './get-forwarded-session';
import { getSessionToken } from './get-session-token';

/** The operations of STS that are served. */
export const stsOperations: { readonly [N in StsOperationName]?: Operation<N> } = {
  AssumeRole: assumeRole,
  AssumeRoleWithWebIdentity: assumeRoleWithWebIdentity,
  GetAccessKeyInfo: getAccessKeyInfo,
  GetCallerIdentity: getCallerIdentity,
  GetForwardedSession: getForwardedSession,
  GetSessionToken: getSessionToken,
};
