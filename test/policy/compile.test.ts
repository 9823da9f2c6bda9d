import {
  compileIdentityPolicy,
  compileKeyPolicy,
  compileManagedPolicy,
  compileTrustPolicy,
} from '../../src/policy/compile';
import type { PolicyAnswer } from '../../src/policy/policy';
import { askKeyPolicy, contextOf, faultOf, namesOf, policyKeyArn } from '../support/policies';
import { accountId, place } from '../support/sample-keys';

const everyone = namesOf();
const allow = { Effect: 'Allow', Action: 'kms:*', Resource: '*' };
const keyAllow = { ...allow, Principal: '*' };
const trustAllow = { Effect: 'Allow', Principal: '*', Action: 'sts:AssumeRole' };

const documentOf = (...Statement: unknown[]): string =>
  JSON.stringify({ Version: '2012-10-17', Statement });
const identity = (...statements: unknown[]) => compileIdentityPolicy(documentOf(...statements));

function ask(policy: ReturnType<typeof identity>, action = 'kms:encrypt', resource = policyKeyArn) {
  return policy.ask({ action, resource, context: contextOf() });
}

const syntax = { fault: 'syntax', message: 'Syntax errors in policy.' };

/** Each kind of policy, with a statement that is right for it. */
const kinds = [
  ['identity', allow, compileIdentityPolicy],
  ['managed', allow, compileManagedPolicy],
  ['key', keyAllow, (text: string) => compileKeyPolicy(text, place)],
  ['trust', trustAllow, (text: string) => compileTrustPolicy(text, place)],
] as const;

describe.each(kinds)('a policy of the kind %s', (_kind, right, compile) => {
  const refusal = (document: unknown) =>
    faultOf(() => compile(typeof document === 'string' ? document : JSON.stringify(document)));
  const whole = { Version: '2012-10-17', Statement: right };
  const without = (member: string) =>
    Object.fromEntries(Object.entries(right).filter(([name]) => name !== member));

  test('keeps its text', () => {
    const text = ` ${JSON.stringify(whole, null, 3)}\n`;
    expect(compile(text).text).toBe(text);
  });

  test('may have an Id, a Sid, and statements one or many', () => {
    const members = { Id: 'any text – ünïcode', Version: '2012-10-17' };
    expect(refusal({ ...members, Statement: { Sid: 'One1', ...right } }).fault).toBe('none');
    expect(refusal({ ...members, Statement: [right, right] }).fault).toBe('none');
    expect(refusal({ ...whole, Statement: { ...right, Sid: '' } }).fault).toBe('none');
  });

  test.each([
    ...[
      '',
      ' ',
      '{',
      '{}',
      'null',
      '[]',
      '"text"',
      '1',
      'true',
      '{"Statement":[]}',
      '{"Statement":null}',
    ],
    ...[
      "{'Statement':1}",
      '{"Statement":{}}',
      '{"Version":"2012-10-17"}',
      '\ufeff{}',
      '[{"Statement":[]}]',
    ],
  ])('is not %j', (text) => {
    expect(refusal(text)).toEqual(syntax);
  });

  test.each<[string, unknown]>([
    ['a version of its own', { ...whole, Version: '2013-01-01' }],
    ['a version that is a number', { ...whole, Version: 2012 }],
    ['a version that is null', { ...whole, Version: null }],
    ['an Id that is no text', { ...whole, Id: 1 }],
    ['a member that policies do not have', { ...whole, Conditions: {} }],
    ['a member in another letter case', { ...whole, statement: right }],
    ['a member without a name', { ...whole, '': 1 }],
    ['a statement that is a list', { ...whole, Statement: [[right]] }],
    ['a statement that is text', { ...whole, Statement: 'Allow' }],
    ['a statement that is null beside another', { ...whole, Statement: [right, null] }],
    ['a member that statements do not have', { ...whole, Statement: { ...right, effect: 'Deny' } }],
    ['a Sid that is no text', { ...whole, Statement: { ...right, Sid: 1 } }],
    ['a Sid that is null', { ...whole, Statement: { ...right, Sid: null } }],
    ['another effect', { ...whole, Statement: { ...right, Effect: 'allow' } }],
    ['no effect', { ...whole, Statement: without('Effect') }],
    ['a list of effects', { ...whole, Statement: { ...right, Effect: ['Allow'] } }],
    ['an action that is no text', { ...whole, Statement: { ...right, Action: [{}] } }],
    ['an action that is null', { ...whole, Statement: { ...right, Action: null } }],
    ['an action in a list of lists', { ...whole, Statement: { ...right, Action: [['sts:x']] } }],
    ['both actions', { ...whole, Statement: { ...right, NotAction: 'sts:x' } }],
    ['a resource that is a number', { ...whole, Statement: { ...right, Resource: 1 } }],
    ['both resources', { ...whole, Statement: { ...right, Resource: '*', NotResource: '*' } }],
    ['both principals', { ...whole, Statement: { ...right, Principal: '*', NotPrincipal: '*' } }],
    ['a condition that is null', { ...whole, Statement: { ...right, Condition: null } }],
  ])('does not have %s', (_what, document) => {
    expect(refusal(document)).toEqual(syntax);
  });

  test.each([
    ['of the document', '{"Version":"2012-10-17","Version":"2012-10-17","Statement":[]}'],
    ['of a statement', `{"Statement":[{"Effect":"Deny","Effect":"Allow"}]}`],
    ['written otherwise', `{"Statement":[{"Effect":"Deny","\\u0045ffect":"Allow"}]}`],
    ['of a condition', '{"Statement":{"Condition":{"Bool":{"a:b":"true"},"Bool":{}}}}'],
    ['of a prototype', '{"__proto__":{"Statement":[]}}'],
    ['of a prototype’s own', '{"constructor":{},"toString":1}'],
  ])('does not say twice, or at all, a member %s', (_what, text) => {
    expect(refusal(text)).toEqual(syntax);
  });

  test('is not nested deeper than the grammar', () => {
    for (const text of ['['.repeat(100_000), '['.repeat(50_000) + ']'.repeat(50_000)]) {
      expect(refusal(text)).toEqual(syntax);
    }
    expect(refusal('{"Statement":'.repeat(20_000) + '1' + '}'.repeat(20_000))).toEqual(syntax);
  });
});

