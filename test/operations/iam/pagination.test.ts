import { listPage, wholeList } from '../../../src/operations/iam/pagination';
import { refusalOf } from '../../support/refusal';
import { accountId, otherAccountId } from '../../support/sample-keys';

const names = Array.from({ length: 1200 }, (_, n) => `name-${String(n).padStart(4, '0')}`);
const listing = {
  operation: 'ListUsers',
  accountId,
  filters: ['/path/', undefined],
  fetch: (after: string, limit: number) =>
    Promise.resolve(names.filter((name) => name > after).slice(0, limit)),
  position: (name: string) => name,
};
const invalid = { code: 'ValidationException', message: 'Invalid Marker.' };

test('A page has a hundred items unless the request says otherwise, and a thousand at most', async () => {
  expect((await listPage({}, listing)).items).toHaveLength(100);
  expect((await listPage({ MaxItems: 7 }, listing)).items).toHaveLength(7);
  expect((await listPage({ MaxItems: 5000 }, listing)).items).toHaveLength(1000);
});

test('The last page has no marker, also when it is full', async () => {
  const first = await listPage({ MaxItems: 700 }, listing);
  expect(first.end).toEqual({ IsTruncated: true, Marker: expect.any(String) as string });
  const { Marker = '' } = first.end;
  const rest = await listPage({ MaxItems: 500, Marker }, listing);
  expect(rest.items).toEqual(names.slice(700));
  expect(rest.end).toEqual({ IsTruncated: false });
});

test('A marker is good for its operation, account and filters only', async () => {
  const { Marker = '' } = (await listPage({ MaxItems: 1 }, listing)).end;
  for (const other of [
    { ...listing, operation: 'ListRoles' },
    { ...listing, accountId: otherAccountId },
    { ...listing, filters: ['/path/', ''] },
    { ...listing, filters: ['/path/'] },
  ]) {
    expect(await refusalOf(() => listPage({ Marker }, other))).toEqual(invalid);
  }
});

test.each([
  'garbage',
  Buffer.from('[]').toString('base64'),
  Buffer.from('{"0":"x"}').toString('base64'),
  Buffer.from('null').toString('base64'),
])('The marker %s is refused', async (Marker) => {
  expect(await refusalOf(() => listPage({ Marker }, listing))).toEqual(invalid);
});

test('A marker that somebody made up cannot carry what Postgres cannot compare', async () => {
  const { Marker = '' } = (await listPage({ MaxItems: 1 }, listing)).end;
  const [scope] = JSON.parse(Buffer.from(Marker, 'base64').toString()) as string[];
  for (const position of ['a\0b', 7, null]) {
    const forged = Buffer.from(JSON.stringify([scope, position])).toString('base64');
    expect(await refusalOf(() => listPage({ Marker: forged }, listing))).toEqual(invalid);
  }
});

test('A marker is within the length that IAM lets a request have, whatever it is of', async () => {
  const { end } = await listPage(
    { MaxItems: 1 },
    {
      ...listing,
      operation: 'ListOpenIDConnectProviderTags',
      filters: ['x'.repeat(2048)],
      fetch: () => Promise.resolve(['y'.repeat(180), 'z']),
    },
  );
  expect(end.Marker?.length).toBeLessThanOrEqual(320);
});

test('A list that is read as a whole is paged by count', async () => {
  const whole = { operation: 'ListUserTags', accountId, ...wholeList(['a', 'b', 'c']) };
  const first = await listPage({ MaxItems: 2 }, whole);
  expect(first.items.map(([, item]) => item)).toEqual(['a', 'b']);
  const { Marker = '' } = first.end;
  const second = await listPage({ MaxItems: 2, Marker }, whole);
  expect(second.items.map(([, item]) => item)).toEqual(['c']);
  expect(second.end).toEqual({ IsTruncated: false });
  const shrunk = { operation: 'ListUserTags', accountId, ...wholeList(['a']) };
  expect((await listPage({ Marker }, shrunk)).items).toEqual([]);
});
