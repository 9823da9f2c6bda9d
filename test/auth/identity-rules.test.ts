import type { ClientCertificate } from '../../src/auth/certificate';
import {
  type CertificatePattern,
  type CertificateRule,
  type RoleTarget,
  type TokenRule,
  matchCertificate,
  matchToken,
  sessionNameOf,
} from '../../src/auth/identity-rules';

const role = (name: string): RoleTarget => ({
  kind: 'role',
  arn: `arn:aws:iam::111122223333:role/${name}`,
});
const certificate = (different: Partial<ClientCertificate>): ClientCertificate => ({
  uris: [],
  dnsNames: [],
  subject: [],
  validFrom: new Date(0),
  validTo: new Date(1),
  ...different,
});

describe('a certificate', () => {
  const match = (pattern: CertificatePattern, different: Partial<ClientCertificate>): unknown =>
    matchCertificate([{ certificate: pattern, target: role('r') }], certificate(different))?.name;

  test.each([
    ['spiffe://a/ns/p/sa/*', 'spiffe://a/ns/p/sa/web', true],
    ['spiffe://a/ns/p/sa/*', 'spiffe://a/ns/q/sa/web', false],
    ['spiffe://a/ns/p/sa/web', 'spiffe://a/ns/p/sa/web2', false],
    ['spiffe://a/ns/?/sa/web', 'spiffe://a/ns/p/sa/web', true],
    ['spiffe://a/NS/*', 'spiffe://a/ns/p', false],
  ])('with the rule %s and the URI %s matches: %p', (uri, given, matches) => {
    expect(match({ uri }, { uris: [given] })).toBe(matches ? given : undefined);
  });

  test.each([
    ['*.pay.example.org', 'web.pay.example.org', true],
    ['*.Pay.example.org', 'web.pay.example.org', true],
    ['*.pay.example.org', 'pay.example.org', false],
    ['*.pay.example.org', 'web.pay.example.org.evil', false],
  ])('with the rule %s and the DNS name %s matches: %p', (dns, given, matches) => {
    expect(match({ dns }, { dnsNames: ['other', given] })).toBe(matches ? given : undefined);
  });

  const backup = [
    { type: 'CN', value: 'backup' },
    { type: 'O', value: 'Example' },
  ];

  test.each([
    ['in another order', [...backup].reverse(), true],
    ['with one more attribute', [...backup, { type: 'OU', value: 'x' }], false],
    ['with one less', backup.slice(1), false],
    ['with one twice', [...backup, { type: 'CN', value: 'backup' }], false],
    [
      'with another value',
      [
        { type: 'CN', value: 'Backup' },
        { type: 'O', value: 'Example' },
      ],
      false,
    ],
    [
      'with the value of another',
      [
        { type: 'O', value: 'backup' },
        { type: 'CN', value: 'Example' },
      ],
      false,
    ],
  ])('with its subject %s matches: %p', (_, subject, matches) => {
    expect(match({ subject: backup }, { subject })).toBe(matches ? 'backup' : undefined);
  });

  test('with two attributes of a kind needs two patterns', () => {
    const subject = ['a1', 'b1'].map((value) => ({ type: 'OU', value }));
    const pattern = (...values: string[]): CertificatePattern => ({
      subject: values.map((value) => ({ type: 'OU', value })),
    });
    expect(match(pattern('b*', 'a*'), { subject })).toBe('b1');
    expect(match(pattern('a*', 'a*'), { subject })).toBeUndefined();
  });

  test('is judged by the first rule that matches', () => {
    const rules: CertificateRule[] = [
      { certificate: { dns: 'nobody' }, target: role('none') },
      { certificate: { uri: 'spiffe://a/*' }, target: role('first') },
      { certificate: { uri: 'spiffe://a/b' }, target: role('second') },
    ];
    expect(matchCertificate(rules, certificate({ uris: ['spiffe://a/b'] }))).toEqual({
      name: 'spiffe://a/b',
      target: role('first'),
    });
    expect(matchCertificate(rules, certificate({ uris: ['spiffe://b/b'] }))).toBeUndefined();
  });
});

describe('a token', () => {
  const rule: TokenRule = {
    issuer: 'https://issuer',
    audiences: ['claviger', 'kms'],
    claims: { sub: 'system:serviceaccount:pay:*' },
    target: role('pay'),
  };
  const good = { iss: 'https://issuer', aud: 'claviger', sub: 'system:serviceaccount:pay:web' };

  test.each([
    ['as the rule wants it', {}, true],
    ['with several audiences', { aud: ['x', 'kms'] }, true],
    ['with another audience', { aud: 'x' }, false],
    ['without an audience', { aud: undefined }, false],
    ['with an audience that looks like one', { aud: { claviger: 1 } }, false],
    ['of another issuer', { iss: 'https://issuer/' }, false],
    ['of another subject', { sub: 'system:serviceaccount:payments:web' }, false],
    ['without a subject', { sub: undefined }, false],
  ])('%s: %p', (_, different, matches) => {
    expect(matchToken([rule], { ...good, ...different })).toBe(matches ? rule : undefined);
  });

  test.each([
    [{ groups: ['a', 'admins'] }, true],
    [{ groups: 'admins' }, true],
    [{ groups: [['admins']] }, false],
    [{ groups: { admins: true } }, false],
    [{ groups: null }, false],
    [{}, false],
  ])('with the claims %p for a rule on one of its groups: %p', (claims, matches) => {
    const grouped = { ...rule, claims: { groups: 'admins' } };
    expect(matchToken([grouped], { ...good, ...claims }) === grouped).toBe(matches);
  });

  test('numbers and booleans are compared as texts, and what an object inherits is no claim', () => {
    const wants = (claims: Record<string, string>): boolean =>
      matchToken([{ ...rule, claims }], { ...good, email_verified: true, level: 3 }) !== undefined;
    expect(wants({ email_verified: 'true', level: '3' })).toBe(true);
    expect(wants({ email_verified: 'false' })).toBe(false);
    expect(wants({ constructor: '*' })).toBe(false);
  });

  test('must match every claim of a rule, and gets the first that it matches', () => {
    const strict = { ...rule, claims: { ...rule.claims, env: 'prod' } };
    expect(matchToken([strict, rule], good)).toBe(rule);
    expect(matchToken([strict, rule], { ...good, env: 'prod' })).toBe(strict);
  });
});

test.each([
  ['spiffe://example.org/ns/payments/sa/web', 'ns-payments-sa-web'],
  ['spiffe://example.org', 'spiffe---example.org'],
  ['web.payments.example.org', 'web.payments.example.org'],
  ['system:serviceaccount:payments:web', 'system-serviceaccount-payments-web'],
  ['Zoë 1', 'Zo--1'],
  ['x', 'x-'],
  ['', '--'],
  ['someone@example.org', 'someone@example.org'],
  ['repo:org/name:ref:refs/heads/main', 'repo-org-name-ref-refs-heads-main'],
])('the session of %p is called %s', (name, session) => {
  expect(sessionNameOf(name)).toBe(session);
  expect(session).toMatch(/^[\w+=,.@-]{2,64}$/);
});

test('names that are too long and differ at their ends give sessions of different names', () => {
  const [one, other] = ['1', '2'].map((end) => sessionNameOf(`${'x'.repeat(100)}${end}`));
  expect(one).toMatch(/^x{55}-[0-9a-f]{8}$/);
  expect(one).not.toBe(other);
});
