import { KmsError, type Violation } from '../errors';
import { type Fault, maxFaults, strictInput, unknownMember } from '../shapes';
import { isObject } from '../shapes/decode';
import type { OperationInputs, OperationName } from '../shapes/operations';
import type { Shape } from '../shapes/model';
import { shapeNamed } from '../shapes/table';
import type { Placing } from './problems';
import type { QueryValues } from './query';
import { type Route, inputShapeOf } from './routes';

/** What a request has of an input, each part as it was sent. */
export interface RequestParts {
  /** By member, decoded. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: QueryValues;
  /** The body's JSON value; undefined where the route takes none. Members of the path are put into it. */
  readonly body: unknown;
  /** What is wrong with its headers. */
  readonly violations?: readonly Violation[];
}

/**
 * The input of a request to a route. Throws ValidationException with everything that is wrong with it, in the order of the
 * model's members.
 */
export function inputOf<N extends OperationName>(
  name: N,
  route: Route,
  parts: RequestParts,
): OperationInputs[N] {
  const further = [...(parts.violations ?? [])];
  const raw = rawInput(route, { parts, further });
  const { input, faults } = strictInput(name, raw);
  if (faults.length > 0 || further.length > 0) {
    throw invalid([...faults.map((fault) => violationOf(route, fault)), ...further]);
  }
  return input;
}

/** An operation's input where all of it is one JSON value. Throws ValidationException as above. */
export function inputFromJson<N extends OperationName>(name: N, json: unknown): OperationInputs[N] {
  const { input, faults } = strictInput(name, json);
  if (faults.length > 0) throw invalid(faults.map(inBody));
  return input;
}

/** Where a request to the route has what its operation refused. */
export function placing(route: Route): Placing {
  return (violation) => {
    const [, member = ''] = violation.pointer.split('/');
    return violation.in === undefined ? placed(route, member, violation) : violation;
  };
}

/** A request's refusal for all that is wrong with it, or the first of it where somebody sent very much. */
export function invalid(all: readonly Violation[]): KmsError {
  const violations = all.slice(0, maxFaults);
  const things = violations.length === 1 ? 'One value' : `${violations.length} values`;
  const message = `${things} of the request cannot be as sent: see errors.`;
  return new KmsError('ValidationException', message, { violations });
}

/** A JSON pointer (RFC 6901 §3). */
export function pointerTo(path: readonly string[]): string {
  return path.map((segment) => `/${segment.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

interface Reading {
  readonly parts: RequestParts;
  /** What is wrong with how the request has the values. */
  readonly further: Violation[];
}

function rawInput(route: Route, { parts, further }: Reading): unknown {
  const { body = {}, path, query: values } = parts;
  for (const [name, { length }] of values) {
    if (!isParameter(route, name)) further.push(unknownParameter(name));
    else if (length > 1 && !isList(route, name)) further.push(repeated(name));
  }
  if (!isObject(body)) return body;
  for (const [member, value] of Object.entries(path)) {
    if (Object.hasOwn(body, member)) further.push(twice(member));
    body[member] = value;
  }
  for (const member of route.inQuery) {
    const sent = values.get(member);
    if (sent !== undefined) body[member] = fromQuery(sent, memberShape(route, member));
  }
  return route.paged ? { ...body, ...page(values) } : body;
}

/** What is wrong with a parameter of the query that nothing reads. */
export function unknownParameter(name: string): Violation {
  const { path, detail } = unknownMember(name, 'parameter');
  return { pointer: pointerTo(path), in: 'query', detail };
}

function repeated(name: string): Violation {
  return { pointer: pointerTo([name]), in: 'query', detail: 'must be given once' };
}

function twice(member: string): Violation {
  return {
    pointer: pointerTo([member]),
    in: 'body',
    detail: 'is in the path already and must not be in the body',
  };
}

function isParameter({ paged, inQuery }: Route, name: string): boolean {
  return inQuery.includes(name) || (paged && (name === 'limit' || name === 'cursor'));
}

function isList(route: Route, member: string): boolean {
  return route.inQuery.includes(member) && memberShape(route, member).type === 'list';
}

function memberShape(route: Route, member: string): Shape {
  return shapeNamed(inputShapeOf(route.operation).members[member] ?? '');
}

/** As JSON would have it; a text that is none of the kind stays one, and is refused as any wrong type. */
function fromQuery(values: readonly string[], { type }: Shape): unknown {
  const [value = ''] = values;
  if (type === 'list') return values;
  if (type === 'integer') return integerIn(value);
  return type === 'boolean' ? booleanIn(value) : value;
}

function integerIn(text: string): unknown {
  return /^-?\d{1,15}$/.test(text) ? Number(text) : text;
}

function booleanIn(text: string): unknown {
  return text === 'true' || (text !== 'false' && text);
}

/** Not a string where it is no cursor, so that it is refused. */
function page(values: QueryValues): object {
  const [limit] = values.get('limit') ?? [];
  const [cursor] = values.get('cursor') ?? [];
  return {
    ...(limit !== undefined && { Limit: integerIn(limit) }),
    ...(cursor !== undefined && { Marker: markerIn(cursor) ?? null }),
  };
}

function markerIn(cursor: string): string | undefined {
  const bytes = Buffer.from(cursor, 'base64url');
  const marker = bytes.toString('utf8');
  const same = bytes.toString('base64url') === cursor && Buffer.from(marker).equals(bytes);
  return same ? marker : undefined;
}

function violationOf(route: Route, { path, detail }: Fault): Violation {
  const [member = ''] = path;
  return placed(route, member, { pointer: pointerTo(path), detail });
}

/** What is wrong with a member, or in it, where the route's requests have that member. */
function placed(route: Route, member: string, { pointer, detail }: Violation): Violation {
  if (route.paged && member === 'Marker') {
    return { pointer: '/cursor', in: 'query', detail: 'must be the cursor of an answer' };
  }
  if (route.paged && member === 'Limit') return { pointer: '/limit', in: 'query', detail };
  return { pointer, in: placeOf(route, member), detail };
}

function placeOf(route: Route, member: string): NonNullable<Violation['in']> {
  if (route.inPath.includes(member)) return 'path';
  return route.inQuery.includes(member) ? 'query' : 'body';
}

function inBody({ path, detail }: Fault): Violation {
  return { pointer: pointerTo(path), in: 'body', detail };
}
