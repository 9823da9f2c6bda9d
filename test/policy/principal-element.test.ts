import { compileKeyPolicy, compileTrustPolicy } from '../../src/policy/compile';
import type { PrincipalNames } from '../../src/policy/policy';
import { askKeyPolicy, faultOf, namesOf } from '../support/policies';
import { accountId, otherAccountId, place } from '../support/sample-keys';

const root = `arn:aws:iam::${accountId}:root`;
const strangers = `arn:aws:iam::${otherAccountId}:root`;
const aliceArn = `arn:aws:iam::${accountId}:user/team/alice`;
const roleArn = `arn:aws:iam::${accountId}:role/Builder`;
const sessionArn = `arn:aws:sts::${accountId}:assumed-role/Builder/run-1`;
const otherSession = `arn:aws:sts::${accountId}:assumed-role/Builder/run-2`;
const provider = `arn:aws:iam::${accountId}:oidc-provider/issuer.example.com/path`;
const aliceId = 'AIDACKCEVSQ6C2EXAMPLE';
const roleId = 'AROACKCEVSQ6C2EXAMPLE';

const theRoot = namesOf({ account: root });
const alice = namesOf({ caller: [aliceArn], account: root, uniqueId: aliceId });
const session = namesOf({ caller: [sessionArn], role: roleArn, account: root, uniqueId: roleId });
const stranger = namesOf({
  caller: [`arn:aws:iam::${otherAccountId}:user/eve`],
  account: strangers,
});
const service = namesOf({ service: 's3.amazonaws.com' });
const token = namesOf({ federated: provider });

const matchOf = (Principal: unknown, names: PrincipalNames) =>
  askKeyPolicy([{ Principal }], names).allowed;
const deniedBy = (members: Readonly<Record<string, unknown>>, names: PrincipalNames): boolean =>
  askKeyPolicy([{ Effect: 'Deny', ...members }], names).denied;

describe('a principal', () => {
  test.each<[what: string, principal: unknown, names: PrincipalNames, match: string]>([
    ['everyone, who is named directly', '*', alice, 'caller'],
    ['everyone under AWS', { AWS: '*' }, stranger, 'caller'],
    ['everyone, a service too', '*', service, 'caller'],
    ['everyone in a list', { AWS: [root, '*'] }, stranger, 'caller'],
    ['an account by its root', { AWS: root }, alice, 'account'],
    ['an account by its id', { AWS: accountId }, alice, 'account'],
    ['an account, of a session', { AWS: root }, session, 'account'],
    ['an account, of its root', { AWS: root }, theRoot, 'account'],
    ['another account', { AWS: strangers }, alice, 'none'],
    ['an account, of a service', { AWS: root }, service, 'none'],
    ['a user', { AWS: aliceArn }, alice, 'caller'],
    ['a user in another letter case', { AWS: aliceArn.replace('alice', 'Alice') }, alice, 'none'],
    ['a user of no path', { AWS: aliceArn.replace('team/', '') }, alice, 'none'],
    ['a user, of the root', { AWS: aliceArn }, theRoot, 'none'],
    ['a role', { AWS: roleArn }, session, 'role'],
    ['a session', { AWS: sessionArn }, session, 'caller'],
    ['a session, of another of the role', { AWS: otherSession }, session, 'none'],
    [
      'a session before its role and account',
      { AWS: [root, roleArn, sessionArn] },
      session,
      'caller',
    ],
    ['a role before its account', { AWS: [root, roleArn] }, session, 'role'],
    ['a user’s unique id', { AWS: aliceId }, alice, 'caller'],
    ['a unique id of one who is gone', { AWS: 'AIDAGONEGONEGONEGONE1' }, alice, 'none'],
    ['a role’s unique id', { AWS: roleId }, session, 'role'],
    ['a session of a role that is gone', { AWS: `${roleId}:session` }, session, 'none'],
    ['a service', { Service: 's3.amazonaws.com' }, service, 'caller'],
    ['one of services', { Service: ['ec2.amazonaws.com', 's3.amazonaws.com'] }, service, 'caller'],
    ['another service', { Service: 'app.claviger.internal' }, service, 'none'],
    ['a service, of a user', { Service: 's3.amazonaws.com' }, alice, 'none'],
    ['a provider of identities', { Federated: provider }, token, 'caller'],
    ['another provider', { Federated: 'accounts.google.com' }, token, 'none'],
    ['an S3 canonical user, who is nobody here', { CanonicalUser: 'a'.repeat(64) }, alice, 'none'],
    ['kinds beside each other', { AWS: strangers, Service: 's3.amazonaws.com' }, service, 'caller'],
  ])('is %s: %j', (_what, principal, names, match) => {
    expect(matchOf(principal, names)).toBe(match);
  });

  test('that denies an account denies everyone in it', () => {
    for (const names of [alice, session, theRoot]) {
      expect(deniedBy({ Principal: { AWS: accountId } }, names)).toBe(true);
    }
    expect(deniedBy({ Principal: { AWS: accountId } }, stranger)).toBe(false);
  });

  test('that denies a role or a session denies no other', () => {
    const second = { ...session, caller: [otherSession] };
    expect(deniedBy({ Principal: { AWS: roleArn } }, session)).toBe(true);
    expect(deniedBy({ Principal: { AWS: sessionArn } }, session)).toBe(true);
    expect(deniedBy({ Principal: { AWS: sessionArn } }, second)).toBe(false);
    expect(deniedBy({ Principal: { AWS: sessionArn } }, alice)).toBe(false);
  });

  test('that allows more nearly in a later statement counts', () => {
    const statements = [root, roleArn, sessionArn].map((AWS) => ({ Principal: { AWS } }));
    for (const order of [statements, statements.toReversed()]) {
      expect(askKeyPolicy(order, session)).toEqual({ denied: false, allowed: 'caller' });
    }
  });
});

