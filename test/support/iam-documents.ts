/** An identity policy that allows what is named on everything. */
export function allowing(...actions: readonly string[]): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: actions, Resource: '*' }],
  });
}

/** A trust policy that lets a principal assume the role. */
export function trusting(principal: unknown, action = 'sts:AssumeRole'): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: principal, Action: action }],
  });
}

/** The document with so many characters that count, and white space that does not. */
export function padded(document: string, size: number): string {
  const { Statement, ...rest } = JSON.parse(document) as { Statement: object[] };
  const withId = (Id: string) => JSON.stringify({ ...rest, Id, Statement });
  const compact = withId('').length;
  const loose = JSON.stringify(
    JSON.parse(withId('x'.repeat(size - compact))) as unknown,
    undefined,
    '\t  ',
  );
  return loose.replaceAll('\n', '\r\n');
}

/** Documents that are no policies of a user, role or group, and what IAM says of them. */
export const malformedPolicies: readonly (readonly [string, string, string])[] = [
  ['no JSON', 'no json', 'Syntax errors in policy.'],
  ['a JSON list', '[]', 'Syntax errors in policy.'],
  ['an empty object', '{}', 'Syntax errors in policy.'],
  [
    'a member that is there twice',
    '{"Version":"2012-10-17","Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*"}]}',
    'Syntax errors in policy.',
  ],
  [
    'a statement with an effect that is there twice',
    '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Effect":"Allow","Action":"kms:*","Resource":"*"}]}',
    'Syntax errors in policy.',
  ],
  [
    'an action without a service',
    allowing('everything'),
    'Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.',
  ],
  [
    'a principal',
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*"}]}',
    'Policy document should not specify a principal.',
  ],
  [
    'no resource',
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*"}]}',
    'Policy statement must contain resources.',
  ],
  ['a document nested too deeply', '['.repeat(100_000), 'Syntax errors in policy.'],
];