describe('an identity policy is refused', () => {
  const refusal = (members: Record<string, unknown>) =>
    faultOf(() => identity({ ...allow, ...members })).message;

  test.each<[message: string, members: Record<string, unknown>]>([
    ['Policy document should not specify a principal.', { Principal: '*' }],
    ['Policy document should not specify a principal.', { NotPrincipal: { AWS: '*' } }],
    ['Policy statement must contain actions.', { Action: undefined }],
    ['Policy statement must contain actions.', { Action: [] }],
    ['Policy statement must contain resources.', { Resource: undefined }],
    ['Policy statement must contain resources.', { Resource: [] }],
    ['Policy statement must contain resources.', { Resource: undefined, NotResource: [] }],
    ['Resource key/1 must be in ARN format or "*".', { Resource: ['*', 'key/1'] }],
    ['Resource  must be in ARN format or "*".', { Resource: '' }],
    ['Resource ** must be in ARN format or "*".', { Resource: '**' }],
    [
      'Resource vendor must be fully qualified and cannot contain regexes.',
      { Resource: 'arn:aws:*:us-east-1:111122223333:key/1' },
    ],
    ['Resource vendor must be fully qualified and cannot contain regexes.', { Resource: 'arn:*' }],
    [
      'Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.',
      { Action: ['kms:*', 'Encrypt'] },
    ],
    ['Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.', { Action: '' }],
    ['Actions/Condition can contain only one colon.', { Action: 'kms:Encrypt:x' }],
    ['Vendor k* is not valid', { Action: 'k*:Encrypt' }],
    ['Vendor  is not valid', { NotAction: ':Encrypt', Action: undefined }],
    [
      'Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*',
      { Sid: 'two words' },
    ],
  ])('with “%s” for %j', (message, members) => {
    expect(refusal(members)).toBe(message);
  });

  test('for a Sid that comes twice', () => {
    const message = 'Statement IDs (SID) in a single policy must be unique.';
    const twice = [
      { ...allow, Sid: 'A' },
      { ...allow, Sid: 'A' },
    ];
    expect(faultOf(() => identity(...twice))).toEqual({ fault: 'syntax', message });
    expect(faultOf(() => identity({ ...allow, Sid: '' }, { ...allow, Sid: '' })).fault).toBe(
      'none',
    );
  });

  test('where it is a managed one, for an older version', () => {
    const message = 'Policy document must be version 2012-10-17 or greater.';
    for (const older of [{}, { Version: '2008-10-17' }]) {
      const text = JSON.stringify({ ...older, Statement: allow });
      expect(faultOf(() => compileManagedPolicy(text))).toEqual({ fault: 'syntax', message });
      expect(faultOf(() => compileIdentityPolicy(text)).fault).toBe('none');
    }
  });
});

