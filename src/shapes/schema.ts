import { Ajv, type SchemaObject } from 'ajv';
import type { Shape } from './model';
import { shapeNamed, wholeStringPattern } from './table';

/**
 * Each worker makes the validators that it needs. A test holds the schemas against JSON Schema's own; what V8 optimises needs
 * no optimising: together that was four fifths of the work.
 */
const cheap = { validateSchema: false, meta: false, code: { optimize: false } } as const;

/**
 * An Ajv for decoded inputs: reports every violation, each with its value and its schema, and counts string lengths in
 * code points, as Smithy's length trait is defined. `shape` only names the shape that a schema was made from.
 */
export function newValidatorCompiler(): Ajv {
  const ajv = new Ajv({ allErrors: true, verbose: true, ...cheap });
  ajv.addKeyword({ keyword: 'shape' });
  ajv.addKeyword({
    keyword: 'minBytes',
    schemaType: 'number',
    compile: (min: number) => (bytes: Buffer) => bytes.length >= min,
  });
  ajv.addKeyword({
    keyword: 'maxBytes',
    schemaType: 'number',
    compile: (max: number) => (bytes: Buffer) => bytes.length <= max,
  });
  return ajv;
}

/** The JSON schema of a shape's constraints. Types need none: the decoder made the value. */
export function schemaFor(name: string): SchemaObject {
  return present({ shape: name, ...constraintsOf(shapeNamed(name)) });
}

/** Keywords that are about what is inside a value. */
const inside = ['items', 'required', 'properties'];

/** What the model says of a value itself, nothing of what is inside it; undefined where that is nothing. */
export function ownConstraints(name: string): SchemaObject | undefined {
  const schema = schemaFor(name);
  const own = Object.entries(schema).filter(([keyword]) => !inside.includes(keyword));
  return own.every(([keyword]) => keyword === 'shape' || keyword === 'type')
    ? undefined
    : Object.fromEntries(own);
}

function constraintsOf(shape: Shape): SchemaObject {
  return schemaMakers[shape.type](shape as never);
}

const schemaMakers: {
  readonly [T in Shape['type']]: (shape: Extract<Shape, { type: T }>) => SchemaObject;
} = {
  string: ({ min, max, pattern, enum: values }) => ({
    type: 'string',
    minLength: min,
    maxLength: max,
    pattern: pattern === undefined ? undefined : wholeStringPattern(pattern),
    enum: values,
  }),
  blob: ({ min, max }) => ({ minBytes: min, maxBytes: max }),
  integer: ({ min, max }) => ({ type: 'integer', minimum: min, maximum: max }),
  boolean: () => ({}),
  timestamp: () => ({}),
  list: ({ member, min, max }) => ({
    type: 'array',
    items: schemaFor(member),
    minItems: min,
    maxItems: max,
  }),
  map: () => ({}),
  structure: ({ members, required }) => ({
    type: 'object',
    required,
    properties: Object.fromEntries(
      Object.entries(members).map(([member, to]) => [member, schemaFor(to)]),
    ),
  }),
};

function present(schema: SchemaObject): SchemaObject {
  return Object.fromEntries(Object.entries(schema).filter(([, value]) => value !== undefined));
}
