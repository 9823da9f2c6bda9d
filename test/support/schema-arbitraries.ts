import fc, { type Arbitrary } from 'fast-check';
import type { Json } from '../../src/rest/openapi/types';
import { resolved } from './openapi';

/** Values that are there, by the names of the members that they are good for. */
export type Known = Readonly<Record<string, readonly unknown[]>>;

/** What makes an RSA key of the larger sizes takes seconds of the token. */
const slow = ['RSA_3072', 'RSA_4096'];
const longest = 80;

/** Values of a schema of the document: those that are known of that name, mostly, or whatever it allows. */
export function valuesOfSchema(given: unknown, known: Known, name = ''): Arbitrary<unknown> {
  const schema = resolved(given);
  const anything = arbitraryOf(schema, known);
  const values = known[name];
  return values === undefined || values.length === 0
    ? anything
    : fc.oneof(
        { weight: 4, arbitrary: fc.constantFrom(...values) },
        { weight: 1, arbitrary: anything },
      );
}

function arbitraryOf(schema: Json, known: Known): Arbitrary<unknown> {
  const {
    enum: values,
    type,
    oneOf,
  } = schema as {
    readonly enum?: readonly string[];
    readonly type?: string;
    readonly oneOf?: readonly Json[];
  };
  if (oneOf !== undefined) return fc.oneof(...oneOf.map((one) => valuesOfSchema(one, known)));
  if (values !== undefined) return fc.constantFrom(...values.filter((one) => !slow.includes(one)));
  const make = makers[type ?? ''];
  if (make === undefined) throw new Error(`no values of ${JSON.stringify(schema)}`);
  return make(schema, known);
}

const makers: Readonly<Record<string, (schema: Json, known: Known) => Arbitrary<unknown>>> = {
  boolean: () => fc.boolean(),
  integer: integers,
  string: strings,
  array: ({ items, maxItems, minItems }, known) =>
    fc.array(valuesOfSchema(items, known), {
      minLength: (minItems as number | undefined) ?? 0,
      maxLength: Math.min((maxItems as number | undefined) ?? 3, 3),
    }),
  object: (schema, known) =>
    schema['properties'] === undefined ? maps(schema, known) : structures(schema, known),
};

function integers({ minimum = -(2 ** 31), maximum = 2 ** 31 - 1 }: Json): Arbitrary<number> {
  const [min, max] = [minimum as number, maximum as number];
  return fc.oneof(fc.constantFrom(min, max), fc.integer({ min, max }));
}

function strings(schema: Json): Arbitrary<string> {
  const { format, contentEncoding, pattern, minLength, maxLength } = schema as {
    readonly format?: string;
    readonly contentEncoding?: string;
    readonly pattern?: string;
    readonly minLength?: number;
    readonly maxLength?: number;
  };
  const min = minLength ?? 0;
  const max = maxLength ?? longest;
  if (contentEncoding === 'base64') return blobs(min, max);
  if (format === 'date-time') return dates;
  if (pattern === undefined) {
    const [fewest, most] = [min, Math.max(min, Math.min(max, longest))];
    return fc.string({ unit: characters, minLength: fewest, maxLength: most });
  }
  const expression = new RegExp(pattern, 'u');
  // As long as it has to be: chance alone would hardly ever make a text of just the right length.
  const bounded = pattern.replace(
    /^(\^\[[^\]]+\])[+*]\$$/,
    (_, characters: string) =>
      `${characters}{${String(min)},${String(Math.min(max, min + longest))}}$`,
  );
  const matching = fc
    .stringMatching(new RegExp(bounded, 'u'))
    .filter((text) => text.length >= min && text.length <= max);
  const full = 'a'.repeat(Math.min(max, 3000));
  return expression.test(full)
    ? fc.oneof({ weight: 9, arbitrary: matching }, fc.constant(full))
    : matching;
}

/** Mostly what people write, and some of what breaks programs. */
const characters = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...Array.from('abcxyzABCXYZ0189 -_/.:')) },
  { weight: 1, arbitrary: fc.constantFrom(...Array.from('"\\%+&?#äß€𝄞\u0000\u007f\u2028\ufffd')) },
);

function blobs(min: number, max: number): Arbitrary<string> {
  const [fewest, most] = [Math.floor(min / 4), Math.floor(max / 4) * 3];
  return fc
    .uint8Array({ minLength: fewest, maxLength: Math.min(most, 64) })
    .map((bytes) => Buffer.from(bytes).toString('base64'));
}

const dates = fc
  .date({ min: new Date(0), max: new Date('2100-01-01T00:00:00Z'), noInvalidDate: true })
  .map((date) => date.toISOString());

function maps({ propertyNames, additionalProperties }: Json, known: Known): Arbitrary<object> {
  const names = valuesOfSchema(propertyNames, known) as Arbitrary<string>;
  return fc.dictionary(names, valuesOfSchema(additionalProperties, known), { maxKeys: 3 });
}

function structures({ properties, required }: Json, known: Known): Arbitrary<object> {
  const members = Object.entries(properties as Json).map(([name, schema]) => [
    name,
    valuesOfSchema(schema, known, name),
  ]);
  return fc.record(Object.fromEntries(members) as Record<string, Arbitrary<unknown>>, {
    requiredKeys: (required as string[] | undefined) ?? [],
    noNullPrototype: true,
  });
}
