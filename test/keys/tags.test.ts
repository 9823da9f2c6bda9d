import { checkTagKeys, checkTags, maxTagsPerKey } from '../../src/keys/tags';
import { refusalOf } from '../support/refusal';

const tag = (TagKey: string, TagValue = ''): { TagKey: string; TagValue: string } => ({
  TagKey,
  TagValue,
});
const tags = (count: number): ReturnType<typeof tag>[] =>
  Array.from({ length: count }, (_, i) => tag(String(i)));

test.each([
  ['none', []],
  ['fifty', tags(maxTagsPerKey)],
  ['keys that differ in case', [tag('a'), tag('A')]],
  ['letters of any script, spaces and signs', [tag('Größe 尺寸', '_.:/=+-@ ９')]],
  ['aws without a colon', [tag('awsome')]],
  ['a value that begins with aws:', [tag('a', 'aws:b')]],
])('%s are taken', (_what, given) => {
  checkTags(given);
  expect(given.length).toBeLessThanOrEqual(maxTagsPerKey);
});

test.each([
  ['fifty-one', tags(51), 'Too many tags'],
  ['one key twice', [tag('a', '1'), tag('a', '2')], 'Duplicate tag keys'],
  ['AWS’s own', [tag('aws:a')], 'Tags beginning with aws: are reserved'],
  ['AWS’s own in another case', [tag('AwS:a')], 'Tags beginning with aws: are reserved'],
  ['a control character in a key', [tag('a\n')], 'A tag contains invalid characters'],
  ['U+0000 in a value', [tag('a', '\0')], 'A tag contains invalid characters'],
  ['a sign of no list', [tag('a', '<b>')], 'A tag contains invalid characters'],
  ['an emoji', [tag('\u{1f511}')], 'A tag contains invalid characters'],
])('%s are a TagException', async (_what, given, message) => {
  expect(await refusalOf(() => checkTags(given))).toEqual({ code: 'TagException', message });
});

test.each([
  ['aws:a', 'Tags beginning with aws: are reserved'],
  ['a<b', 'A tag contains invalid characters'],
])('The key %j is no key of a tag that can be taken away', async (key, message) => {
  checkTagKeys(['Größe 尺寸_.:/=+-@']);
  expect(await refusalOf(() => checkTagKeys(['a', key]))).toEqual({
    ...{ code: 'TagException', message },
  });
});
