import fc from 'fast-check';

/** What both evaluators are asked: documents, who asks, for what, and what the request says of itself. */
export interface Case {
  readonly caller: Caller;
  readonly action: string;
  readonly resource: string;
  readonly context: Readonly<Record<string, string | string[]>>;
  readonly identity: readonly Document[];
  readonly boundary: Document | undefined;
  readonly session: Document | undefined;
  readonly key: Document;
}

export interface Caller {
  /** Of a service its name. */
  readonly arn: string;
  /** Undefined of a service. */
  readonly account?: string;
  /** Of a role's session. */
  readonly role?: string;
}

export interface Document {
  readonly Version?: string;
  readonly Statement: readonly Statement[];
}

export type Statement = Readonly<Record<string, unknown>> & {
  readonly Effect: 'Allow' | 'Deny';
  readonly Condition?: ConditionBlock;
};

export type ConditionBlock = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export const accountId = '111122223333';
const foreignId = '444455556666';
export const keyArn = `arn:aws:kms:us-east-1:${accountId}:key/1234abcd-12ab-34cd-56ef-1234567890ab`;
const otherKeyArn = `arn:aws:kms:us-east-1:${accountId}:key/00000000-12ab-34cd-56ef-1234567890ab`;

export const rootArn = (account: string): string => `arn:aws:iam::${account}:root`;
const userArn = (account: string, name: string): string => `arn:aws:iam::${account}:user/${name}`;

const sessionOf = (account: string, role: string, name: string): Caller => ({
  ...{ account, role: `arn:aws:iam::${account}:role/${role}` },
  arn: `arn:aws:sts::${account}:assumed-role/${role}/${name}`,
});

const callers: readonly Caller[] = [
  { account: accountId, arn: userArn(accountId, 'alice') },
  { account: accountId, arn: userArn(accountId, 'team/bob') },
  { account: foreignId, arn: userArn(foreignId, 'mallory') },
  sessionOf(accountId, 'Builder', 'run-1'),
  sessionOf(accountId, 'Builder', 'run-2'),
  sessionOf(foreignId, 'Visitor', 'v'),
];
const service = 's3.amazonaws.com';

const principals = [
  ...callers.flatMap(({ arn, role }) => (role === undefined ? [arn] : [arn, role])),
  ...[rootArn(accountId), rootArn(foreignId), accountId, foreignId, '*'],
];

const actions = [
  ...['kms:Encrypt', 'kms:Decrypt', 'kms:DescribeKey', 'kms:GenerateDataKey'],
  ...['kms:ReEncryptFrom', 'kms:CreateGrant', 'kms:PutKeyPolicy'],
];
const actionPatterns = [
  ...[
    '*',
    '*',
    'kms:*',
    'kms:*',
    'KMS:*',
    'kms:Encrypt',
    'KMS:encrypt',
    'kms:Decrypt',
    'kms:De*',
    'kms:*crypt',
  ],
  ...['kms:?ncrypt', 'kms:GenerateDataKey*', 'kms:Re*From', 'kms:*e*', 's3:*', 'kms:CreateGrant'],
];
const resourcePatterns = [
  ...['*', '*', '*', '*', keyArn, keyArn, 'arn:aws:kms:us-east-1:111122223333:key/*', otherKeyArn],
  ...[
    'arn:aws:kms:*:111122223333:key/1234*',
    'arn:aws:kms:us-east-1:*:key/*',
    'arn:aws:kms:*:*:key/*',
  ],
  ...['arn:aws:kms:us-east-1:444455556666:key/*', 'arn:aws:kms:*:111122223333:key/????????-*'],
  ...['arn:aws:kms:us-east-1:111122223333:alias/*', 'arn:aws:s3:::bucket/*'],
  ...[
    'arn:aws:kms:us-east-1:111122223333:key/*-12ab-*-56ef-*',
    'arn:aws:kms:us-east-1:111122223333:*',
  ],
  'arn:aws:kms:us-east-1:111122223333:key/${aws:PrincipalTag/Key}',
  "arn:aws:kms:us-east-1:111122223333:key/${aws:PrincipalTag/Key, '1234abcd'}-*",
  'arn:aws:kms:us-east-1:111122223333:key/${aws:PrincipalTag/Absent}*',
];

