import { KmsError } from '../../errors';
import type { Operation, Services } from '../../operation';
import type { Principal, Session } from '../../policy/principal';
import { period, recordedCredentials, shownOnce } from './role-session';

const defaultSeconds = 900;

/**
 * Claviger's own: a registered service shows that a principal called it, and gets short credentials that carry both. They
 * do what the principal may do, for this service, and for nothing but KMS.
 */
export const getForwardedSession: Operation<'GetForwardedSession'> = {
  name: 'GetForwardedSession',
  readOnly: true,
  audited: ['DurationSeconds'],
  needsNoPermission: true,

  async run({ input, caller, services, now }) {
    if (caller.kind !== 'service') {
      throw new KmsError(
        'AccessDeniedException',
        `User: ${caller.arn} is not authorized to perform: sts:GetForwardedSession because only registered services may call it`,
      );
    }
    const service = caller.arn;
    const principal = await services.presignedCallers.identify(
      input.PresignedCallerIdentity,
      service,
    );
    await requireStanding(principal, services);
    const { accessKeyId: _, ...rest } = principal;
    const times = period(now, input.DurationSeconds ?? defaultSeconds);
    const session = forwarded(principal, { ...times, via: service });
    return {
      Credentials: shownOnce(await services.sessions.issue({ ...rest, session })),
      Principal: principal.arn,
      Service: service,
    };
  },

  responseElements: (_call, { Credentials, ...output }) => ({
    ...output,
    Credentials: recordedCredentials(Credentials),
  }),
};

/** Credentials can outlive their principal. */
async function requireStanding(principal: Principal, { identities }: Services): Promise<void> {
  try {
    await identities.of(principal);
  } catch (cause) {
    if (!(cause instanceof KmsError)) throw cause;
    throw new KmsError(
      'AccessDeniedException',
      'PresignedCallerIdentity is of a principal that is no more.',
      { cause },
    );
  }
}

/** A session is forwarded as it is: it was issued when it was, or its revocation would not reach it, and ends no later. */
function forwarded(
  { session }: Principal,
  { issuedAt, expiresAt, via }: Pick<Session, 'issuedAt' | 'expiresAt'> & { readonly via: string },
): Session {
  const own = session ?? { issuedAt, expiresAt, policies: [], tags: {}, transitiveTagKeys: [] };
  const ends = Math.min(own.expiresAt.getTime(), expiresAt.getTime());
  return { ...own, expiresAt: new Date(ends), via };
}
