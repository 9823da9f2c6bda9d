/** Who called, as far as it was proved: what a record needs of a Principal. */
export interface AuditedCaller {
  readonly kind: 'root' | 'user' | 'assumed-role' | 'service' | 'web-identity';
  readonly accountId: string;
  readonly arn: string;
  readonly principalId: string;
  readonly userName?: string | undefined;
  readonly accessKeyId: string | undefined;
  /** Of temporary credentials. */
  readonly session?: AuditedSession;
  readonly apiToken?: { readonly tokenId: string };
}

export interface AuditedSession {
  readonly issuedAt: Date;
  readonly role?: { readonly roleId: string; readonly arn: string; readonly name: string };
  readonly sourceIdentity?: string;
  readonly mfaAuthenticatedAt?: Date;
  readonly webIdentity?: { readonly provider: string };
  readonly via?: string;
}

export type Members = Readonly<Record<string, unknown>>;

/**
 * CloudTrail's userIdentity: JSON leaves its undefined members out.
 * @see https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
 */
export function userIdentity(caller: AuditedCaller | undefined): Members {
  return caller === undefined ? { type: 'Unknown' } : identities[caller.kind](caller);
}

const identities: Readonly<Record<AuditedCaller['kind'], (caller: AuditedCaller) => Members>> = {
  root: (caller) => credentialsOf('Root', caller),
  user: (caller) => credentialsOf('IAMUser', caller),
  'assumed-role': (caller) => credentialsOf('AssumedRole', caller),
  service: ({ principalId, accountId, accessKeyId, arn, apiToken }) => ({
    type: 'AWSService',
    principalId,
    accountId,
    accessKeyId,
    credentialId: apiToken?.tokenId,
    invokedBy: arn,
  }),
  'web-identity': ({ principalId, userName, arn }) => ({
    type: 'WebIdentityUser',
    principalId,
    userName,
    identityProvider: arn,
  }),
};

function credentialsOf(type: string, caller: AuditedCaller): Members {
  const { principalId, arn, accountId, accessKeyId, session, userName, apiToken } = caller;
  return {
    type,
    principalId,
    arn,
    accountId,
    accessKeyId,
    // CloudTrail's member of whoever shows a bearer token.
    credentialId: apiToken?.tokenId,
    userName,
    sessionContext: session && sessionContext(session, accountId),
    invokedBy: session?.via,
  };
}

function sessionContext(session: AuditedSession, accountId: string): Members {
  const { role, webIdentity, sourceIdentity } = session;
  return {
    sessionIssuer: role && {
      type: 'Role',
      principalId: role.roleId,
      arn: role.arn,
      accountId,
      userName: role.name,
    },
    webIdFederationData: webIdentity && {
      federatedProvider: webIdentity.provider,
      attributes: {},
    },
    attributes: {
      creationDate: wholeSeconds(session.issuedAt),
      mfaAuthenticated: String(session.mfaAuthenticatedAt !== undefined),
    },
    sourceIdentity,
  };
}

/** ISO 8601 in UTC. */
export function wholeSeconds(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
