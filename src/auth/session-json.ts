import type { Policy } from '../policy/policy';
import type { Session, SessionRole, WebIdentity } from '../policy/principal';

/** A session as it stands in JSON: policies are their texts, dates milliseconds since the epoch. */
export interface WrittenSession extends Omit<
  Session,
  'issuedAt' | 'expiresAt' | 'mfaAuthenticatedAt' | 'policies' | 'role' | 'webIdentity'
> {
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly mfaAuthenticatedAt?: number;
  readonly policies: readonly string[];
  readonly role?: SessionRole;
  readonly webIdentity?: WebIdentity;
}

export function writeSession(session: Session): WrittenSession {
  const { mfaAuthenticatedAt } = session;
  return {
    ...session,
    issuedAt: session.issuedAt.getTime(),
    expiresAt: session.expiresAt.getTime(),
    ...(mfaAuthenticatedAt && { mfaAuthenticatedAt: mfaAuthenticatedAt.getTime() }),
    policies: session.policies.map((policy) => policy.text),
  } as WrittenSession;
}

/** Throws what `compile` throws of a policy that is none. */
export function readSession(
  { issuedAt, expiresAt, mfaAuthenticatedAt, policies, ...rest }: WrittenSession,
  compile: (text: string) => Policy,
): Session {
  return {
    ...rest,
    issuedAt: new Date(issuedAt),
    expiresAt: new Date(expiresAt),
    ...(mfaAuthenticatedAt !== undefined && { mfaAuthenticatedAt: new Date(mfaAuthenticatedAt) }),
    policies: policies.map(compile),
  };
}