describe('NotPrincipal', () => {
  const not = (AWS: unknown) => ({ Principal: undefined, NotPrincipal: { AWS } });

  test.each<[what: string, excepted: string[], names: PrincipalNames, denied: boolean]>([
    ['the user and its account', [root, aliceArn], alice, false],
    ['the user and its account’s id', [accountId, aliceArn], alice, false],
    ['the user alone', [aliceArn], alice, true],
    ['the account alone', [root], alice, true],
    ['the account, the role and the session', [root, roleArn, sessionArn], session, false],
    ['the account and the role', [root, roleArn], session, true],
    ['the account and the session', [root, sessionArn], session, true],
    ['the role and the session', [roleArn, sessionArn], session, true],
    ['the account, of its root', [root], theRoot, false],
    ['another account, of a root', [strangers], theRoot, true],
    ['everyone', ['*'], alice, false],
    ['nobody that the service is', [root], service, true],
  ])('with Deny excepts %s', (_what, excepted, names, denied) => {
    expect(deniedBy(not(excepted), names)).toBe(denied);
  });

  test('with Deny excepts services and providers by name', () => {
    const services = { Principal: undefined, NotPrincipal: { Service: 's3.amazonaws.com' } };
    expect(deniedBy(services, service)).toBe(false);
    expect(deniedBy(services, alice)).toBe(true);
    const providers = { Principal: undefined, NotPrincipal: { Federated: provider } };
    expect(deniedBy(providers, token)).toBe(false);
  });

  test('with Deny excepts nobody who has a permissions boundary', () => {
    const bounded = { ...alice, bounded: true };
    expect(deniedBy(not([root, aliceArn]), bounded)).toBe(true);
    expect(deniedBy({ Principal: { AWS: strangers } }, bounded)).toBe(false);
  });

  test.each<[what: string, excepted: string[], names: PrincipalNames, match: string]>([
    ['whoever is not named', [aliceArn], session, 'caller'],
    ['not the user', [aliceArn], alice, 'none'],
    ['not the account', [root], alice, 'none'],
    ['not the role', [roleArn], session, 'none'],
    ['nobody', ['*'], stranger, 'none'],
  ])('with Allow allows %s', (_what, excepted, names, match) => {
    expect(askKeyPolicy([not(excepted)], names).allowed).toBe(match);
  });
});

