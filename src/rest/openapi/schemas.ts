import type { BlobShape, ListShape, MapShape, Shape, StringShape } from '../../shapes/model';
import type { OperationName } from '../../shapes/operations';
import { shapeNamed, wholeStringPattern } from '../../shapes/table';
import { descriptionOf } from './members';
import { type Schema, present } from './types';

/** The name of a shape's schema: AWS's own, without the service's. */
export function schemaName(shape: string): string {
  return shape.slice(shape.lastIndexOf('.') + 1);
}

export function schemaReference(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

/** Of a route whose body may have a list of inputs: that list, and what it is answered. */
export function listName(operation: OperationName): string {
  return `${operation}List`;
}

export function resultsName(operation: OperationName): string {
  return `${operation}Results`;
}

export function oneOrList(one: Schema, list: string): Schema {
  return { oneOf: [one, schemaReference(list)] };
}

/** Has a schema of its own in the document; every other shape is written where it is used. */
export function isNamed(shape: Shape): boolean {
  if (shape.type === 'string') return shape.enum !== undefined;
  return shape.type === 'structure' || shape.type === 'map';
}

/** The schema of a value of the shape of that name, where it is used. */
export function schemaOf(name: string): Schema {
  const shape = shapeNamed(name);
  return isNamed(shape) ? schemaReference(schemaName(name)) : makers[shape.type](shape as never);
}

const bounds = ['minLength', 'maxLength', 'pattern', 'minimum', 'maximum', 'minItems', 'maxItems'];

/** Without bounds: they hold for what is sent, and an answer promises none. */
export function unbounded(schema: Schema): Schema {
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([keyword]) => !bounds.includes(keyword))
      .map(([keyword, value]) =>
        keyword === 'items' || keyword === 'additionalProperties'
          ? [keyword, unbounded(value as Schema)]
          : [keyword, value],
      ),
  );
}

/** The schema of a member of a structure: that of its shape, with what the member is for. */
export function memberSchema(structure: string, member: string, shape: string): Schema {
  return { ...schemaOf(shape), description: descriptionOf(schemaName(structure), member) };
}

/** The schema of an enum or a map, as it stands in the document's components. */
export function namedSchema(name: string): Schema {
  const shape = shapeNamed(name);
  return makers[shape.type](shape as never);
}

const makers: {
  readonly [T in Exclude<Shape['type'], 'structure'>]: (
    shape: Extract<Shape, { type: T }>,
  ) => Schema;
} & { readonly structure: () => never } = {
  string: stringSchema,
  blob: blobSchema,
  integer: ({ min, max }) =>
    present({ type: 'integer', format: 'int32', minimum: min, maximum: max }),
  boolean: () => ({ type: 'boolean' }),
  timestamp: () => ({ type: 'string', format: 'date-time' }),
  list: listSchema,
  map: mapSchema,
  structure: () => {
    throw new Error('a structure is written by its members');
  },
};

/** Lengths are in code points in both worlds. */
function stringSchema({ min, max, pattern, enum: values, sensitive }: StringShape): Schema {
  return present({
    type: 'string',
    format: sensitive === true && values === undefined ? 'password' : undefined,
    enum: values,
    minLength: min === 0 ? undefined : min,
    maxLength: max,
    pattern: pattern === undefined ? undefined : portablePattern(pattern),
  });
}

/**
 * A blob's lengths are in bytes, and a schema's in characters of base64, which are four for every three bytes begun. A
 * length that ends in the middle of three bytes cannot be said so: the door refuses one or two more than the shape allows.
 */
function blobSchema({ min, max }: BlobShape): Schema {
  return present({
    type: 'string',
    contentEncoding: 'base64',
    minLength: min === undefined || min === 0 ? undefined : base64Length(min),
    maxLength: max === undefined ? undefined : base64Length(max),
  });
}

export function base64Length(bytes: number): number {
  return 4 * Math.ceil(bytes / 3);
}

function listSchema({ member, min, max }: ListShape): Schema {
  return present({
    type: 'array',
    items: schemaOf(member),
    minItems: min === 0 ? undefined : min,
    maxItems: max,
  });
}

function mapSchema({ key, value }: MapShape): Schema {
  return {
    type: 'object',
    propertyNames: schemaOf(key),
    additionalProperties: schemaOf(value),
  };
}

/**
 * The whole string in ECMA 262's syntax, as far as regular expressions of other languages know it too: \p{ASCII} is not among
 * that. Without alternatives no group is needed, and a pattern that has anchors of its own gets no second ones.
 */
function portablePattern(pattern: string): string {
  const whole = wholeStringPattern(pattern.replaceAll('\\p{ASCII}', '[\\u0000-\\u007F]'));
  return whole.replace(/^\^\(\?:\^?([^|]*?)\$?\)\$$/, '^$1$');
}
