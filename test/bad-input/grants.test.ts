import { type Answer, type Target, startTarget } from './target';

let target: Target;
let root: string;
let before: unknown;
const requestIds: string[] = [];

beforeAll(async () => {
  target = await startTarget();
  root = `arn:aws:iam::${target.daemon.accountId}:root`;
  before = await target.state();
});
afterAll(() => target.close());

async function send(operation: string, body: unknown): Promise<Answer> {
  const answer = await target.send(operation, body);
  requestIds.push(answer.requestId);
  return answer;
}

async function codeOf(operation: string, body: unknown): Promise<unknown> {
  const { status, body: answer } = await send(operation, body);
  expect(status).toBe(400);
  return answer['__type'];
}

const create = (different: object) =>
  codeOf('CreateGrant', {
    ...{ KeyId: target.keyId, GranteePrincipal: root, Operations: ['Encrypt'] },
    ...different,
  });
const context = (pairs: unknown) => ({ Constraints: { EncryptionContextEquals: pairs } });
const raw = (text: string) => Buffer.from(text).toString('base64url');
const missing = 'ab'.repeat(32);

describe('CreateGrant refuses', () => {
  test.each<[string, object, string]>([
    ['no operations', { Operations: [] }, 'ValidationException'],
    ['null operations', { Operations: null }, 'ValidationException'],
    ['an operation that is none', { Operations: ['DisableKey'] }, 'ValidationException'],
    ['an operation by another case', { Operations: ['encrypt'] }, 'ValidationException'],
    ['a wildcard', { Operations: ['*'] }, 'ValidationException'],
    ['2000 operations', { Operations: Array(2000).fill('Encrypt') }, 'SerializationException'],
    ['an operation that is an object', { Operations: [{}] }, 'SerializationException'],
    ['operations that are a text', { Operations: 'Encrypt' }, 'SerializationException'],
    ['an empty name', { Name: '' }, 'ValidationException'],
    ['a name of 257 characters', { Name: 'n'.repeat(257) }, 'ValidationException'],
    ['a name with a space', { Name: 'a b' }, 'ValidationException'],
    ['a name with a line end', { Name: 'a\n' }, 'ValidationException'],
    ['a name with a NUL', { Name: 'a\0' }, 'ValidationException'],
    ['an empty grantee', { GranteePrincipal: '' }, 'ValidationException'],
    ['a grantee with a star', { GranteePrincipal: '*' }, 'ValidationException'],
    ['a grantee with a NUL', { GranteePrincipal: 'arn:aws:iam::1:root\0' }, 'ValidationException'],
    ['a grantee of 257 characters', { GranteePrincipal: 'a'.repeat(257) }, 'ValidationException'],
    ['a grantee that is nobody', { GranteePrincipal: 'nobody' }, 'InvalidArnException'],
    ['a grantee in SQL', { GranteePrincipal: 'x/or/1=1/--' }, 'InvalidArnException'],
    ['a list of grantees', { GranteePrincipal: [] }, 'SerializationException'],
    ['a context that is a text', context('a'), 'SerializationException'],
    ['a context with a number', context({ a: 1 }), 'SerializationException'],
    ['a context with null', context({ a: null }), 'SerializationException'],
    ['a context with a NUL', context({ a: '\0' }), 'ValidationException'],
    ['a context with half a pair', context({ a: '\ud800' }), 'SerializationException'],
    [
      'a context of 9 pairs',
      context(Object.fromEntries(Array.from('abcdefghi', (k) => [k, k]))),
      'ValidationException',
    ],
    ['a context of long values', context({ a: 'v'.repeat(385) }), 'ValidationException'],
    ['a source that is short', { Constraints: { SourceArn: 'a' } }, 'ValidationException'],
    [
      'a source that is no ARN',
      { Constraints: { SourceArn: 'a'.repeat(20) } },
      'InvalidArnException',
    ],
    [
      'a source of a NUL',
      { Constraints: { SourceArn: `arn:aws:s3:::bucket\0` } },
      'InvalidArnException',
    ],
    ['11 tokens', { GrantTokens: Array(11).fill('a') }, 'ValidationException'],
    ['an empty token', { GrantTokens: [''] }, 'ValidationException'],
    ['a token of 8193 characters', { GrantTokens: ['a'.repeat(8193)] }, 'ValidationException'],
    [
      'a token of 8192 characters',
      { GrantTokens: ['a'.repeat(8192)] },
      'InvalidGrantTokenException',
    ],
    ['ten bad tokens', { GrantTokens: Array(10).fill('a') }, 'InvalidGrantTokenException'],
    ['a token with a NUL', { GrantTokens: ['\0'] }, 'InvalidGrantTokenException'],
    [
      'a token of a made-up key',
      { GrantTokens: [raw('\u0001'.padEnd(160, 'x'))] },
      'InvalidGrantTokenException',
    ],
    ['DryRun as a text', { DryRun: 'true' }, 'SerializationException'],
  ])('%s', async (_, different, code) => {
    expect(await create(different)).toBe(code);
  });
});

