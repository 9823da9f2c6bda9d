import { KmsError } from '../errors';
import { decodeBase64 } from './base64';
import type { ListShape, MapShape, Shape, StructureShape } from './model';
import { shapeNamed } from './table';

/** Turns a JSON value into the shape's TypeScript value, or throws SerializationException. */
export type Decoder = (json: unknown) => unknown;

/**
 * The model bounds few of its lists, and no KMS request has a use for more than 50 elements. Validation reports every
 * violation of every element, so what it is given must be bounded.
 */
export const maxElements = 1000;

export const maxInteger = 2 ** 31 - 1;

/** With the `u` flag a surrogate class meets unpaired ones only. */
export const unpairedSurrogate = /[\ud800-\udfff]/u;

/**
 * A decoder for a shape. Members that are null are absent and unknown ones are dropped (kms-semantics §15.1); a null
 * inside a list or a map is refused, as Smithy's malformed-request tests have it for members that are not sparse.
 */
export function decoderFor(name: string): Decoder {
  return decoderOf(shapeNamed(name));
}

function decoderOf(shape: Shape): Decoder {
  if (shape.type === 'structure') return structureDecoder(shape);
  if (shape.type === 'list') return listDecoder(shape);
  if (shape.type === 'map') return mapDecoder(shape);
  return scalarDecoders[shape.type];
}

const scalarDecoders: Readonly<
  Record<'string' | 'blob' | 'boolean' | 'integer' | 'timestamp', Decoder>
> = {
  string: decodeString,
  blob: (json) =>
    (typeof json === 'string' ? decodeBase64(json) : undefined) ?? refuse(json, 'Blob'),
  boolean: (json) => (typeof json === 'boolean' ? json : refuse(json, 'Boolean')),
  integer: decodeInteger,
  timestamp: decodeTimestamp,
};

/**
 * Refuses unpaired surrogates: JSON can escape them, UTF-8 cannot carry them, and encoders write U+FFFD in their place,
 * which would make two different strings one in a digest or in the database.
 */
function decodeString(json: unknown): string {
  if (typeof json !== 'string' || unpairedSurrogate.test(json)) return refuse(json, 'String');
  return json;
}

function decodeInteger(json: unknown): number {
  if (!Number.isInteger(json) || Math.abs(json as number) > maxInteger)
    return refuse(json, 'Integer');
  return json as number;
}

function decodeTimestamp(json: unknown): Date {
  const date = typeof json === 'number' ? new Date(Math.round(json * 1000)) : undefined;
  return date === undefined || Number.isNaN(date.getTime()) ? refuse(json, 'Timestamp') : date;
}

function structureDecoder(shape: StructureShape): Decoder {
  const members = Object.entries(shape.members).map(
    ([name, to]) => [name, decoderFor(to)] as const,
  );
  return (json) => {
    if (!isObject(json)) return refuse(json, 'Structure');
    const decoded: Record<string, unknown> = {};
    for (const [name, decode] of members) {
      const value = json[name];
      if (value !== undefined && value !== null) decoded[name] = decode(value);
    }
    return decoded;
  };
}

function listDecoder(shape: ListShape): Decoder {
  const decode = decoderFor(shape.member);
  return (json) => {
    if (!Array.isArray(json)) return refuse(json, 'List');
    if (json.length > maxElements) {
      throw new KmsError('SerializationException', `A list has more than ${maxElements} elements`);
    }
    return json.map((element: unknown) => decode(element));
  };
}

/** The map has no prototype, so that no key finds anything that the caller did not send. */
function mapDecoder(shape: MapShape): Decoder {
  const decodeKey = decoderFor(shape.key);
  const decodeValue = decoderFor(shape.value);
  return (json) => {
    if (!isObject(json)) return refuse(json, 'Map');
    const decoded = Object.create(null) as Record<string, unknown>;
    for (const key of Object.keys(json)) {
      decodeKey(key);
      decoded[key] = decodeValue(json[key]);
    }
    return decoded;
  };
}

export function isObject(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

/** The texts of AWS's JSON 1.1 services name the JSON token and the type, never the value. */
function refuse(json: unknown, type: string): never {
  throw new KmsError('SerializationException', refusal(json, type));
}

function refusal(json: unknown, type: string): string {
  if (Array.isArray(json)) return 'Start of list found where not expected';
  if (isObject(json)) return 'Start of structure or map found where not expected';
  return `${tokenOf(json)} cannot be converted to ${type}`;
}

function tokenOf(json: unknown): string {
  if (json === true) return 'TRUE_VALUE';
  if (json === false) return 'FALSE_VALUE';
  if (typeof json === 'string') return 'STRING_VALUE';
  if (typeof json !== 'number') return 'NULL_VALUE';
  return Number.isInteger(json) ? 'NUMBER_VALUE' : 'DECIMAL_VALUE';
}
