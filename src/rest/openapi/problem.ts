import { type ErrorCode, KmsError } from '../../errors';
import { problemOf, problemRows } from '../problems';
import type { Json, Schema } from './types';

/** RFC 9457's problem with what Claviger adds to it. */
export const problemSchemas: Readonly<Record<string, Schema>> = {
  Problem: {
    type: 'object',
    description: 'Why a request was refused, or failed (RFC 9457).',
    required: ['type', 'title', 'status', 'instance', 'code', 'requestId'],
    properties: {
      type: {
        type: 'string',
        format: 'uri',
        description: 'The kind of the problem: `urn:claviger:problem:` and the code.',
      },
      title: { type: 'string', description: 'The kind of the problem, in words.' },
      status: { type: 'integer', description: 'The status of the answer.' },
      detail: { type: 'string', description: 'What is wrong with this request.' },
      instance: {
        type: 'string',
        format: 'uri',
        description: 'This occurrence: `urn:uuid:` and the id of the request.',
      },
      code: {
        type: 'string',
        description: "AWS's name of the error, for programs to tell errors apart.",
      },
      requestId: {
        type: 'string',
        format: 'uuid',
        description: 'The id of the request. The audit record has it too.',
      },
      retryAfterSeconds: {
        type: 'integer',
        description: 'Of 429 and 503: when the same request may succeed, as `Retry-After` has it.',
      },
      errors: {
        type: 'array',
        description: 'Everything that is wrong with the request, where its form is.',
        items: { $ref: '#/components/schemas/Violation' },
      },
    },
  },
  Violation: {
    type: 'object',
    description: 'One thing that is wrong with a request.',
    required: ['pointer', 'in', 'detail'],
    properties: {
      pointer: {
        type: 'string',
        format: 'json-pointer-uri-fragment',
        description:
          'Where it is: a JSON pointer as a URI fragment (RFC 6901), such as `#/Tags/0/TagKey`.',
      },
      in: {
        type: 'string',
        enum: ['body', 'path', 'query', 'header'],
        description: 'In which part of the request it is.',
      },
      detail: { type: 'string', description: 'What the value must be.' },
    },
  },
};

const requestId = '9d1f6b8e-3c5a-4e27-8b90-1a2c3d4e5f60';

/** What the example of a refused input says, which the code alone does not. */
const refusedInput = new KmsError(
  'ValidationException',
  'One value of the request cannot be as sent: see errors.',
  { violations: [{ pointer: '/Tags/0/TagKey', detail: 'must have at least 1 character' }] },
);

/** An example of each of the codes, for the document's components. */
export function problemExamples(codes: Iterable<ErrorCode>): Readonly<Record<string, Json>> {
  const named = [...codes].sort().map((code): [string, Json] => {
    const error = code === refusedInput.code ? refusedInput : new KmsError(code);
    return [code, { summary: problemRows[code].title, value: problemOf(error, requestId) }];
  });
  return Object.fromEntries(named);
}
