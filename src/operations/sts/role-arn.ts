/** The account of a role's ARN; undefined for what is no role's ARN of this partition. */
export function accountOfRole(arn: string, { partition }: { readonly partition: string }) {
  const [, ofPartition, accountId] = roleArn.exec(arn) ?? [];
  return ofPartition === partition ? accountId : undefined;
}

const roleArn =
  /^arn:([a-z0-9-]{1,40}):iam::([0-9]{12}):role\/(?:[!-~]{1,510}\/)?[\w+=,.@-]{1,64}$/;
