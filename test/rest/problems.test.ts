import { type ErrorCode, KmsError } from '../../src/errors';
import { problemHeaders, problemOf, problemRows } from '../../src/rest/problems';

const requestId = '11111111-2222-3333-4444-555555555555';

test('a problem says what happened, where, and to which request', () => {
  const violations = [
    { pointer: '/Tags/0/TagKey', detail: 'is required' },
    { pointer: '/a b~1c#ü', in: 'query', detail: 'is not known here' },
    { pointer: '', detail: 'must be an object' },
  ] as const;
  const error = new KmsError('ValidationException', 'three things', { violations });
  expect(problemOf(error, requestId)).toEqual({
    type: 'urn:claviger:problem:ValidationException',
    title: 'The request is not valid.',
    status: 422,
    detail: 'three things',
    instance: `urn:uuid:${requestId}`,
    code: 'ValidationException',
    requestId,
    errors: [
      { pointer: '#/Tags/0/TagKey', in: 'body', detail: 'is required' },
      { pointer: '#/a%20b~1c%23%C3%BC', in: 'query', detail: 'is not known here' },
      { pointer: '#', in: 'body', detail: 'must be an object' },
    ],
  });
});

test('a refusal that AWS sends without a text has a title and no detail', () => {
  const problem = problemOf(new KmsError('InvalidCiphertextException'), requestId);
  expect(problem).not.toHaveProperty('detail');
  expect(problem).not.toHaveProperty('errors');
  expect(problem.title).toMatch(/^The ciphertext cannot be decrypted\. /);
});

test('what fails because something is away may be sent again', () => {
  const away = new KmsError('KMSInternalException', 'x', { unavailable: true });
  expect(problemOf(away, requestId).status).toBe(503);
  expect(problemOf(new KmsError('KMSInternalException', 'x'), requestId).status).toBe(500);
  expect(problemHeaders(503, away)).toMatchObject({ 'Retry-After': '1' });
  expect(problemOf(away, requestId).retryAfterSeconds).toBe(1);
});

test.each<[ErrorCode, number]>([
  ['AccessDeniedException', 403],
  ['AlreadyExistsException', 409],
  ['DependencyTimeoutException', 503],
  ['DisabledException', 409],
  ['DryRunOperationException', 412],
  ['ExpiredToken', 401],
  ['IncorrectKeyException', 422],
  ['InvalidSignatureException', 401],
  ['KMSInvalidMacException', 422],
  ['KMSInvalidStateException', 409],
  ['KeyUnavailableException', 503],
  ['LimitExceededException', 409],
  ['MethodNotAllowedException', 405],
  ['NotFoundException', 404],
  ['RequestEntityTooLargeException', 413],
  ['SerializationException', 400],
  ['ThrottlingException', 429],
  ['UnknownOperationException', 404],
  ['UnrecognizedClientException', 401],
  ['UnsupportedMediaTypeException', 415],
])('%s is %i', (code, status) => {
  expect(problemOf(new KmsError(code), requestId).status).toBe(status);
});

test('every title is a sentence that ends', () => {
  for (const { title } of Object.values(problemRows)) expect(title).toMatch(/^[A-Z].*\.$/);
});