/** The keys of requests, with the values that they have here where they are not absent. */
const contextPool: Readonly<Record<string, readonly (string | string[])[]>> = {
  'aws:PrincipalTag/Team': ['red', 'Red', 'blue', 're*', '', '*', '${*}', 'a*c'],
  'aws:PrincipalTag/Key': ['1234abcd-12ab-34cd-56ef-1234567890ab', '1234abcd', '*', '12?4abcd'],
  'aws:username': ['alice', 'bob', 'Alice'],
  'aws:UserAgent': ['aws-cli/2.0', 'QUJD', 'red', '3', 'a*c'],
  'aws:SourceIp': ['203.0.113.7', '10.1.2.3', '2001:db8::1', '::ffff:10.1.2.3', '203.0.114.0'],
  'aws:CurrentTime': ['2026-01-02T03:04:05Z', '2024-06-30T23:59:59Z', '2026-01-01T00:00:00Z'],
  'aws:TokenIssueTime': ['2026-01-02T03:04:05Z', '2020-01-01T00:00:00Z'],
  'aws:SecureTransport': ['true', 'false'],
  'aws:MultiFactorAuthPresent': ['true', 'false'],
  'aws:MultiFactorAuthAge': ['0', '300', '3600', '3600.5', '86400'],
  'aws:PrincipalArn': principals.filter((arn) => arn.startsWith('arn:aws:iam')),
  'aws:SourceArn': ['arn:aws:s3:::bucket', 'arn:aws:sns:us-east-1:111122223333:topic:x'],
  'aws:CalledVia': [
    ['s3.amazonaws.com'],
    ['s3.amazonaws.com', 'athena.amazonaws.com'],
    ['red', 'blue'],
    ['Red'],
  ],
};
const contextKeys = Object.keys(contextPool);

const texts = [
  ...[
    'red',
    'RED',
    'blue',
    're*',
    'r?d',
    '*',
    '',
    'alice',
    'aws-cli/*',
    's3.amazonaws.com',
    '*.amazonaws.com',
  ],
  ...[
    '${*}',
    'a${*}c',
    're${*}',
    '${aws:PrincipalTag/Team}',
    "${aws:PrincipalTag/Team, 'red'}",
    '${aws:username}',
  ],
  ...[
    'x${aws:PrincipalTag/Absent}',
    "${aws:PrincipalTag/Absent, 'blue'}",
    '${aws:CalledVia}',
    '${unended',
  ],
  ...['true', '3600', 'no-arn', 'QUJD'],
];
const arns = [
  ...principals.filter((arn) => arn.startsWith('arn:')),
  ...[
    'arn:aws:iam::111122223333:user/*',
    'arn:aws:iam::*:role/B*',
    'arn:*:iam::*:*',
    'arn:aws:s3:::buck?t',
  ],
  ...[
    'arn:aws:sns:*:111122223333:*',
    'arn:aws:sns:us-east-1:*:x',
    '*',
    'arn:aws:iam::111122223333:user/${aws:username}',
  ],
  'arn:aws:iam::111122223333:*/${aws:PrincipalTag/Absent}',
];
const numbers = ['0', '300', '3600', '3600.50', '-1', '86400'];
const dates = [
  ...[
    '2026-01-02T03:04:05Z',
    '2026-01-02',
    '2026-01',
    '2024-06-30T23:59:59.000Z',
    '2026-01-02T04:04:05+01:00',
  ],
  ...['1767323045', '0', '2027-12-31T23:59:59Z'],
];
const ranges = [
  ...['203.0.113.0/24', '203.0.113.7', '203.0.113.7/32', '10.0.0.0/8', '0.0.0.0/0', '10.1.2.2/31'],
  ...['2001:db8::/32', '2001:db8::1', '::/0', '2001:DB8:0:0::/64', '203.0.113.0/23'],
];
const base64s = ['QUJD', 'QUJE', 'cmVk', ''];

const valuesOf: readonly (readonly [operator: string, values: readonly string[]])[] = [
  ...['StringEquals', 'StringNotEquals', 'StringEqualsIgnoreCase', 'StringNotEqualsIgnoreCase'].map(
    (name) => [name, texts] as const,
  ),
  ...['StringLike', 'StringNotLike'].map((name) => [name, texts] as const),
  ...[
    'Equals',
    'NotEquals',
    'LessThan',
    'LessThanEquals',
    'GreaterThan',
    'GreaterThanEquals',
  ].flatMap((name) => [[`Numeric${name}`, numbers] as const, [`Date${name}`, dates] as const]),
  ['Bool', ['true', 'false', 'TRUE']],
  ['BinaryEquals', base64s],
  ...['IpAddress', 'NotIpAddress'].map((name) => [name, ranges] as const),
  ...['ArnEquals', 'ArnLike', 'ArnNotEquals', 'ArnNotLike'].map((name) => [name, arns] as const),
];

const oneOrMany = <T>(pool: readonly T[]): fc.Arbitrary<T | T[]> =>
  fc.oneof(
    fc.constantFrom(...pool),
    fc.array(fc.constantFrom(...pool), { minLength: 1, maxLength: 3 }),
  );

/** Of operators on values that are no text: keys of that type. A number compared with a date is nobody's policy. */
const typedKeys: Readonly<Record<string, readonly string[]>> = {
  Numeric: ['aws:MultiFactorAuthAge'],
  Date: ['aws:CurrentTime', 'aws:TokenIssueTime'],
  Bool: ['aws:SecureTransport', 'aws:MultiFactorAuthPresent'],
  Ip: ['aws:SourceIp'],
  NotIp: ['aws:SourceIp'],
  Arn: ['aws:PrincipalArn', 'aws:SourceArn'],
  Binary: ['aws:UserAgent'],
};

