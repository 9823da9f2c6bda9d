import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadConfig, rateLimits } from '../../src/config';
import { ConfigError } from '../../src/config/error';
import { readRateLimits } from '../../src/config/rates';
import { awsRates } from '../../src/request-rates/groups';
import { type RateLimits, ratesOf } from '../../src/request-rates/limits';

let directory: string;
let file: string;

beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'claviger-rates-'));
  file = path.join(directory, 'rates.json');
});
afterAll(() => rmSync(directory, { recursive: true }));

function read(document: unknown): RateLimits {
  writeFileSync(file, typeof document === 'string' ? document : JSON.stringify(document));
  return readRateLimits('RATES', file);
}

function faultOf(document: unknown): string {
  try {
    read(document);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.replace(`RATES: ${file}: `, '');
    throw error;
  }
  return 'no fault';
}

const alice = 'arn:aws:iam::111122223333:user/alice';
const batch = 'arn:aws:iam::111122223333:role/batch/nightly';

test('an empty file limits nothing', () => {
  expect(ratesOf(read({}), alice)).toEqual(new Map());
});

test("AWS's rates are a preset, which groups change", () => {
  const limits = read({ preset: 'aws', groups: { symmetric: 0.5, rsa: 'unlimited' } });
  const expected = new Map(awsRates);
  expected.set('symmetric', 0.5);
  expected.delete('rsa');
  expect(ratesOf(limits, alice)).toEqual(expected);
});

test('the first rule that matches decides, and leaves what it does not name as it is for everyone', () => {
  const limits = read({
    groups: { symmetric: 10, CreateKey: 1 },
    rules: [
      { principals: ['docs.claviger.internal', '*:role/batch/*'], groups: { symmetric: 500 } },
      { principals: [batch], groups: { symmetric: 1 } },
      { principals: ['arn:aws:iam::111122223333:user/al?ce'], preset: 'unlimited' },
    ],
  });
  const of = (arn: string): object => Object.fromEntries(ratesOf(limits, arn));
  expect(of(batch)).toEqual({ symmetric: 500, CreateKey: 1 });
  expect(of('docs.claviger.internal')).toEqual({ symmetric: 500, CreateKey: 1 });
  expect(of(alice)).toEqual({});
  expect(of('arn:aws:iam::111122223333:user/bob')).toEqual({ symmetric: 10, CreateKey: 1 });
});

test('a rule can put its groups on a preset of its own', () => {
  const limits = read({
    groups: { CreateKey: 1 },
    rules: [{ principals: ['*'], preset: 'aws', groups: { rsa: 7 } }],
  });
  expect(ratesOf(limits, alice)).toEqual(new Map(awsRates).set('rsa', 7));
});

const aRate = "must be a number from 0.001 to 1000000, or 'unlimited'";

const rule = (principal: string): object => ({
  rules: [{ principals: [principal], preset: 'aws' }],
});

test.each<[string, unknown, string]>([
  ['is not JSON', '{', 'is not JSON'],
  ['is no object', [], '/ must be object'],
  ['has another member', { rates: {} }, "/ must NOT have additional properties 'rates'"],
  [
    'has an unknown preset',
    { preset: 'none' },
    '/preset must be equal to one of the allowed values',
  ],
  [
    'names a group that there is not',
    { groups: { Encrypt: 5 } },
    "/groups must NOT have additional properties 'Encrypt'",
  ],
  ['has a rate of none', { groups: { rsa: 0 } }, `/groups/rsa ${aRate}`],
  ['has a rate of too many', { groups: { rsa: 1e7 } }, `/groups/rsa ${aRate}`],
  ['has a text for a rate', { groups: { rsa: '5' } }, `/groups/rsa ${aRate}`],
  [
    'has no rate in a rule',
    { rules: [{ principals: ['*', 'eve'], groups: { rsa: null, ecc: 'unlimited' } }] },
    `/rules/0/groups/rsa ${aRate}; /rules/0/principals/1 must be the ARN of a principal, or a pattern`,
  ],
  [
    'has a rule of nothing',
    { rules: [{ principals: ['*'] }] },
    '/rules/0 must NOT have fewer than 2 properties',
  ],
  [
    'has a rule for nobody',
    { rules: [{ preset: 'aws', principals: [] }] },
    '/rules/0/principals must NOT have fewer than 1 items',
  ],
  [
    'has a rule without principals',
    { rules: [{ preset: 'aws' }] },
    "/rules/0 must NOT have fewer than 2 properties; /rules/0 must have required property 'principals'",
  ],
  [
    'has a name in place of an ARN',
    rule('alice'),
    '/rules/0/principals/0 must be the ARN of a principal, or a pattern',
  ],
  [
    'has the ARN of a key',
    rule('arn:aws:kms:us-east-1:111122223333:key/*'),
    '/rules/0/principals/0 must be the ARN of a principal, or a pattern',
  ],
  [
    'has the ARN of a session',
    rule('arn:aws:sts::111122223333:assumed-role/batch/*'),
    '/rules/0/principals/0 must be the ARN of the role: its sessions count together',
  ],
  [
    'has several faults',
    { rules: [{ preset: 'aws', principals: ['a', '*', 'b'] }] },
    '/rules/0/principals/0 must be the ARN of a principal, or a pattern; /rules/0/principals/2 must be the ARN of a principal, or a pattern',
  ],
])('a file that %s is refused with the place of its faults', (_, document, expected) => {
  expect(faultOf(document)).toBe(expected);
});

test.each(['*', '*:role/x', 'arn:*:root', 'arn:aws*:iam::*:role/?', 's3.amazonaws.com'])(
  '%s may be a pattern of principals',
  (pattern) => {
    expect(faultOf(rule(pattern))).toBe('no fault');
  },
);

test('the setting names the file; without it nothing is limited', () => {
  writeFileSync(file, '{"groups":{"CreateKey":2}}');
  const settings = { CLAVIGER_DATA_DIR: directory };
  expect(rateLimits(loadConfig(settings))).toBeUndefined();
  const limits = rateLimits(loadConfig({ ...settings, CLAVIGER_RATES_FILE: file }));
  expect(limits?.others).toEqual(new Map([['CreateKey', 2]]));
});

test('the example of the documentation can be read', () => {
  const example = path.join(__dirname, '../../../docs/rates.example.json');
  expect(faultOf(readFileSync(example, 'utf8'))).toBe('no fault');
});
