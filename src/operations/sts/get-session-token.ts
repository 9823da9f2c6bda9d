import { KmsError } from '../../errors';
import type { Operation } from '../../operation';
import type { Principal } from '../../policy/principal';
import { refuseMembers } from '../unsupported';
import { period, recordedCredentials, shownOnce } from './role-session';

const defaultSeconds = 43_200;
/** AWS's bound for an account's root, whatever it asks for. */
const rootSeconds = 3600;

/** AWS needs no permission for it: the session may do what its user may. */
export const getSessionToken: Operation<'GetSessionToken'> = {
  name: 'GetSessionToken',
  readOnly: true,
  audited: ['DurationSeconds'],
  needsNoPermission: true,
  check: (input) => refuseMembers(input, ['SerialNumber', 'TokenCode']),

  async run({ input, caller, services, now }) {
    requireLongTerm(caller);
    const { accessKeyId: _, ...principal } = caller;
    const asked = input.DurationSeconds ?? defaultSeconds;
    const seconds = caller.kind === 'root' ? Math.min(asked, rootSeconds) : asked;
    const session = { ...period(now, seconds), policies: [], tags: {}, transitiveTagKeys: [] };
    return { Credentials: shownOnce(await services.sessions.issue({ ...principal, session })) };
  },

  responseElements: (_call, { Credentials }) => ({ Credentials: recordedCredentials(Credentials) }),
};

function requireLongTerm({ kind, session }: Principal): void {
  if (session !== undefined) {
    throw new KmsError(
      'AccessDeniedException',
      'Cannot call GetSessionToken with session credentials',
    );
  }
  if (kind !== 'user' && kind !== 'root') {
    throw new KmsError('AccessDeniedException', 'GetSessionToken is for users and account roots.');
  }
}
