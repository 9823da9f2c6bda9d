import fc from 'fast-check';
import {
  accountRootArn,
  aliasArn,
  isAliasName,
  keyArn,
  parseKeyOnlyReference,
  parseKeyReference,
} from '../../src/keys/identifiers';
import { KmsError } from '../../src/errors';
import { refusalOf } from '../support/refusal';
import { accountId, keyId, otherAccountId, place } from '../support/sample-keys';

const multiRegionId = 'mrk-1234abcd12ab34cd56ef1234567890ab';
const arn = (resource: string, account = accountId): string =>
  `arn:aws:kms:us-east-1:${account}:${resource}`;

test('ARNs are built from the place and the account', () => {
  const china = { partition: 'aws-cn', region: 'cn-north-1' };
  expect(keyArn(china, accountId, keyId)).toBe(
    `arn:aws-cn:kms:cn-north-1:${accountId}:key/${keyId}`,
  );
  expect(aliasArn(place, accountId, 'alias/a')).toBe(arn('alias/a'));
  expect(accountRootArn(china, accountId)).toBe(`arn:aws-cn:iam::${accountId}:root`);
});

test.each([
  [keyId, accountId, keyId],
  [keyId.toUpperCase(), accountId, keyId],
  [multiRegionId, accountId, multiRegionId],
  [arn(`key/${keyId}`), accountId, keyId],
  [arn(`key/${keyId.toUpperCase()}`, otherAccountId), otherAccountId, keyId],
  [arn(`key/${multiRegionId}`), accountId, multiRegionId],
])('%s is a key', (value, account, id) => {
  const reference = { kind: 'key', accountId: account, keyId: id, arn: arn(`key/${id}`, account) };
  expect(parseKeyReference(value, place, accountId)).toEqual(reference);
  expect(parseKeyOnlyReference(value, place, accountId)).toEqual(reference);
});

test.each([
  ['alias/a', accountId, 'alias/a'],
  ['alias/', accountId, 'alias/'],
  ['alias/a/b:c', accountId, 'alias/a/b:c'],
  [arn('alias/a'), accountId, 'alias/a'],
  [arn('alias/a:b', otherAccountId), otherAccountId, 'alias/a:b'],
])('%s is an alias, which a key-only operation refuses', async (value, account, aliasName) => {
  expect(parseKeyReference(value, place, accountId)).toEqual({
    kind: 'alias',
    accountId: account,
    aliasName,
    arn: arn(aliasName, account),
  });
  expect(await refusalOf(() => parseKeyOnlyReference(value, place, accountId))).toEqual({
    code: 'InvalidArnException',
    message: 'Key Aliases are not supported for this operation.',
  });
});

test.each([
  ['x', 'NotFoundException', "Invalid keyId 'x'"],
  ['key/x', 'NotFoundException', "Invalid keyId 'key/x'"],
  ['Alias/a', 'NotFoundException', "Invalid keyId 'Alias/a'"],
  ['ARN:aws:kms', 'NotFoundException', "Invalid keyId 'ARN:aws:kms'"],
  [keyId.replaceAll('-', ''), 'NotFoundException', `Invalid keyId '${keyId.replaceAll('-', '')}'`],
  ['mrk-1', 'NotFoundException', "Invalid keyId 'mrk-1'"],
  [`${keyId}\n`, 'NotFoundException', `Invalid keyId '${keyId}\n'`],
  [arn('key/x'), 'NotFoundException', 'Invalid keyId x'],
  [arn(`key/${keyId}\n`), 'NotFoundException', `Invalid keyId ${keyId}\n`],
  [`arn:aws:kms:eu-west-1:${accountId}:key/${keyId}`, 'NotFoundException', 'Invalid arn eu-west-1'],
  [`arn:aws-cn:kms:us-east-1:${accountId}:key/x`, 'NotFoundException', 'Invalid arn us-east-1'],
  [arn('key/x', '1'), 'InvalidArnException', `Invalid arn ${arn('key/x', '1')}`],
  [arn('grant/x'), 'InvalidArnException', `Invalid arn ${arn('grant/x')}`],
  ['arn:aws:s3:::b', 'InvalidArnException', 'Invalid arn arn:aws:s3:::b'],
])('%j is refused: %s, %j', async (value, code, message) => {
  expect(await refusalOf(() => parseKeyReference(value, place, accountId))).toEqual({
    code,
    message,
  });
});

test('any text is a reference in the caller’s place or one of two errors', () => {
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string().map((rest) => `arn:aws:kms:us-east-1:${accountId}:key/${rest}`),
    fc.string().map((rest) => `arn:aws:kms:${rest}`),
  );
  fc.assert(
    fc.property(texts, (text) => {
      try {
        expect(parseKeyReference(text, place, accountId).arn).toMatch(/^arn:aws:kms:us-east-1:/);
      } catch (error) {
        if (!(error instanceof KmsError)) throw error;
        expect(['NotFoundException', 'InvalidArnException']).toContain(error.code);
      }
    }),
    { numRuns: 2000 },
  );
});

test.each<[string, boolean]>([
  ['alias/a', true],
  ['alias/a:b/c_d-E9', true],
  [`alias/${'a'.repeat(250)}`, true],
  [`alias/${'a'.repeat(251)}`, false],
  ['alias/', false],
  ['a', false],
  ['alias/a b', false],
  ['alias/a\0', false],
  ['alias/a\n', false],
])('whether an alias can be called %j: %j', (name, can) => {
  expect(isAliasName(name)).toBe(can);
});
