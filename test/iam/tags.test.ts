import {
  checkIamTags,
  checkTagKeys,
  listTags,
  putTags,
  removeAllTags,
  removeTags,
  requestTags,
  resourceTags,
} from '../../src/iam/tags';
import { refusalOf } from '../support/refusal';
import { accountId } from '../support/sample-keys';
import { openIamDatabase, type IamDatabase } from '../support/iam';

let iam: IamDatabase;

beforeAll(async () => {
  iam = await openIamDatabase(accountId);
});

afterAll(() => iam.remove());

const tag = (Key: string, Value = '') => ({ Key, Value });
const tagged = (id: string) => ({ id, quota: 'TagsPerUser' }) as const;

test('Tags are listed in order of key; one of the same key in other case replaces the tag', async () => {
  const { database } = iam;
  await putTags(database, tagged('a'), [tag('team', 'blue'), tag('Cost', '1')]);
  await putTags(database, tagged('a'), [tag('TEAM', 'red'), tag('zone', 'z')]);
  expect(await listTags(database, 'a')).toEqual([
    tag('Cost', '1'),
    tag('TEAM', 'red'),
    tag('zone', 'z'),
  ]);
});

test('Tags are removed by key without regard to case; keys that no tag has are passed over', async () => {
  const { database } = iam;
  await putTags(database, tagged('b'), [tag('one'), tag('two'), tag('three')]);
  await removeTags(database, 'b', ['ONE', 'four']);
  expect(await listTags(database, 'b')).toEqual([tag('three'), tag('two')]);
  await removeAllTags(database, 'b');
  expect(await listTags(database, 'b')).toEqual([]);
});

test('The 51st tag is refused, a replaced one is not', async () => {
  const { database } = iam;
  const fifty = Array.from({ length: 50 }, (_, index) => tag(`k${index}`));
  await putTags(database, tagged('c'), fifty);
  await putTags(database, tagged('c'), [tag('K0', 'new')]);
  expect(await refusalOf(() => putTags(database, tagged('c'), [tag('more')]))).toEqual({
    code: 'LimitExceeded',
    message: 'Cannot exceed quota for TagsPerUser: 50',
  });
});

test('Keys that the database alone takes for one are one tag', async () => {
  await putTags(iam.database, tagged('d'), [tag('x', '1'), tag('X', '2')]);
  expect(await listTags(iam.database, 'd')).toEqual([tag('X', '2')]);
});

test('Duplicate and reserved keys are refused', async () => {
  expect(await refusalOf(() => checkIamTags([tag('a'), tag('A')]))).toEqual({
    code: 'InvalidInput',
    message: 'Duplicate tag keys found. Please note that Tag keys are case insensitive.',
  });
  const reserved = {
    code: 'InvalidInput',
    message: "Tag keys that start with 'aws:' are reserved.",
  };
  expect(await refusalOf(() => checkIamTags([tag('AWS:x')]))).toEqual(reserved);
  expect(await refusalOf(() => checkTagKeys(['aws:']))).toEqual(reserved);
});

test('Tags say to policies what request and resource carry', () => {
  expect(requestTags([tag('Team', 'blue'), tag('__proto__')])).toEqual({
    'aws:TagKeys': ['Team', '__proto__'],
    'aws:RequestTag/Team': 'blue',
    'aws:RequestTag/__proto__': '',
  });
  expect(requestTags(undefined)).toEqual({});
  expect(resourceTags([tag('Team', 'blue')])).toEqual({
    'aws:ResourceTag/Team': 'blue',
    'iam:ResourceTag/Team': 'blue',
  });
});