describe('a trust policy is refused', () => {
  test.each<[message: string, members: Record<string, unknown>]>([
    ['Has prohibited field Resource', { Resource: '*' }],
    ['AssumeRole policy must not contain resources.', { NotResource: '*' }],
    ['Missing required field Principal', { Principal: undefined }],
    [
      'AssumeRole policy must not contain NotPrincipal field.',
      { Principal: undefined, NotPrincipal: '*' },
    ],
    ['Missing required field Action', { Action: undefined }],
    ['Missing required field Action', { Action: [] }],
    ['AssumeRole policy may only specify STS AssumeRole actions.', { Action: '*' }],
    ['AssumeRole policy may only specify STS AssumeRole actions.', { Action: ['sts:x', 'kms:y'] }],
    ['Actions/Condition can contain only one colon.', { Action: 'sts:AssumeRole:x' }],
    ['Syntax errors in policy.', { Principal: {} }],
  ])('with “%s” for %j', (message, members) => {
    const text = documentOf({ ...trustAllow, ...members });
    expect(faultOf(() => compileTrustPolicy(text, place))).toEqual({ fault: 'syntax', message });
  });
});

describe('a key policy', () => {
  const refusal = (members: Record<string, unknown>) =>
    faultOf(() => compileKeyPolicy(documentOf({ ...keyAllow, ...members }), place));
  const allowed = (members: Record<string, unknown>): string =>
    askKeyPolicy([members], everyone).allowed;

  test.each([
    ['no principal', { Principal: undefined }],
    ['an empty list of actions', { Action: [] }],
    ['an empty list of resources', { Resource: [] }],
    ['an empty list of actions that are not meant', { Action: undefined, NotAction: [] }],
  ])('with %s is refused', (_what, members) => {
    expect(refusal(members)).toEqual(syntax);
  });

  test('may have Sids of any text, twice', () => {
    const statements = [keyAllow, keyAllow].map((one) => ({ ...one, Sid: 'Any text, twice' }));
    const text = documentOf(...statements);
    expect(faultOf(() => compileKeyPolicy(text, place)).fault).toBe('none');
  });

  test.each<[string, Record<string, unknown>]>([
    ['without an action', { Action: undefined }],
    ['without a resource', { Resource: undefined }],
    ['without either', { Action: undefined, Resource: undefined }],
    ['of another service’s actions', { Action: 's3:*' }],
    ['of actions without a service', { Action: 'Encrypt' }],
  ])('has no effect by a statement %s', (_what, members) => {
    expect(allowed(members)).toBe('none');
    expect(askKeyPolicy([{}, { ...members, Effect: 'Deny' }], everyone).denied).toBe(false);
  });

  test.each<[resource: unknown, allowed: string]>([
    ['*', 'caller'],
    [policyKeyArn, 'caller'],
    [['arn:aws:s3:::b', '*'], 'caller'],
    [`arn:aws:kms:*:${accountId}:key/*`, 'caller'],
    [`${policyKeyArn.slice(0, -1)}1`, 'none'],
    [`arn:aws:kms:us-east-1:${accountId}:alias/*`, 'none'],
    ['', 'none'],
  ])('on %j: %s', (Resource, expected) => {
    expect(allowed({ Resource })).toBe(expected);
    const opposite = expected === 'none' ? 'caller' : 'none';
    expect(allowed({ Resource: undefined, NotResource: Resource })).toBe(opposite);
  });

  test.each([
    ['kms:EncryptionContext:tenant', 'encryption context'],
    ['KMS:encryptioncontext:x', 'encryption context'],
    ['aws:RequestTag/team', 'tag'],
  ])('does not ask ForAllValues of %s, which anyone can leave out', (key, name) => {
    const message = `OverlyPermissiveCondition: Using the ForAllValues set operator with a single-valued condition key matches requests without the specified ${name} or with an unspecified ${name}. To fix, remove ForAllValues.`;
    for (const operator of ['StringEquals', 'StringLikeIfExists', 'StringNotEquals']) {
      const Condition = { [`ForAllValues:${operator}`]: { [key]: 'x' } };
      expect(refusal({ Condition })).toEqual({ fault: 'overly-permissive', message });
      expect(refusal({ Condition: { [operator]: { [key]: 'x' } } }).fault).toBe('none');
      expect(refusal({ Condition: { [`ForAnyValue:${operator}`]: { [key]: 'x' } } }).fault).toBe(
        'none',
      );
      expect(faultOf(() => identity({ ...allow, Condition })).fault).toBe('none');
    }
  });

  test('asks ForAllValues of keys with several values', () => {
    for (const key of ['kms:EncryptionContextKeys', 'aws:TagKeys', 'kms:GrantOperations']) {
      const Condition = { 'ForAllValues:StringEquals': { [key]: 'x' } };
      expect(refusal({ Condition }).fault).toBe('none');
    }
  });
});