function keysFor(operator: string): fc.Arbitrary<string> {
  const [, pool] = Object.entries(typedKeys).find(([prefix]) => operator.startsWith(prefix)) ?? [];
  return fc.constantFrom(
    ...(pool ?? [
      ...contextKeys,
      ...[
        'aws:PrincipalTag/Team',
        'aws:PrincipalTag/Team',
        'AWS:principaltag/TEAM',
        'aws:SourceVpce',
      ],
    ]),
  );
}

const operatorBlock: fc.Arbitrary<readonly [string, Readonly<Record<string, unknown>>]> = fc
  .constantFrom(...valuesOf)
  .chain(([operator, values]) =>
    fc.tuple(
      fc.constantFrom('', '', '', 'ForAnyValue:', 'ForAllValues:').map((set) => set + operator),
      fc.constantFrom('', '', 'IfExists'),
      fc.dictionary(keysFor(operator), oneOrMany(values), { minKeys: 1, maxKeys: 2 }),
    ),
  )
  .map(([name, suffix, keys]) => [name + suffix, keys] as const);

const nullBlock: fc.Arbitrary<readonly [string, Readonly<Record<string, unknown>>]> = fc
  .dictionary(fc.constantFrom(...contextKeys), fc.constantFrom('true', 'false'), {
    ...{ minKeys: 1, maxKeys: 2 },
  })
  .map((keys) => ['Null', keys] as const);

const condition: fc.Arbitrary<{ Condition?: ConditionBlock }> = fc.oneof(
  fc.constant({}),
  fc.constant({}),
  fc
    .array(fc.oneof({ weight: 8, arbitrary: operatorBlock }, nullBlock), {
      minLength: 1,
      maxLength: 2,
    })
    .map((blocks) => ({ Condition: Object.fromEntries(blocks) })),
);

const maybeNot = (
  name: string,
  value: fc.Arbitrary<unknown>,
): fc.Arbitrary<Readonly<Record<string, unknown>>> =>
  fc
    .tuple(fc.constantFrom(name, name, name, name, `Not${name}`), value)
    .map(([member, values]) => ({ [member]: values }));

const effect = fc.constantFrom('Allow' as const, 'Allow' as const, 'Deny' as const);
const principal = fc.oneof(
  fc.constant('*'),
  oneOrMany(principals).map((AWS) => ({ AWS })),
  oneOrMany(principals).map((AWS) => ({ AWS, Service: [service, 'sns.amazonaws.com'] })),
);

const statementOf = (isKey: boolean): fc.Arbitrary<Statement> =>
  fc
    .tuple(
      effect,
      isKey ? maybeNot('Principal', principal) : fc.constant({}),
      maybeNot('Action', oneOrMany(actionPatterns)),
      maybeNot(
        'Resource',
        isKey ? fc.constantFrom('*', '*', keyArn, otherKeyArn) : oneOrMany(resourcePatterns),
      ),
      condition,
    )
    .map(([Effect, ...members]) => Object.assign({ Effect }, ...members) as Statement);

const documentOf = (isKey: boolean): fc.Arbitrary<Document> =>
  fc.record({
    Version: fc.constantFrom('2012-10-17', '2012-10-17', '2012-10-17', '2008-10-17'),
    Statement: fc.array(statementOf(isKey), { minLength: 1, maxLength: 4 }),
  });

const context = fc.record(
  Object.fromEntries(
    Object.entries(contextPool).map(([key, values]) => [key, fc.constantFrom(...values)]),
  ),
  { requiredKeys: [] },
) as fc.Arbitrary<Case['context']>;

const optional = (document: fc.Arbitrary<Document>): fc.Arbitrary<Document | undefined> =>
  fc.option(document, { freq: 3, nil: undefined }).map((some) => some);

const anyCase: fc.Arbitrary<Case> = fc
  .record({
    caller: fc.constantFrom(...callers, ...callers, { arn: service }),
    action: fc.constantFrom(...actions),
    resource: fc.constant(keyArn),
    context,
    identity: fc.array(documentOf(false), { maxLength: 2 }),
    boundary: optional(documentOf(false)),
    session: optional(documentOf(false)),
    key: documentOf(true),
  })
  .map((one) => (one.caller.role === undefined ? { ...one, session: undefined } : one))
  // A service has no policies of its own.
  .map((one) =>
    one.caller.account === undefined ? { ...one, identity: [], boundary: undefined } : one,
  );

/** The same cases for the same seed. */
export function casesOf(seed: number, count: number): Case[] {
  return fc.sample(anyCase, { seed, numRuns: count });
}