test('a policy lists whom it names, with accounts as their roots', () => {
  const statements = [
    { Principal: { AWS: ['*', accountId, aliceArn] } },
    { NotPrincipal: { AWS: [root, aliceId] }, Effect: 'Deny' },
    { Principal: { Service: 's3.amazonaws.com', AWS: roleArn }, Action: undefined },
  ].map((members) => ({ Effect: 'Allow', Action: 'kms:*', Resource: '*', ...members }));
  const text = JSON.stringify({ Statement: statements });
  const { principals } = compileKeyPolicy(text, place);
  expect(principals).toEqual([root, aliceArn, aliceId, roleArn]);
});

describe('what cannot be a principal', () => {
  const compile = (Principal: unknown) =>
    faultOf(() => {
      const Statement = { Effect: 'Allow', Principal, Action: 'sts:AssumeRole' };
      compileTrustPolicy(JSON.stringify({ Version: '2012-10-17', Statement }), place);
    });

  test.each([
    ...['arn:aws:iam::1:root', `arn:aws:iam::${accountId}:group/admins`, 'arn:'],
    ...[
      `arn:aws:iam::${accountId}:user/`,
      `arn:aws:iam::${accountId}:user/a b`,
      'arn:aws:iam::*:root',
    ],
    ...[`arn:aws:iam::${accountId}:role/*`, `arn:aws:iam::${accountId}:role/B?`, `${root}/x`],
    ...[`arn:aws:iam::${accountId}:user/*/a`, `arn:aws:iam::${accountId}:assumed-role/B/x`],
    ...[`arn:aws:sts::${accountId}:assumed-role/B`, `arn:aws:sts::${accountId}:assumed-role/B/x/y`],
    ...[`arn:aws:sts::${accountId}:user/a`, `arn:aws:iam:us-east-1:${accountId}:user/a`],
    ...[`arn:aws:iam::${accountId}:instance-profile/x`, `${aliceArn}\n`, `arn:aws:s3:::bucket`],
  ])('the ARN %j', (AWS) => {
    expect(compile({ AWS })).toEqual({
      fault: 'arn',
      message: `Invalid principal in policy: "AWS":"${AWS}"`,
    });
  });

  test.each([
    'nobody',
    'user/alice',
    '12345',
    '1234567890123',
    'AIDA',
    'AKIAIOSFODNN7EXAMPLE',
    '',
    '**',
    ' *',
  ])('the name %j', (AWS) => {
    expect(compile({ AWS })).toEqual({
      fault: 'principal',
      message: `Invalid principal in policy: "AWS":"${AWS}"`,
    });
  });

  test.each<[kind: string, name: string, fault: string]>([
    ['Service', '*', 'principal'],
    ['Service', 's3', 'principal'],
    ['Service', 's3..amazonaws.com', 'principal'],
    ['Service', 'a'.repeat(64) + '.com', 'principal'],
    ['Service', root, 'arn'],
    ['Federated', '*', 'principal'],
    ['Federated', 'https://accounts.google.com', 'principal'],
    ['Federated', `arn:aws:iam::${accountId}:oidc-provider/`, 'arn'],
    ['Federated', root, 'arn'],
    ['CanonicalUser', 'me', 'principal'],
  ])('the %s %j', (kind, name, fault) => {
    expect(compile({ [kind]: name })).toEqual({
      fault,
      message: `Invalid principal in policy: "${kind.toUpperCase()}":"${name}"`,
    });
  });

  test.each<[unknown]>(
    [
      {},
      [],
      ['*'],
      '',
      'x',
      1,
      null,
      true,
      { AWS: [] },
      { AWS: {} },
      { AWS: null },
      { AWS: [1] },
    ].map((one) => [one]),
  )('the element %j', (Principal) => {
    expect(compile(Principal)).toEqual({ fault: 'syntax', message: 'Syntax errors in policy.' });
  });

  test.each(['aws', 'Group', '__proto__', 'constructor', ''])('the kind %j', (kind) => {
    const Principal = JSON.parse(`{"AWS":"*","${kind}":"x"}`) as unknown;
    expect(compile(Principal)).toEqual({ fault: 'syntax', message: 'Syntax errors in policy.' });
  });
});
