/** Something that a request was about. */
export interface AuditResource {
  readonly accountId: string;
  readonly arn: string;
}

/** As a record has it. ARNs of things that CloudFormation has no type for have none here either. */
export interface RecordedResource {
  readonly accountId: string;
  readonly type?: string;
  readonly ARN: string;
}

/** By the ARN's service and the first word of its resource. CloudTrail calls aliases keys (kms-semantics §16.3). */
const types: ReadonlyMap<string, string> = new Map([
  ['kms:key', 'AWS::KMS::Key'],
  ['kms:alias', 'AWS::KMS::Key'],
  ['iam:group', 'AWS::IAM::Group'],
  ['iam:oidc-provider', 'AWS::IAM::OIDCProvider'],
  ['iam:policy', 'AWS::IAM::Policy'],
  ['iam:role', 'AWS::IAM::Role'],
  ['iam:user', 'AWS::IAM::User'],
]);

/** Every record of a key pays for this: an expression takes a quarter of what splitting takes. */
const typed = /^arn:[^:]*:(kms|iam):[^:]*:[^:]*:([a-z-]+)\//;

export function recordedResource({ accountId, arn }: AuditResource): RecordedResource {
  const [, service, kind] = typed.exec(arn) ?? [];
  const type = types.get(`${service}:${kind}`);
  return { accountId, ...(type === undefined ? {} : { type }), ARN: arn };
}

/** The account that an ARN names; `otherwise` for one that names none, as that of a policy of AWS's own. */
export function accountOf(arn: string, otherwise: string): string {
  const account = arn.split(':', 5)[4] ?? '';
  return /^\d{12}$/.test(account) ? account : otherwise;
}