describe('The others refuse', () => {
  test.each<[string, string, object, string]>([
    ['a missing grant id', 'RevokeGrant', {}, 'ValidationException'],
    ['an empty grant id', 'RevokeGrant', { GrantId: '' }, 'ValidationException'],
    ['a long grant id', 'RevokeGrant', { GrantId: 'a'.repeat(129) }, 'ValidationException'],
    ['a grant id with a NUL', 'RevokeGrant', { GrantId: '\0' }, 'InvalidGrantIdException'],
    ['a grant that is not there', 'RevokeGrant', { GrantId: missing }, 'NotFoundException'],
    ['no grant at all', 'RetireGrant', {}, 'ValidationException'],
    ['a grant that is not there', 'RetireGrant', { GrantId: missing }, 'NotFoundException'],
    ['a marker that is garbage', 'ListGrants', { Marker: 'x' }, 'InvalidMarkerException'],
    ['a limit of 0', 'ListGrants', { Limit: 0 }, 'ValidationException'],
    ['a grant id that is none', 'ListGrants', { GrantId: '..' }, 'InvalidGrantIdException'],
    [
      'a service as a filter',
      'ListGrants',
      { GranteeServicePrincipal: '\0' },
      'ValidationException',
    ],
  ])('%s: %s', async (_, operation, input, code) => {
    expect(await codeOf(operation, { KeyId: target.keyId, ...input })).toBe(code);
  });

  test.each<[string, object, string]>([
    ['nobody', {}, 'ValidationException'],
    ['a text', { RetiringPrincipal: 'alice' }, 'InvalidArnException'],
    ['everyone', { RetiringPrincipal: '*' }, 'ValidationException'],
    [
      'another account',
      { RetiringPrincipal: 'arn:aws:iam::444455556666:root' },
      'AccessDeniedException',
    ],
    ['a service', { RetiringServicePrincipal: 's3.amazonaws.com' }, 'ValidationException'],
  ])('to list what is retired by %s', async (_, input, code) => {
    expect(await codeOf('ListRetirableGrants', input)).toBe(code);
  });

  test('a token in place of ids, whatever is in it', async () => {
    const wrong = ['a', '=', raw('{}'), raw('\u0001'), 'A'.repeat(8192), `${raw('a')}\n`, '💥'];
    for (const GrantToken of wrong) {
      expect(await codeOf('RetireGrant', { GrantToken })).toBe('InvalidGrantTokenException');
    }
  });
});

test('A context with the names of what every object has is one like any other', async () => {
  const pairs = '{"__proto__":"a","constructor":"b","toString":"c"}';
  const body = `{"KeyId":"${target.keyId}","GranteePrincipal":"${root}","Operations":["Encrypt"],"Constraints":{"EncryptionContextSubset":${pairs}}}`;
  const made = await send('CreateGrant', body);
  expect(made.status).toBe(200);
  const { GrantId } = made.body as { GrantId: string };
  const listed = await send('ListGrants', { KeyId: target.keyId, GrantId });
  for (const pair of ['"__proto__":"a"', '"constructor":"b"', '"toString":"c"']) {
    expect(listed.text).toContain(pair);
  }
  expect((await send('RevokeGrant', { KeyId: target.keyId, GrantId })).status).toBe(200);
});

test('Nothing changed, and each request has one record', async () => {
  expect(await target.state()).toEqual(before);
  const audited = await target.audited();
  expect(audited.filter((id) => requestIds.includes(id)).sort()).toEqual([...requestIds].sort());
});
