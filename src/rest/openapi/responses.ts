import type { ErrorCode } from '../../errors';
import { type OperationName, operationShapes } from '../../shapes/operations';
import { problemRows } from '../problems';
import type { Route } from '../routes';
import { oneOrList, resultsName, schemaName, schemaReference } from './schemas';
import { areaOf } from './texts/areas';
import { type Json, type Schema, present } from './types';

/** What any request may be answered with, by status; each is one response of the document's components. */
const sharedByStatus: Readonly<
  Record<number, { readonly name: string; readonly codes: readonly ErrorCode[] }>
> = {
  400: { name: 'BadRequest', codes: ['SerializationException'] },
  401: {
    name: 'Unauthorized',
    codes: [
      ...(['MissingAuthenticationTokenException', 'IncompleteSignatureException'] as const),
      ...(['InvalidSignatureException', 'UnrecognizedClientException', 'ExpiredToken'] as const),
    ],
  },
  413: { name: 'ContentTooLarge', codes: ['RequestEntityTooLargeException'] },
  415: { name: 'UnsupportedMediaType', codes: ['UnsupportedMediaTypeException'] },
  429: { name: 'TooManyRequests', codes: ['ThrottlingException'] },
  500: { name: 'InternalServerError', codes: ['KMSInternalException'] },
};

/** What every operation may be refused with besides what its model names. */
const everywhere: readonly ErrorCode[] = [
  ...(['AccessDeniedException', 'ValidationException', 'DependencyTimeoutException'] as const),
  ...(['KMSInternalException', 'ServiceUnavailableException'] as const),
];

/** What a batch may be refused with as a whole. */
const ofBatch: readonly ErrorCode[] = [
  ...(['ValidationException', 'DependencyTimeoutException', 'KMSInternalException'] as const),
  'ServiceUnavailableException',
];

/** Answers of an operation, by status. */
export function responsesOf(route: Route, example: Json | undefined): Record<string, Json> {
  return withRefusals(route.status, success(route, example), refusals(codesOf(route)));
}

/** Answers of a batch, by status: what an entry is refused with stands in the answer of a success. */
export function batchResponses(schema: Schema, example: Json | undefined): Record<string, Json> {
  const headers = headerReferences('x-amzn-RequestId');
  const content = { 'application/json': present({ schema, examples: example }) };
  const success = { description: 'Done, as each result says.', headers, content };
  return withRefusals(200, success, refusals(ofBatch));
}

function withRefusals(
  status: number,
  success: Json,
  refused: ReadonlyMap<number, readonly ErrorCode[]>,
): Record<string, Json> {
  const responses: Record<string, Json | undefined> = { [status]: success };
  for (const [shared, { name }] of Object.entries(sharedByStatus)) {
    responses[shared] = { $ref: `#/components/responses/${name}` };
  }
  responses['431'] = { $ref: '#/components/responses/HeaderFieldsTooLarge' };
  for (const [refusal, codes] of refused) responses[refusal] ??= problem(codes);
  return present(responses) as Record<string, Json>;
}

/** Of the document's components. */
export function sharedResponses(): Record<string, Json> {
  const byCode = Object.values(sharedByStatus).map(({ name, codes }): [string, Json] => [
    name,
    problem(codes),
  ]);
  return { ...Object.fromEntries(byCode), HeaderFieldsTooLarge: headerFieldsTooLarge };
}

/** The listener's own, before there is a request that could have an id. */
const headerFieldsTooLarge: Json = {
  description: 'URL and headers of the request are larger than this service reads.',
  content: {
    'application/problem+json': {
      schema: {
        type: 'object',
        required: ['type', 'title', 'status', 'code'],
        properties: {
          type: { type: 'string', format: 'uri' },
          title: { type: 'string' },
          status: { type: 'integer', enum: [431] },
          detail: { type: 'string' },
          code: { type: 'string', enum: ['RequestHeaderFieldsTooLargeException'] },
        },
      },
    },
  },
};

