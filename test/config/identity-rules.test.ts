import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { IdentityRules } from '../../src/auth/identity-rules';
import { ConfigError } from '../../src/config/error';
import { readIdentityRules } from '../../src/config/identity-rules';

let directory: string;
let file: string;

beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'claviger-rules-'));
  file = path.join(directory, 'rules.json');
});
afterAll(() => rmSync(directory, { recursive: true }));

function read(document: unknown): IdentityRules {
  writeFileSync(file, typeof document === 'string' ? document : JSON.stringify(document));
  return readIdentityRules('RULES', file);
}

function faultOf(document: unknown): string {
  try {
    read(document);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.replace(`RULES: ${file}: `, '');
    throw error;
  }
  return 'no fault';
}

const arn = 'arn:aws:iam::111122223333:role/team/payments';
const token = {
  issuer: 'https://issuer.example.org/x',
  audiences: ['claviger'],
  claims: { sub: '*:web' },
  role: arn,
};

test('rules are read in their order', () => {
  const rules = read({
    certificates: [
      { uri: 'spiffe://example.org/*', principal: arn },
      { dns: '*.example.org', principal: 'arn:aws:iam::111122223333:user/backup' },
      {
        subject: 'CN=backup,O=Example\\, Inc., OU = a\\+b\\\\ ',
        principal: 'db.claviger.internal',
      },
    ],
    tokens: [token],
  });
  expect(rules).toEqual({
    certificates: [
      { certificate: { uri: 'spiffe://example.org/*' }, target: { kind: 'role', arn } },
      {
        certificate: { dns: '*.example.org' },
        target: { kind: 'user', arn: 'arn:aws:iam::111122223333:user/backup' },
      },
      {
        certificate: {
          subject: [
            { type: 'CN', value: 'backup' },
            { type: 'O', value: 'Example, Inc.' },
            { type: 'OU', value: 'a+b\\' },
          ],
        },
        target: { kind: 'service', name: 'db.claviger.internal' },
      },
    ],
    tokens: [
      {
        issuer: token.issuer,
        audiences: ['claviger'],
        claims: { sub: '*:web' },
        target: { kind: 'role', arn },
      },
    ],
  });
});

test('the example in docs/operating.md is a file of rules', () => {
  const page = readFileSync(path.join(__dirname, '../../../docs/operating.md'), 'utf8');
  const [, example = ''] = /```json\n(.*?)```/s.exec(page) ?? [];
  const { certificates, tokens } = read(example);
  expect([certificates.length, tokens.length]).toEqual([3, 1]);
  expect(certificates[2]?.certificate).toEqual({
    subject: [
      { type: 'CN', value: 'backup' },
      { type: 'O', value: 'Example, Inc.' },
    ],
  });
});

test('a file without rules has none', () => {
  expect(read({})).toEqual({ certificates: [], tokens: [] });
});

test('an issuer on this machine may do without TLS', () => {
  expect(read({ tokens: [{ ...token, issuer: 'http://127.0.0.1:8080' }] }).tokens).toHaveLength(1);
});

const certificate = (different: object): object => ({
  certificates: [{ uri: 'spiffe://a/b', principal: arn, ...different }],
});
const root = 'arn:aws:iam::111122223333:root';
const notAttributes =
  '/certificates/0/subject must be a list of attributes such as CN=backup,O=Example';
const notPrincipal =
  '/certificates/0/principal must be the ARN of a role or user, or the name of a registered service';

test.each([
  ['not JSON', 'is not JSON'],
  [[], '/ must be object'],
  [{ certificate: [] }, "/ must NOT have additional properties 'certificate'"],
  [{ certificates: {} }, '/certificates must be array'],
  [{ certificates: [{ uri: 'x' }] }, "/certificates/0 must have required property 'principal'"],
  [certificate({ name: 'x' }), "/certificates/0 must NOT have additional properties 'name'"],
  [certificate({ uri: '' }), '/certificates/0/uri must NOT have fewer than 1 characters'],
  [certificate({ dns: 'x' }), "/certificates/0 must have one of 'uri', 'dns' and 'subject'"],
  [certificate({ uri: undefined }), "/certificates/0 must have one of 'uri', 'dns' and 'subject'"],
  ...['CN', 'CN=', 'CN=a,', 'CN=a,,O=b', 'CN=a+O=b', 'CN=a\\', '=a'].map((subject) => [
    certificate({ uri: undefined, subject }),
    notAttributes,
  ]),
  [certificate({ principal: root }), "/certificates/0/principal must not be an account's root"],
  [
    certificate({ principal: '111122223333' }),
    "/certificates/0/principal must not be an account's root",
  ],
  ...[
    'arn:aws:sts::111122223333:assumed-role/a/b',
    'arn:aws:iam::111122223333:group/a',
    'arn:aws:iam::1111:role/a',
    'arn:aws:iam::111122223333:role/a b',
    '*',
    'admin',
  ].map((principal) => [certificate({ principal }), notPrincipal]),
  [
    { tokens: [{ ...token, role: 'arn:aws:iam::111122223333:user/a' }] },
    '/tokens/0/role must be the ARN of a role',
  ],
  [{ tokens: [{ ...token, role: root }] }, "/tokens/0/role must not be an account's root"],
  [
    { tokens: [{ ...token, audiences: [] }] },
    '/tokens/0/audiences must NOT have fewer than 1 items',
  ],
  [
    { tokens: [{ ...token, claims: {} }] },
    '/tokens/0/claims must NOT have fewer than 1 properties',
  ],
  [{ tokens: [{ ...token, claims: { sub: 7 } }] }, '/tokens/0/claims/sub must be string'],
  ...['http://issuer', 'ftp://issuer', 'issuer', 'https://a?b', 'https://u@a', 'https://a#b'].map(
    (issuer) => [
      { tokens: [{ ...token, issuer }] },
      '/tokens/0/issuer must be an https URL without a query',
    ],
  ),
])('%j is a fault: %s', (document, fault) => {
  expect(faultOf(document)).toBe(fault);
});

test('every fault is named at once', () => {
  const document = {
    certificates: [{ uri: 'x', principal: root }, { principal: arn }],
    tokens: [{ ...token, issuer: 'x' }],
  };
  expect(faultOf(document).split('; ')).toEqual([
    "/certificates/0/principal must not be an account's root",
    "/certificates/1 must have one of 'uri', 'dns' and 'subject'",
    '/tokens/0/issuer must be an https URL without a query',
  ]);
});

test('a file that is not there is a fault', () => {
  const missing = path.join(directory, 'missing.json');
  const reading = (): unknown => readIdentityRules('RULES', missing);
  expect(reading).toThrow(`RULES: ${missing}: cannot be read`);
  expect(reading).toThrow(ConfigError);
});
