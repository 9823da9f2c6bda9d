import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type QueryError, queryErrors } from '../../src/doors/aws-query-errors';
import type { ErrorCode } from '../../src/errors';

interface Model {
  readonly shapes: Readonly<
    Record<string, { readonly error?: { readonly code: string; readonly httpStatusCode: number } }>
  >;
}

/** The errors of a service as its model has them: code on the wire and status. */
function modelled(service: 'iam' | 'sts'): [string, number][] {
  const file = path.resolve('scripts', 'generate', `${service}-api-shapes.json`);
  const { shapes } = JSON.parse(readFileSync(file, 'utf8')) as Model;
  return Object.values(shapes).flatMap(({ error }) =>
    error === undefined ? [] : [[error.code, error.httpStatusCode] as [string, number]],
  );
}

const onTheWire = (code: ErrorCode): [string, number] => {
  const row: QueryError = queryErrors[code];
  return [row.code ?? code, row.status];
};

test.each([...modelled('iam'), ...modelled('sts')])(
  '%s is sent as the model has it, %d',
  (code, status) => {
    expect(onTheWire(code as ErrorCode)).toEqual([code, status]);
  },
);

/** AWS's common errors of query services. */
test.each<[ErrorCode, string, number]>([
  ['AccessDeniedException', 'AccessDenied', 403],
  ['ExpiredToken', 'ExpiredToken', 403],
  ['IncompleteSignatureException', 'IncompleteSignature', 400],
  ['InternalFailure', 'InternalFailure', 500],
  ['InvalidSignatureException', 'SignatureDoesNotMatch', 403],
  ['KMSInternalException', 'InternalFailure', 500],
  ['DependencyTimeoutException', 'ServiceUnavailable', 503],
  ['KeyUnavailableException', 'ServiceUnavailable', 503],
  ['MissingAction', 'MissingAction', 400],
  ['MissingAuthenticationTokenException', 'MissingAuthenticationToken', 403],
  ['RequestEntityTooLargeException', 'RequestEntityTooLarge', 413],
  ['SerializationException', 'MalformedInput', 400],
  ['ServiceUnavailableException', 'ServiceUnavailable', 503],
  ['ThrottlingException', 'Throttling', 400],
  ['UnknownOperationException', 'InvalidAction', 400],
  ['UnrecognizedClientException', 'InvalidClientTokenId', 403],
  ['UnsupportedOperationException', 'InvalidAction', 400],
  ['ValidationException', 'ValidationError', 400],
  ['MalformedPolicyDocumentException', 'MalformedPolicyDocument', 400],
])('%s is sent as %s, %d', (code, wire, status) => {
  expect(onTheWire(code)).toEqual([wire, status]);
});

test('every other code is a bad request, by its own name', () => {
  const statuses = Object.values<QueryError>(queryErrors).map(({ status }) => status);
  expect([...new Set(statuses)].sort()).toEqual([400, 403, 404, 409, 413, 500, 503]);
});
