/**
 * Microseconds to evaluate one policy of 10 statements with conditions, of which the last alone matches, against the
 * string comparisons alone that a decision cannot do without. Run: node dist/scripts/bench/policy.js [iterations]
 */
import { compileIdentityPolicy, compileKeyPolicy } from '../../src/policy/compile';
import type { PolicyQuestion, PrincipalNames } from '../../src/policy/policy';

const account = '111122223333';
const place = { partition: 'aws', region: 'eu-central-1' };
const keyArn = `arn:aws:kms:eu-central-1:${account}:key/1234abcd-12ab-34cd-56ef-1234567890ab`;
const userArn = `arn:aws:iam::${account}:user/team/alice`;

const context = new Map<string, string | string[]>([
  ['aws:principalarn', userArn],
  ['aws:username', 'alice'],
  ['aws:principaltag/team', 'payments'],
  ['aws:sourceip', '10.20.30.40'],
  ['aws:securetransport', 'true'],
  ['aws:currenttime', '2026-01-02T03:04:05Z'],
  ['aws:multifactorauthage', '120'],
  ['kms:encryptioncontext:tenant', 'alice'],
  ['kms:encryptioncontextkeys', ['tenant', 'purpose']],
]);
const question: PolicyQuestion = {
  action: 'kms:encrypt',
  resource: keyArn,
  context: { get: (key) => context.get(key) },
};
const names: PrincipalNames = {
  caller: [userArn],
  role: undefined,
  account: `arn:aws:iam::${account}:root`,
  ...{ uniqueId: undefined, service: undefined, federated: undefined },
};

/** Conditions that fail as late as they can, each of another family; the last one holds. */
const conditions: readonly Readonly<Record<string, Readonly<Record<string, unknown>>>>[] = [
  { StringEquals: { 'aws:PrincipalTag/Team': ['billing', 'audit', 'web'] } },
  { StringLike: { 'aws:PrincipalTag/Team': 'pay*s-*' } },
  { IpAddress: { 'aws:SourceIp': ['203.0.113.0/24', '192.168.0.0/16'] } },
  { DateGreaterThan: { 'aws:CurrentTime': '2030-01-01T00:00:00Z' } },
  { NumericLessThan: { 'aws:MultiFactorAuthAge': '60' } },
  { ArnLike: { 'aws:PrincipalArn': `arn:aws:iam::${account}:role/*` } },
  { 'ForAllValues:StringEquals': { 'kms:EncryptionContextKeys': ['tenant'] } },
  { Bool: { 'aws:SecureTransport': 'false' } },
  { StringNotEquals: { 'kms:EncryptionContext:tenant': '${aws:username}' } },
  { StringEquals: { 'kms:EncryptionContext:tenant': '${aws:username}' } },
];

const policyOf = (members: Readonly<Record<string, unknown>>): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: conditions.map((Condition) => ({
      ...{ Effect: 'Allow', Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:GenerateDataKey*'] },
      ...members,
      Condition,
    })),
  });

const identity = compileIdentityPolicy(
  policyOf({ Resource: `arn:aws:kms:*:${account}:key/1234*` }),
);
const key = compileKeyPolicy(policyOf({ Principal: { AWS: userArn }, Resource: '*' }), place);

/** Ten times the action, the ARN and one look-up with its comparison: no wildcard, no type, no variable. */
function comparisonsOnly(): number {
  let matched = 0;
  for (let i = 0; i < conditions.length; i++) {
    if (question.action !== 'kms:encrypt' || !question.resource.startsWith('arn:aws:kms:'))
      continue;
    if (question.context.get('aws:principaltag/team') === 'payments') matched += 1;
  }
  return matched;
}

/** The best of many short rounds, which nothing else on the machine interrupted. */
function measure(title: string, iterations: number, work: () => unknown): number {
  for (let i = 0; i < iterations; i++) work();
  const rounds = Array.from({ length: 100 }, () => {
    const start = process.hrtime.bigint();
    for (let i = 0; i < iterations / 100; i++) work();
    return Number(process.hrtime.bigint() - start) / (10 * iterations);
  });
  const best = Math.min(...rounds);
  process.stdout.write(`${title.padEnd(48)} ${best.toFixed(2)} us\n`);
  return best;
}

const iterations = Number(process.argv[2] ?? 500_000);
for (const answer of [identity.ask(question), key.ask(question, names)]) {
  if (answer.denied || answer.allowed !== 'caller')
    throw new Error('the last statement must allow');
}
process.stdout.write(`${conditions.length} statements, node ${process.version}\n`);
const raw = measure('comparisons only', iterations, comparisonsOnly);
const asked = [
  measure('identity policy', iterations, () => identity.ask(question)),
  measure('key policy', iterations, () => key.ask(question, names)),
];
process.stdout.write(`${(Math.max(...asked) / raw).toFixed(1)} times the comparisons\n`);
