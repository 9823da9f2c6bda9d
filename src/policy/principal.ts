import type { Policy } from './policy';

/** Who is asking, once authenticated. What the database says of it now is its Identity. */
export interface Principal {
  /** `service` is a registered service; `web-identity` the holder of a token that asks for a role. */
  readonly kind: 'root' | 'user' | 'assumed-role' | 'service' | 'web-identity';
  /** Of a web identity: the account of the role that it asks for. */
  readonly accountId: string;
  /**
   * What denials and CloudTrail name: an IAM ARN, of a role session its STS ARN, of a service its name
   * (`s3.amazonaws.com`), of a web identity the ARN of its OIDC provider.
   */
  readonly arn: string;
  /** CloudTrail's principalId and aws:userid: account id, AIDA…, `AROA…:<session name>`; of a service its name. */
  readonly principalId: string;
  /** Of a user its name; of a web identity the subject of its token. */
  readonly userName: string | undefined;
  /** Undefined of callers that signed with no access key. */
  readonly accessKeyId: string | undefined;
  /** What temporary credentials carry. */
  readonly session?: Session;
  /** Of a caller that showed an API token, which is a session of its own where it was made without one. */
  readonly apiToken?: ShownApiToken;
}

export interface ShownApiToken {
  readonly tokenId: string;
  /**
   * With it the principal may do what it may and this allows. Unlike a session policy it limits what a key policy or a
   * grant gives to the principal by its own ARN too: a principal that makes a token means all that it may.
   */
  readonly policy?: Policy;
}

/** What temporary credentials carry of their making, whoever they are of. */
export interface Session {
  readonly issuedAt: Date;
  readonly expiresAt: Date;
  /** Of a role's session. */
  readonly role?: SessionRole;
  /** Session policies, inline and managed: the session may what its principal may and one of them allows. */
  readonly policies: readonly Policy[];
  /** By tag key as given; keys compare without case. */
  readonly tags: Readonly<Record<string, string>>;
  readonly transitiveTagKeys: readonly string[];
  readonly sourceIdentity?: string;
  readonly mfaAuthenticatedAt?: Date;
  readonly webIdentity?: WebIdentity;
  /** Principal name of the service that calls on behalf of the principal, by a forwarded session. */
  readonly via?: string;
}

export interface SessionRole {
  /** AROA… */
  readonly roleId: string;
  readonly arn: string;
  readonly name: string;
  readonly sessionName: string;
}

export interface WebIdentity {
  /** ARN of the OIDC provider: aws:FederatedProvider. */
  readonly provider: string;
  /** Condition keys of the token's claims: `<issuer without https://>:<claim>` in lower case. */
  readonly claims: Readonly<Record<string, string | readonly string[]>>;
}

/** STS's ARN of a role's session. */
export function roleSessionArn({ arn, name, sessionName }: Omit<SessionRole, 'roleId'>): string {
  const [, partition, , , accountId] = arn.split(':', 5);
  return `arn:${partition}:sts::${accountId}:assumed-role/${name}/${sessionName}`;
}

/** Id under which the database has the principal: of a role's session the role's, of a service its name. */
export function databaseId(principal: Principal): string {
  return principal.session?.role?.roleId ?? principal.principalId;
}
