import type { IssuedSession } from '../../auth/sessions';
import { KmsError } from '../../errors';
import type { Role } from '../../iam/roles';
import type { Services } from '../../operation';
import { type Principal, type Session, roleSessionArn } from '../../policy/principal';
import type { AssumedRoleUser, Credentials } from '../../shapes/sts.generated';

const defaultSeconds = 3600;
/** AWS lets no role that was assumed by a role last longer. */
const chainedSeconds = 3600;

interface RoleSession {
  readonly role: Role;
  readonly sessionName: string;
  readonly durationSeconds: number | undefined;
  /** The caller is a role's session itself. */
  readonly chained: boolean;
  readonly carried: Omit<Session, 'issuedAt' | 'expiresAt' | 'role'>;
  readonly now: Date;
}

export interface StartedRoleSession {
  readonly Credentials: Credentials;
  readonly AssumedRoleUser: AssumedRoleUser;
  readonly PackedPolicySize?: number;
}

/** Makes credentials of a role's session. Throws ValidationException and PackedPolicyTooLarge. */
export async function startRoleSession(
  { sessions }: Pick<Services, 'sessions'>,
  { role, sessionName, carried, now, ...rest }: RoleSession,
): Promise<StartedRoleSession> {
  const seconds = sessionSeconds(role, rest);
  const user = {
    AssumedRoleId: `${role.id}:${sessionName}`,
    Arn: roleSessionArn({ arn: role.arn, name: role.name, sessionName }),
  };
  const principal = {
    kind: 'assumed-role',
    accountId: role.accountId,
    arn: user.Arn,
    principalId: user.AssumedRoleId,
    userName: undefined,
    session: {
      ...carried,
      ...period(now, seconds),
      role: { roleId: role.id, arn: role.arn, name: role.name, sessionName },
    },
  } as const satisfies Omit<Principal, 'accessKeyId'>;
  const issued = await sessions.issue(principal);
  const { packedPolicySize } = issued;
  return {
    Credentials: shownOnce(issued),
    AssumedRoleUser: user,
    ...(packedPolicySize > 0 && { PackedPolicySize: packedPolicySize }),
  };
}

function sessionSeconds(
  role: Role,
  { durationSeconds, chained }: Pick<RoleSession, 'durationSeconds' | 'chained'>,
): number {
  const seconds = durationSeconds ?? defaultSeconds;
  if (chained && seconds > chainedSeconds) {
    throw new KmsError(
      'ValidationException',
      'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.',
    );
  }
  if (seconds > role.maxSessionSeconds) {
    throw new KmsError(
      'ValidationException',
      'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
    );
  }
  return seconds;
}

/** Whole seconds, as AWS has them: `aws:TokenIssueTime` compares with dates that people wrote. */
export function period(now: Date, seconds: number): Pick<Session, 'issuedAt' | 'expiresAt'> {
  const issued = Math.floor(now.getTime() / 1000);
  return { issuedAt: new Date(issued * 1000), expiresAt: new Date((issued + seconds) * 1000) };
}

/** Credentials for the answer, and for nothing else. */
export function shownOnce(issued: IssuedSession): Credentials {
  return {
    AccessKeyId: issued.accessKeyId,
    SecretAccessKey: issued.secretAccessKey.revealText(),
    SessionToken: issued.sessionToken.revealText(),
    Expiration: issued.expiresAt,
  };
}

/** What the audit record keeps of credentials: which they are, and until when. */
export function recordedCredentials(credentials: Credentials | undefined): object {
  return { AccessKeyId: credentials?.AccessKeyId, Expiration: credentials?.Expiration };
}
