/** Who is asking, once authenticated. */
export interface Principal {
  readonly kind: 'root' | 'user';
  readonly accountId: string;
  readonly arn: string;
  /** The account id for root, an AIDA… id for a user: CloudTrail's principalId. */
  readonly principalId: string;
  readonly userName: string | undefined;
  readonly accessKeyId: string;
}
