import { KmsError, invalidMember } from '../../src/errors';
import { nextLink } from '../../src/rest/answers';
import { readJson } from '../../src/rest/bodies';
import { readQuery } from '../../src/rest/query';
import { inputFromJson, inputOf, placing, pointerTo } from '../../src/rest/requests';
import { type Route, routes } from '../../src/rest/routes';

function routeOf(operation: string): Route {
  const route = routes.find((one) => one.operation === operation);
  if (route === undefined) throw new Error(`no route is ${operation}`);
  return route;
}

const noQuery = readQuery('');
const cursorOf = (marker: string): string => Buffer.from(marker).toString('base64url');

function thrownBy(work: () => unknown): KmsError {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof KmsError) return thrown;
    throw thrown;
  }
  throw new Error('nothing was refused');
}

test('an input is put together of path, query and body', () => {
  const path = { KeyId: 'alias/a' };
  const body = { Plaintext: 'AAEC' };
  expect(inputOf('Encrypt', routeOf('Encrypt'), { path, query: noQuery, body })).toEqual({
    KeyId: 'alias/a',
    Plaintext: Buffer.from([0, 1, 2]),
  });
  const query = readQuery('TagKeys=a&TagKeys=b%20c&X-Amz-Date=now&x-amz-signature=s');
  const untag = { path: { KeyId: 'k' }, query, body: undefined };
  expect(inputOf('UntagResource', routeOf('UntagResource'), untag)).toEqual({
    KeyId: 'k',
    TagKeys: ['a', 'b c'],
  });
  const deletion = readQuery('PendingWindowInDays=7');
  const parts = { path: { KeyId: 'k' }, query: deletion, body: undefined };
  expect(inputOf('ScheduleKeyDeletion', routeOf('ScheduleKeyDeletion'), parts)).toEqual({
    KeyId: 'k',
    PendingWindowInDays: 7,
  });
});

test('a list is told where to go on by a cursor', () => {
  const query = readQuery(`limit=2&cursor=${cursorOf('a marker')}`);
  const parts = { path: {}, query, body: undefined };
  expect(inputOf('ListKeys', routeOf('ListKeys'), parts)).toEqual({ Limit: 2, Marker: 'a marker' });
});

test.each(['!', 'YQ==', 'a', '_w', 'YR'])('%j is no cursor', (cursor) => {
  const parts = { path: {}, query: readQuery(`cursor=${cursor}`), body: undefined };
  expect(thrownBy(() => inputOf('ListKeys', routeOf('ListKeys'), parts)).violations).toEqual([
    { pointer: '/cursor', in: 'query', detail: 'must be the cursor of an answer' },
  ]);
});

test('a refusal has every fault with the place where it is', () => {
  const parts = {
    path: { KeyId: '' },
    query: readQuery('a=1'),
    body: { Plaintext: 1, More: 1 },
    violations: [{ pointer: '/H', in: 'header', detail: 'is wrong' }] as const,
  };
  const { code, message, violations } = thrownBy(() =>
    inputOf('Encrypt', routeOf('Encrypt'), parts),
  );
  expect([code, message]).toEqual([
    'ValidationException',
    `${violations.length} values of the request cannot be as sent: see errors.`,
  ]);
  expect(violations.map(({ pointer, in: place }) => `${pointer} ${place ?? ''}`)).toEqual([
    '/KeyId path',
    '/KeyId path',
    '/Plaintext body',
    '/More body',
    '/H header',
    '/a query',
  ]);
});

test('what is told of very many faults is bounded', () => {
  const query = readQuery(Array.from({ length: 5000 }, (_, i) => `p${i}`).join('&'));
  const parts = { path: {}, query, body: undefined };
  const { violations } = thrownBy(() => inputOf('ListKeys', routeOf('ListKeys'), parts));
  expect(violations).toHaveLength(100);
  const body = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`m${i}`, 1]));
  expect(
    thrownBy(() => inputOf('CreateKey', routeOf('CreateKey'), { path: {}, query, body }))
      .violations,
  ).toHaveLength(100);
});

test('an input that is one JSON value is held to the same', () => {
  expect(inputFromJson('DescribeKey', { KeyId: 'k' })).toEqual({ KeyId: 'k' });
  expect(thrownBy(() => inputFromJson('DescribeKey', {})).violations).toEqual([
    { pointer: '/KeyId', in: 'body', detail: 'is required' },
  ]);
});

test('a pointer escapes what would lead elsewhere', () => {
  expect(pointerTo(['a/b', '~', '0'])).toBe('/a~1b/~0/0');
});

test('a link repeats the query but for its cursor and its signature', () => {
  const query = 'KeyId=a%2Fb&cursor=old&%63ursor=old&X-Amz-Signature=s&X%2DAmz-Date=%ff&limit=2';
  expect(nextLink({ path: '/v1/aliases', query }, 'new')).toBe(
    '</v1/aliases?KeyId=a%2Fb&limit=2&cursor=new>; rel="next"',
  );
});

const json = 'application/json';

test.each([
  [json, undefined, '{"a":1}', { a: 1 }],
  [`${json}; charset=utf-8`, 'identity', '{}', {}],
  [`${json};charset="UTF-8" ; x=y`, undefined, '{}', {}],
  ['Application/JSON ;x=y', undefined, '[]', []],
  [undefined, undefined, '', {}],
])('the body of type %s and encoding %s is read', (contentType, contentEncoding, text, value) => {
  expect(readJson({ contentType, contentEncoding, bytes: Buffer.from(text) })).toEqual(value);
});

test.each([
  ['text/plain', undefined, Buffer.from('{}'), 'UnsupportedMediaTypeException'],
  [undefined, undefined, Buffer.from('{}'), 'UnsupportedMediaTypeException'],
  [`${json}; charset=latin1`, undefined, Buffer.from('{}'), 'UnsupportedMediaTypeException'],
  [`${json}; charset=utf-16`, undefined, Buffer.from('{}'), 'UnsupportedMediaTypeException'],
  [json, 'gzip', Buffer.from('{}'), 'UnsupportedMediaTypeException'],
  [json, undefined, Buffer.from('{"a":"\xff"}', 'latin1'), 'SerializationException'],
  [json, undefined, Buffer.from('{', 'utf8'), 'SerializationException'],
  [json, undefined, Buffer.from('{}', 'utf16le'), 'SerializationException'],
])(
  'the body of type %s and encoding %s is refused',
  (contentType, contentEncoding, bytes, code) => {
    expect(thrownBy(() => readJson({ contentType, contentEncoding, bytes })).code).toBe(code);
  },
);

test.each([
  ['CreateAlias', 'AliasName', 'body'],
  ['UpdateAlias', 'AliasName', 'path'],
  ['ScheduleKeyDeletion', 'PendingWindowInDays', 'query'],
  ['CreateGrant', 'Constraints/SourceArn', 'body'],
])('what %s refuses of %s is in the %s', (operation, member, place) => {
  const { message, violations } = invalidMember(member, 'It cannot be so.', 'must be other');
  expect(message).toBe('It cannot be so.');
  expect(violations.map(placing(routeOf(operation)))).toEqual([
    { pointer: `/${member}`, in: place, detail: 'must be other' },
  ]);
});
