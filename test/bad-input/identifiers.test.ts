import { type Answer, type Target, startTarget } from './target';

let target: Target;
let before: unknown;
const requestIds: string[] = [];

beforeAll(async () => {
  target = await startTarget();
  before = await target.state();
});
afterAll(() => target.close());

async function errorOf(operation: string, body: unknown): Promise<[unknown, unknown]> {
  const answer = await send(operation, body);
  expect(answer.status).toBe(400);
  return [answer.body['__type'], answer.body['message'] ?? answer.body['Message']];
}

async function send(operation: string, body: unknown): Promise<Answer> {
  const answer = await target.send(operation, body);
  requestIds.push(answer.requestId);
  return answer;
}

const place = 'arn:aws:kms:us-east-1:111122223333';
const nobody = '12345678-1234-1234-1234-123456789012';
const ours = (): Record<string, string> => ({
  '<id>': target.keyId,
  '<ID>': target.keyId.toUpperCase(),
  '<hex>': target.keyId.replaceAll('-', ''),
});
const fill = (text: string): string =>
  Object.entries(ours()).reduce((filled, [mark, value]) => filled.replaceAll(mark, value), text);

describe('DescribeKey takes every kind of identifier', () => {
  test.each(['<id>', '<ID>', `${place}:key/<id>`, 'alias/target', `${place}:alias/target`])(
    '%s',
    async (KeyId) => {
      const answer = await send('DescribeKey', { KeyId: fill(KeyId) });
      expect(answer).toMatchObject({
        status: 200,
        body: { KeyMetadata: { KeyId: target.keyId, Arn: target.keyArn } },
      });
    },
  );

  test.each([
    [nobody, 'NotFoundException', `Key '${place}:key/${nobody}' does not exist`],
    [`${place}:key/${nobody}`, 'NotFoundException', `Key '${place}:key/${nobody}' does not exist`],
    [
      'mrk-1234abcd12ab34cd56ef1234567890ab',
      'NotFoundException',
      `Key '${place}:key/mrk-1234abcd12ab34cd56ef1234567890ab' does not exist`,
    ],
    ['nonsense', 'NotFoundException', "Invalid keyId 'nonsense'"],
    [' ', 'NotFoundException', "Invalid keyId ' '"],
    ['<hex>', 'NotFoundException', "Invalid keyId '<hex>'"],
    ['<id> ', 'NotFoundException', "Invalid keyId '<id> '"],
    ['<id>\n', 'NotFoundException', "Invalid keyId '<id>\n'"],
    ['<id>\0', 'NotFoundException', "Invalid keyId '<id>\0'"],
    ['mrk-short', 'NotFoundException', "Invalid keyId 'mrk-short'"],
    [`'; drop table kms_key --`, 'NotFoundException', "Invalid keyId ''; drop table kms_key --'"],
    [`${place}:key/nonsense`, 'NotFoundException', 'Invalid keyId nonsense'],
    [`${place}:key/`, 'NotFoundException', 'Invalid keyId '],
    [`${place}:key/<id>/x`, 'NotFoundException', 'Invalid keyId <id>/x'],
    ['arn:aws:kms:eu-west-1:111122223333:key/<id>', 'NotFoundException', 'Invalid arn eu-west-1'],
    ['arn:aws:kms::111122223333:key/<id>', 'NotFoundException', 'Invalid arn '],
    ['arn:aws:s3:::bucket', 'InvalidArnException', 'Invalid arn arn:aws:s3:::bucket'],
    ['arn:', 'InvalidArnException', 'Invalid arn arn:'],
    [
      'arn:aws:kms:us-east-1:1:key/<id>',
      'InvalidArnException',
      'Invalid arn arn:aws:kms:us-east-1:1:key/<id>',
    ],
    ['alias/missing', 'NotFoundException', `Alias ${place}:alias/missing is not found.`],
    ['alias/', 'NotFoundException', `Alias ${place}:alias/ is not found.`],
    ['alias/TARGET', 'NotFoundException', `Alias ${place}:alias/TARGET is not found.`],
    ['alias/a\0b', 'NotFoundException', `Alias ${place}:alias/a\0b is not found.`],
    [`${place}:alias/\0`, 'NotFoundException', `Alias ${place}:alias/\0 is not found.`],
    [`alias/${'a'.repeat(2042)}`, 'NotFoundException', undefined],
  ])('%j is a %s', async (KeyId, code, message) => {
    const [type, text] = await errorOf('DescribeKey', { KeyId: fill(KeyId) });
    expect(type).toBe(code);
    if (message !== undefined) expect(text).toBe(fill(message));
  });

  test.each([
    ['', 2],
    ['k'.repeat(2049), 1],
    ['k\u00e9y', 1],
    ['\u{1f511}', 1],
  ])('%j does not have the shape of a KeyId', async (KeyId, violations) => {
    const [type, message] = await errorOf('DescribeKey', { KeyId });
    expect(type).toBe('ValidationException');
    const noun = violations === 1 ? 'error' : 'errors';
    expect(message).toMatch(new RegExp(`^${violations} validation ${noun} detected: Value '`));
  });
});