function success(route: Route, example: Json | undefined): Json {
  const { operation, status, paged, line } = route;
  const { output } = operationShapes[operation];
  const headers = {
    ...headerReferences('x-amzn-RequestId'),
    ...(line.location !== undefined && headerReferences('Location')),
    ...(paged && headerReferences('Link')),
  };
  const described = { description: descriptions[status], headers };
  if (status === 204 || output === undefined) return described;
  const one = schemaReference(schemaName(output));
  const schema = line.entries === true ? oneOrList(one, resultsName(operation)) : one;
  const media = present({ schema, examples: example });
  return { ...described, content: { 'application/json': media } };
}

const descriptions = {
  200: 'Done.',
  201: 'Made. `Location` says where it is.',
  204: 'Done. There is nothing more to say.',
} as const;

function headerReferences(...names: readonly string[]): Json {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** Codes by the status that they have, of what a request may be refused with. */
function refusals(codes: readonly ErrorCode[]): Map<number, ErrorCode[]> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes) {
    const { status } = problemRows[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  // What fails while a part is away.
  byStatus.get(503)?.push('KMSInternalException');
  return byStatus;
}

function codesOf(route: Route): ErrorCode[] {
  const { operation, line, paged, inPath, inQuery, inBody } = route;
  const members = [...inPath, ...inQuery, ...inBody];
  const codes = new Set([...everywhere, ...operationShapes[operation].errors]);
  for (const [member, given] of Object.entries(byMember)) {
    if (members.includes(member)) given.forEach((code) => codes.add(code));
  }
  // AWS's model has it of most lists.
  if (paged) codes.add('InvalidMarkerException');
  if (line.idempotencyKey === true) codes.add('IdempotentParameterMismatchException');
  if (reservedNames.includes(operation)) codes.add('NotAuthorizedException');
  if (cryptographic.includes(areaOf(operation))) codes.add('UnsupportedOperationException');
  // A slash that is not escaped, or dots alone, make another path of what was meant as a parameter.
  if (inPath.length > 0) codes.add('UnknownOperationException');
  return [...codes].sort();
}

/** What a member may be refused with, whether or not AWS's model says so of the operation. */
const byMember: Readonly<Record<string, readonly ErrorCode[]>> = {
  DestinationKeyId: ['InvalidArnException'],
  DryRun: ['DryRunOperationException'],
  GrantTokens: ['InvalidGrantTokenException'],
  KeyId: ['InvalidArnException', 'NotFoundException'],
  SourceKeyId: ['InvalidArnException'],
  TargetKeyId: ['InvalidArnException'],
};

/** Names of managed keys are not for everybody. */
const reservedNames: readonly OperationName[] = ['CreateAlias', 'UpdateAlias', 'DeleteAlias'];

/** The token may lack a mechanism, and the operator may have no roots for attestation documents. */
const cryptographic: readonly string[] = [
  ...['Encryption', 'Data keys', 'Signatures', 'Message authentication codes'],
  ...['Shared secrets', 'Random bytes'],
];

/** Every code that an answer of one of the routes may have. */
export function documentedCodes(routes: readonly Route[]): ReadonlySet<ErrorCode> {
  const common = Object.values(sharedByStatus).flatMap(({ codes }) => codes);
  return new Set([...common, ...routes.flatMap(codesOf)]);
}

function problem(codes: readonly ErrorCode[], status = statusOf(codes)): Json {
  return {
    description: codes.map((code) => `\`${code}\`: ${problemRows[code].title}`).join('\n\n'),
    headers: headerReferences('x-amzn-RequestId', ...(problemHeaderNames[status] ?? [])),
    content: {
      'application/problem+json': {
        schema: problemSchema(codes),
        examples: Object.fromEntries(
          codes
            .filter((code) => problemRows[code].status === status)
            .map((code) => [code, { $ref: `#/components/examples/${code}` }]),
        ),
      },
    },
  };
}

function statusOf([code]: readonly ErrorCode[]): number {
  return code === undefined ? 500 : problemRows[code].status;
}

const problemHeaderNames: Readonly<Record<number, readonly string[]>> = {
  401: ['WWW-Authenticate'],
  429: ['Retry-After'],
  503: ['Retry-After'],
};

function problemSchema(codes: readonly ErrorCode[]): Schema {
  return {
    allOf: [schemaReference('Problem'), { type: 'object', properties: { code: { enum: codes } } }],
  };
}
