import { pathMatcher } from '../../src/rest/matching';
import { placeAt } from '../../src/rest/paths';
import { routes } from '../../src/rest/routes';

const find = pathMatcher(
  new Map([
    ['/keys', 'list'],
    ['/keys/{KeyId}', 'key'],
    ['/keys/{Other}/use', 'use'],
    ['/keys/{KeyId}/grants/{GrantId}', 'grant'],
    ['/keys/own/use', 'own'],
  ]),
);

test.each([
  ['/keys', { value: 'list', places: {} }],
  ['/keys/a', { value: 'key', places: { KeyId: 'a' } }],
  ['/keys/a%2Fb', { value: 'key', places: { KeyId: 'a%2Fb' } }],
  ['/keys/a/use', { value: 'use', places: { Other: 'a' } }],
  ['/keys/a/grants/b', { value: 'grant', places: { KeyId: 'a', GrantId: 'b' } }],
  ['/keys/own/use', { value: 'own', places: {} }],
])('%s is a path of the table', (path, match) => {
  expect(find(path)).toEqual(match);
});

test.each([
  '',
  '/',
  '/Keys',
  '/keys/',
  '//keys',
  '/keys//use',
  '/keys/a/',
  '/keys/a/grants',
  '/keys/a/grants/',
  '/keys/a/grants/b/c',
  '/keys/a/b/use',
  '/constructor',
  '/__proto__',
])('%j is none', (path) => {
  expect(find(path)).toBeUndefined();
});

test('Every route is found at its own path, and no other', () => {
  for (const route of routes) {
    const match = placeAt(route.path.replace(/\{(\w+)\}/g, 'of-$1'));
    const places = Object.fromEntries(route.inPath.map((name) => [name, `of-${name}`]));
    expect(match?.value.routes.get(route.line.method)).toBe(route);
    expect(match?.places).toEqual(places);
  }
});