describe('a statement', () => {
  test.each<[action: unknown, asked: string, allowed: boolean]>([
    ['*', 'kms:encrypt', true],
    ['kms:*', 'kms:encrypt', true],
    ['KMS:ENCRYPT', 'kms:encrypt', true],
    ['kms:Encrypt', 'kms:encryptx', false],
    ['kms:Encrypt', 'kms:decrypt', false],
    ['kms:*crypt', 'kms:decrypt', true],
    ['kms:Re?ncryptFrom', 'kms:reencryptfrom', true],
    ['kms:ReEncrypt?', 'kms:reencrypt', false],
    [['s3:*', 'kms:GenerateDataKey*'], 'kms:generatedatakeypair', true],
    [['s3:*', 'kms:GenerateDataKey*'], 'kms:encrypt', false],
    ['kms:${*}', 'kms:encrypt', false],
  ])('of the action %j, asked for %s: %j', (Action, asked, allowed) => {
    expect(ask(identity({ ...allow, Action }), asked).allowed).toBe(allowed ? 'caller' : 'none');
    const not = identity({ ...allow, Action: undefined, NotAction: Action });
    expect(ask(not, asked).allowed).toBe(allowed ? 'none' : 'caller');
  });

  test.each<[resource: unknown, asked: string, allowed: boolean]>([
    ['*', policyKeyArn, true],
    ['*', '*', true],
    [policyKeyArn, policyKeyArn, true],
    [policyKeyArn, '*', false],
    [policyKeyArn.toUpperCase().replace('ARN:AWS:KMS', 'arn:aws:kms'), policyKeyArn, false],
    ['arn:aws:kms:us-east-1:*', policyKeyArn, true],
    [`arn:aws:kms:*:${accountId}:key/*`, policyKeyArn, true],
    [`arn:aws:kms:*:${accountId}:key/????????-12ab-*`, policyKeyArn, true],
    ['arn:aws:kms:*:444455556666:key/*', policyKeyArn, false],
    [`arn:aws:kms:*:${accountId}:alias/*`, policyKeyArn, false],
    [['arn:aws:s3:::b', `arn:aws:kms:us-east-1:${accountId}:key/*`], policyKeyArn, true],
  ])('on %j, asked of %s: %j', (Resource, asked, allowed) => {
    const answer = (members: Record<string, unknown>): PolicyAnswer =>
      ask(identity({ ...allow, ...members }), 'kms:encrypt', asked);
    expect(answer({ Resource }).allowed).toBe(allowed ? 'caller' : 'none');
    expect(answer({ Resource: undefined, NotResource: Resource }).allowed).toBe(
      allowed ? 'none' : 'caller',
    );
  });

  test('that denies is heard wherever it stands, beside what is allowed', () => {
    const deny = { ...allow, Effect: 'Deny', Action: 'kms:Decrypt' };
    for (const order of [
      [allow, deny],
      [deny, allow],
    ]) {
      const policy = identity(...order);
      expect(ask(policy, 'kms:decrypt')).toEqual({ denied: true, allowed: 'caller' });
      expect(ask(policy, 'kms:encrypt')).toEqual({ denied: false, allowed: 'caller' });
    }
    expect(ask(identity(deny), 'kms:decrypt')).toEqual({ denied: true, allowed: 'none' });
  });

  test('of a trust policy is about the role, whatever it is called', () => {
    const policy = compileTrustPolicy(documentOf(trustAllow), place);
    const question = { action: 'sts:assumerole', context: contextOf() };
    for (const resource of [`arn:aws:iam::${accountId}:role/x`, '*']) {
      expect(policy.ask({ ...question, resource }, everyone).allowed).toBe('caller');
      expect(
        policy.ask({ ...question, resource, action: 'sts:tagsession' }, everyone).allowed,
      ).toBe('none');
    }
  });
});
