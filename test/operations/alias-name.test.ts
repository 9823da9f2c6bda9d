import {
  aliasAction,
  aliasNotFound,
  checkAliasName,
  checkAliasTarget,
} from '../../src/operations/alias-name';
import type { Call } from '../../src/operation';
import { refusalOf } from '../support/refusal';
import { accountId, keyId, place, rootOf } from '../support/sample-keys';

const fine = { code: 'nothing was thrown', message: '' };
const check = (AliasName: string): Promise<unknown> =>
  refusalOf(() => checkAliasName({ AliasName }));
const target = (TargetKeyId: string): Promise<unknown> =>
  refusalOf(() => checkAliasTarget({ TargetKeyId }));

test.each(['alias/a', 'alias/a/b', 'alias/aw', 'alias/AWS', 'alias/my-aws'])(
  '%s is a name',
  async (name) => {
    expect(await check(name)).toEqual(fine);
  },
);

test.each(['a', 'Alias/a', '/alias/a', 'aliases/a'])('%s lacks the prefix', async (name) => {
  expect(await check(name)).toEqual({
    code: 'ValidationException',
    message:
      'Alias must start with the prefix "alias/". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html',
  });
});

test('the prefix alone is no name', async () => {
  expect(await check('alias/')).toEqual({
    code: 'ValidationException',
    message: 'Alias name must not be empty.',
  });
});

test.each(['alias/aws', 'alias/aws/s3', 'alias/aws-mine'])('%s is AWS’s', async (name) => {
  expect(await check(name)).toEqual({ code: 'NotAuthorizedException', message: '' });
});

test.each(['alias/a', `arn:aws:kms:us-east-1:${accountId}:alias/a`, 'arn:::kms'])(
  'whether the target %s is an alias',
  async (value) => {
    const isAlias = value.includes('alias/');
    expect(await target(value)).toEqual(
      isAlias
        ? { code: 'ValidationException', message: 'Aliases must refer to keys. Not aliases' }
        : fine,
    );
  },
);

test.each([keyId, `arn:aws:kms:us-east-1:${accountId}:key/${keyId}`])(
  'the target %s is a key',
  async (value) => {
    expect(await target(value)).toEqual(fine);
  },
);

test('the account’s half of the authorization names the alias in the caller’s account', () => {
  const call = {
    input: { AliasName: 'alias/a' },
    caller: rootOf(accountId),
    services: { place },
  } as unknown as Call<'DeleteAlias'>;
  expect(aliasAction('DeleteAlias')(call)).toEqual([
    {
      action: 'kms:DeleteAlias',
      resource: `arn:aws:kms:us-east-1:${accountId}:alias/a`,
      conditions: { 'kms:CallerAccount': accountId, 'kms:ViaService': undefined },
    },
  ]);
});

test('a missing alias is named by its ARN', () => {
  expect(aliasNotFound(place, accountId, 'alias/a')).toMatchObject({
    code: 'NotFoundException',
    message: `Alias arn:aws:kms:us-east-1:${accountId}:alias/a is not found.`,
  });
});
