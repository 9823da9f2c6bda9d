import { BearerTokens } from '../../src/auth/bearer-tokens';
import type { ExpectedToken, VerifiedToken } from '../../src/auth/identity-tokens';
import type { RoleTarget, TokenRule } from '../../src/auth/identity-rules';
import type { RulePrincipal } from '../../src/auth/rule-principals';
import { KmsError } from '../../src/errors';
import { handMade } from '../support/oidc-issuer';
import { refusalOf } from '../support/refusal';

const issuer = 'https://Issuer.example.org/a';
const target: RoleTarget = { kind: 'role', arn: 'arn:aws:iam::111122223333:role/team/pay' };
const rule = (different: Partial<TokenRule> = {}): TokenRule => ({
  ...{ issuer, audiences: ['claviger'], claims: { sub: 'web' }, target },
  ...different,
});
const role: RulePrincipal = {
  kind: 'role',
  accountId: '111122223333',
  arn: target.arn,
  id: 'AROAPAY',
  name: 'pay',
};

const start = Date.parse('2026-01-01T00:00:00Z');
const minute = 60_000;

let now: number;
let verifications: ExpectedToken[];
let outcome: () => Promise<VerifiedToken>;
let principal: RulePrincipal | undefined;
let reasons: unknown[];

const verified = (claims: object = {}): VerifiedToken => ({
  issuer,
  subject: 'web',
  audiences: ['claviger'],
  issuedAt: new Date(start),
  expiresAt: new Date(start + 60 * minute),
  claims: { iss: issuer, aud: 'claviger', sub: 'web', Env: 'prod', ...claims },
});

beforeEach(() => {
  now = start;
  verifications = [];
  reasons = [];
  principal = role;
  outcome = () => Promise.resolve(verified());
});

const bearer = (...rules: readonly TokenRule[]): BearerTokens =>
  new BearerTokens({
    rules: rules.length > 0 ? rules : [rule()],
    tokens: {
      verify: (_, expected) => {
        verifications.push(expected);
        return outcome();
      },
    },
    principals: { find: () => principal },
    place: { partition: 'aws' },
    now: () => now,
    onRefused: (reason) => void reasons.push(reason),
  });

const token = handMade({ alg: 'RS256' }, { iss: issuer });
const refusal = async (tokens: BearerTokens, text = token): Promise<unknown> => {
  const { code, message } = await refusalOf(() => tokens.find(text));
  return [code, message];
};

const invalid = [
  'UnrecognizedClientException',
  'The security token included in the request is invalid.',
];
const expired = ['ExpiredToken', 'The security token included in the request is expired'];

test('the holder of a token is a session of its role, for as long as the token', async () => {
  expect(await bearer().find(token)).toEqual({
    kind: 'assumed-role',
    accountId: '111122223333',
    arn: 'arn:aws:sts::111122223333:assumed-role/pay/web',
    principalId: 'AROAPAY:web',
    userName: undefined,
    accessKeyId: undefined,
    session: {
      issuedAt: new Date(start),
      expiresAt: new Date(start + 60 * minute),
      role: { roleId: 'AROAPAY', arn: target.arn, name: 'pay', sessionName: 'web' },
      policies: [],
      tags: {},
      transitiveTagKeys: [],
      webIdentity: {
        provider: 'arn:aws:iam::111122223333:oidc-provider/Issuer.example.org/a',
        claims: {
          'issuer.example.org/a:iss': issuer,
          'issuer.example.org/a:aud': 'claviger',
          'issuer.example.org/a:sub': 'web',
          'issuer.example.org/a:env': 'prod',
        },
      },
    },
  });
});

test('tags that a token asks for are not given: no rule grants them', async () => {
  const tags = { 'https://aws.amazon.com/tags': { principal_tags: { Team: ['admins'] } } };
  outcome = () => Promise.resolve(verified(tags));
  expect((await bearer().find(token)).session?.tags).toEqual({});
});

test('a token is verified for the audiences of all rules of its issuer', async () => {
  const other = rule({ issuer: 'https://other', audiences: ['x'] });
  await bearer(rule(), other, rule({ audiences: ['kms'] })).find(token);
  expect(verifications).toEqual([{ issuer, audiences: ['claviger', 'kms'] }]);
});

test('a token for the audience of one rule is not one for the claims of another', async () => {
  const strict = rule({ claims: { sub: 'nobody' } });
  const tokens = bearer(strict, rule({ audiences: ['kms'] }));
  expect(await refusal(tokens)).toEqual(invalid);
});

test('a token of an issuer that no rule names is not verified, and its issuer not asked', async () => {
  const foreign = handMade({ alg: 'RS256' }, { iss: 'https://elsewhere' });
  expect(await refusal(bearer(), foreign)).toEqual(invalid);
  expect(verifications).toEqual([]);
});

test('a token is verified again after five minutes, when its key may have been withdrawn', async () => {
  const tokens = bearer();
  await tokens.find(token);
  now += 5 * minute - 1;
  await tokens.find(token);
  expect(verifications).toHaveLength(1);
  now += 1;
  outcome = () => Promise.reject(new KmsError('InvalidIdentityToken', 'no key'));
  expect(await refusal(tokens)).toEqual(invalid);
  expect(verifications).toHaveLength(2);
});

test('a token that runs out while it is remembered is refused from that moment on', async () => {
  const end = start + minute;
  outcome = () => Promise.resolve({ ...verified(), expiresAt: new Date(end) });
  const tokens = bearer();
  now = end - 1;
  await tokens.find(token);
  now = end;
  expect(await refusal(tokens)).toEqual(expired);
  expect(verifications).toHaveLength(1);
});

test('a token that ran out a moment ago is refused though clocks may differ', async () => {
  now = start + 60 * minute;
  expect(await refusal(bearer())).toEqual(expired);
});

test('a token is not remembered by a part of it', async () => {
  const tokens = bearer();
  await tokens.find(token);
  await tokens.find(`${token}x`);
  expect(verifications).toHaveLength(2);
});

test('what a refused token was is not remembered', async () => {
  const tokens = bearer();
  outcome = () => Promise.reject(new KmsError('IDPCommunicationError', 'away'));
  expect(await refusal(tokens)).toEqual([
    'ServiceUnavailableException',
    'The issuer of the token cannot be reached.',
  ]);
  outcome = () => Promise.resolve(verified());
  expect((await tokens.find(token)).principalId).toBe('AROAPAY:web');
});

test.each([
  [new KmsError('InvalidIdentityToken', 'bad'), invalid],
  [new KmsError('ExpiredTokenException', 'Token expired: …'), expired],
])(
  'the refusal %p is told by its kind alone, and its reason to the operator',
  async (thrown, told) => {
    outcome = () => Promise.reject(thrown);
    expect(await refusal(bearer())).toEqual(told);
    expect(reasons).toEqual([thrown]);
  },
);

test('a fault of the service is not taken for a bad token', async () => {
  const fault = new Error('a bug');
  outcome = () => Promise.reject(fault);
  await expect(async () => bearer().find(token)).rejects.toBe(fault);
});

test('a role that is gone is nobody, even for a token that is remembered', async () => {
  const tokens = bearer();
  await tokens.find(token);
  principal = undefined;
  expect(await refusal(tokens)).toEqual(invalid);
  expect(reasons).toEqual([new Error(`${target.arn} does not exist`)]);
});