describe('a key of another account', () => {
  const foreign = 'arn:aws:kms:us-east-1:999988887777';
  const hidden = (action: string): [string, string] => [
    'AccessDeniedException',
    `User: arn:aws:iam::111122223333:root is not authorized to perform: kms:${action} on this resource because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access`,
  ];

  test.each([
    ['DescribeKey', `${foreign}:key/<id>`],
    ['DescribeKey', `${foreign}:key/${nobody}`],
    ['DescribeKey', `${foreign}:alias/target`],
    ['DescribeKey', `${foreign}:alias/\0`],
    ['DisableKey', `${foreign}:key/<id>`],
    ['ListAliases', `${foreign}:key/<id>`],
  ])('%s of %s does not say whether there is one', async (operation, KeyId) => {
    expect(await errorOf(operation, { KeyId: fill(KeyId) })).toEqual(hidden(operation));
  });
});

describe('an operation that takes no alias', () => {
  test.each(['alias/target', 'alias/missing', `${place}:alias/target`, `${place}:alias/x`])(
    'refuses %s before it looks',
    async (KeyId) => {
      for (const operation of ['EnableKey', 'DisableKey', 'ListAliases']) {
        expect(await errorOf(operation, { KeyId })).toEqual([
          'InvalidArnException',
          'Key Aliases are not supported for this operation.',
        ]);
      }
    },
  );

  test.each(['alias/target', `${place}:alias/target`])(
    'as the target of an alias %s has a text of its own',
    async (TargetKeyId) => {
      expect(await errorOf('CreateAlias', { AliasName: 'alias/new', TargetKeyId })).toEqual([
        'ValidationException',
        'Aliases must refer to keys. Not aliases',
      ]);
    },
  );
});

describe('the name of a new alias', () => {
  const create = (AliasName: string): Promise<[unknown, unknown]> =>
    errorOf('CreateAlias', { AliasName, TargetKeyId: target.keyId });

  test.each(['name', 'Alias/name', 'arn:aws:kms', `/${'a'.repeat(9)}`])(
    '%s lacks the prefix',
    async (name) => {
      const [type, message] = await create(name);
      expect(type).toBe('ValidationException');
      expect(message).toMatch(/^Alias must start with the prefix "alias\/"\. /);
    },
  );

  test.each(['alias/aws/s3', 'alias/aws', 'alias/awsome'])('%s is AWS’s own', async (name) => {
    expect(await create(name)).toEqual(['NotAuthorizedException', undefined]);
  });

  test.each([
    ['alias/a b', 'pattern'],
    ['alias/\u00e9', 'pattern'],
    ['alias/a\0', 'pattern'],
    ['alias/a\n', 'pattern'],
    [`alias/${'a'.repeat(251)}`, 'length'],
  ])('%j does not have its shape', async (name, rule) => {
    const [type, message] = await create(name);
    expect(type).toBe('ValidationException');
    expect(message).toMatch(
      rule === 'pattern'
        ? /Member must satisfy regular expression pattern: \^\[a-zA-Z0-9:\/_-\]\+\$$/
        : /Member must have length less than or equal to 256$/,
    );
  });

  test('alias/ is empty', async () => {
    expect(await create('alias/')).toEqual([
      'ValidationException',
      'Alias name must not be empty.',
    ]);
  });

  test('a name that is taken says so', async () => {
    expect(await create('alias/target')).toEqual([
      'AlreadyExistsException',
      `An alias with the name ${place}:alias/target already exists`,
    ]);
  });
});

test('no identifier changed anything, and each request has one audit record that Postgres can read', async () => {
  const audited = await target.audited();
  expect(requestIds.filter((id) => audited.filter((one) => one === id).length !== 1)).toEqual([]);
  expect(await target.state()).toEqual(before);
});
