import { operationShapes } from '../../shapes/operations';
import { type Route, inputShapeOf } from '../routes';
import { descriptionOf } from './members';
import { schemaName, schemaOf } from './schemas';
import { type Json, present } from './types';

/** A route's parameters: of the path, of the query, `limit` and `cursor` of a list, and the header Idempotency-Key. */
export function parametersOf(route: Route, examples: Json): readonly Json[] {
  const { inPath, inQuery, paged, line } = route;
  return [
    ...inPath.map((name) => parameter(route, { name, in: 'path', example: examples[name] })),
    ...inQuery.map((name) => parameter(route, { name, in: 'query', example: examples[name] })),
    ...(paged ? [reference('limit'), reference('cursor')] : []),
    ...(line.idempotencyKey === true ? [reference('Idempotency-Key')] : []),
  ];
}

function reference(name: string): Json {
  return { $ref: `#/components/parameters/${name}` };
}

interface Place {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly example: unknown;
}

function parameter({ operation, required }: Route, { name, in: place, example }: Place): Json {
  const { input } = operationShapes[operation];
  const member = inputShapeOf(operation).members[name];
  if (member === undefined) throw new Error(`${operation} has no member ${name}`);
  return present({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    description: descriptionOf(schemaName(input), name),
    schema: schemaOf(member),
    example,
  });
}

/** Of the document's components: parameters that many operations have. */
export const sharedParameters: Readonly<Record<string, Json>> = {
  limit: {
    name: 'limit',
    in: 'query',
    description:
      'How many items a page has at the most. The operation has a default and a maximum of its own.',
    schema: { type: 'integer', format: 'int32', minimum: 1, maximum: 1000 },
  },
  cursor: {
    name: 'cursor',
    in: 'query',
    description:
      '`next` of the page before. The other parameters must be the same as for that page.',
    schema: { type: 'string', minLength: 1, maxLength: 1400, pattern: '^[A-Za-z0-9_-]+$' },
  },
  'Idempotency-Key': {
    name: 'Idempotency-Key',
    in: 'header',
    description:
      'A name of your own for this request, such as a UUID. A request that is repeated with it within 24 hours is answered ' +
      'alike and does nothing; another request with it is refused.',
    schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[\\x21-\\x7E]+$' },
    example: '5f2c1d7e-6a0b-4c3e-9d58-0a9b6e1f4c27',
  },
};

/** Of the document's components: headers of answers. */
export const sharedHeaders: Readonly<Record<string, Json>> = {
  'x-amzn-RequestId': {
    description: 'The id of the request. The audit record has it too.',
    required: true,
    schema: { type: 'string', format: 'uuid' },
  },
  Location: {
    description: 'The path of what was made.',
    required: true,
    schema: { type: 'string', format: 'uri-reference' },
  },
  Link: {
    description: 'Where the list goes on, with `rel="next"` (RFC 8288). Absent on the last page.',
    schema: { type: 'string' },
  },
  'Retry-After': {
    description: 'After how many seconds the request may be sent again.',
    required: true,
    schema: { type: 'integer', minimum: 1 },
  },
  'WWW-Authenticate': {
    description: 'The ways to prove who one is.',
    required: true,
    schema: { type: 'string' },
  },
};
