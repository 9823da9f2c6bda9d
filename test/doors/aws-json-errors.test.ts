import { type WireError, wireErrors } from '../../src/doors/aws-json-errors';
import { shapes } from '../../src/shapes/kms.generated';

/** kms-semantics §15.4: what is not listed here is 400. */
const others: Readonly<Record<string, number>> = {
  KMSInternalException: 500,
  DependencyTimeoutException: 500,
  KeyUnavailableException: 500,
  InternalFailure: 500,
  ServiceFailure: 500,
  ServiceUnavailableException: 503,
  RequestEntityTooLargeException: 413,
};

test('every code has its status on the wire', () => {
  const statuses = Object.entries(wireErrors).map(([code, { status }]) => [code, status]);
  const expected = Object.keys(wireErrors).map((code) => [code, others[code] ?? 400]);
  expect(statuses).toEqual(expected);
  expect(Object.keys(wireErrors)).toEqual(expect.arrayContaining(Object.keys(others)));
});

test('AccessDeniedException alone writes its text with a capital', () => {
  const capital = Object.entries(wireErrors).filter(([, { member }]) => member === 'Message');
  expect(capital.map(([code]) => code)).toEqual(['AccessDeniedException']);
});

test('no code is the name of a structure that is no error', () => {
  const codes = Object.keys(wireErrors);
  expect(codes.filter((code) => shapes[code] !== undefined)).toEqual([]);
});

test('credentials that have expired have the name that KMS clients know', () => {
  const renamed = Object.entries(wireErrors).filter(([, row]) => 'type' in row);
  expect(
    renamed.map(([code, { status, type }]: [string, WireError]) => [code, status, type]),
  ).toEqual([['ExpiredToken', 400, 'ExpiredTokenException']]);
});
