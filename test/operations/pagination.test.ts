import fc from 'fast-check';
import { pageSize, paginate } from '../../src/operations/pagination';
import { refusalOf } from '../support/refusal';

const items = ['a', 'b', 'c', 'd', 'e'];
const invalid = { code: 'InvalidMarkerException', message: '' };

const page = (
  marker?: string,
  limit = 2,
  scope = 'ListKeys 1',
): ReturnType<typeof paginate<string>> =>
  paginate({
    scope,
    marker,
    limit,
    fetch: (after, count) => Promise.resolve(items.filter((item) => item > after).slice(0, count)),
    position: (item) => item,
  });

test('pages follow each other to the end, without a gap or a repeat', async () => {
  const seen: string[][] = [];
  let marker: string | undefined;
  do {
    const next = await page(marker);
    seen.push([...next.items]);
    expect(next.truncated).toBe(next.nextMarker !== undefined);
    marker = next.nextMarker;
  } while (marker !== undefined);
  expect(seen).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
});

test('a last page that is full is not truncated', async () => {
  expect(await page(undefined, 5)).toEqual({ items, truncated: false, nextMarker: undefined });
});

test('an empty listing is one empty page', async () => {
  const { nextMarker } = await page(undefined, 4);
  const last = await page(nextMarker, 4);
  expect(last).toEqual({ items: ['e'], truncated: false, nextMarker: undefined });
});

test('a marker holds only where it was given', async () => {
  const { nextMarker } = await page();
  for (const scope of ['ListKeys 2', 'ListAliases 1', 'ListKeys 1 ', '']) {
    expect(await refusalOf(() => page(nextMarker, 2, scope))).toEqual(invalid);
  }
});

test.each([
  '',
  'x',
  '[]',
  '{}',
  'null',
  '"ListKeys 1"',
  '["ListKeys 1"]',
  '["ListKeys 1",1]',
  '["ListKeys 1",null]',
  '["ListKeys 1","a\\u0000"]',
])('the made-up marker of %j is refused before anything is read', async (json) => {
  const marker = Buffer.from(json).toString('base64');
  expect(await refusalOf(() => page(marker))).toEqual(invalid);
});

test('any text as a marker is refused without a message', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string(), async (marker) => {
      expect(await refusalOf(() => page(marker))).toEqual(invalid);
    }),
  );
});

test('an operation caps what the shape lets through', () => {
  const size = { fallback: 50, max: 100 };
  expect([undefined, 1, 100, 1000].map((limit) => pageSize(limit, size))).toEqual([
    50, 1, 100, 100,
  ]);
});
