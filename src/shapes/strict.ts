import type { ErrorObject, ValidateFunction } from 'ajv';
import { decodeBase64 } from './base64';
import { isObject, maxElements, maxInteger, unpairedSurrogate } from './decode';
import type { ListShape, MapShape, Shape, StructureShape } from './model';
import { operationShapes, type OperationInputs, type OperationName } from './operations';
import { readRfc3339 } from './rfc3339';
import { newValidatorCompiler, ownConstraints } from './schema';
import { shapeNamed } from './table';

/** One thing that is wrong with an input. */
export interface Fault {
  /** Names of members and numbers of elements, from the input down to the value. */
  readonly path: readonly string[];
  /** What the value must be, never what it is. */
  readonly detail: string;
}

export interface StrictInput<N extends OperationName> {
  /** Good for nothing where there are faults. */
  readonly input: OperationInputs[N];
  /** In the order of the model's members; the first of them, where somebody sent very many. */
  readonly faults: readonly Fault[];
}

/** Told of; a request of many megabytes of faults is answered with no more. */
export const maxFaults = 100;

/** No member that any model has is as long, and what is longer is not repeated. */
const maxRepeatedName = 128;

/** Notes what is wrong and goes on; what it then returns is of no use. */
type Reader = (json: unknown, faults: Faults) => unknown;

class Faults {
  readonly list: { readonly path: string[]; readonly detail: string }[] = [];
  /** Those that are not in the list any more are counted too. */
  count = 0;

  add(detail: string, ...path: string[]): void {
    this.count += 1;
    if (this.list.length < maxFaults) this.list.push({ path, detail });
  }

  /** What follows is not told of, and need not be looked at: there is no input. */
  get isFull(): boolean {
    return this.list.length >= maxFaults;
  }

  /** Those from the `first` on are of the member or element of that name. */
  below(name: string, first: number): void {
    for (let i = first; i < this.list.length; i++) this.list[i]?.path.unshift(name);
  }
}

const readers = new Map<OperationName, Reader>();

/**
 * An operation's input from its JSON value as parseInput has it, but for its manners: every fault of every kind is told of
 * at once, members that are unknown or null are faults, and dates are as RFC 3339 has them.
 */
export function strictInput<N extends OperationName>(name: N, json: unknown): StrictInput<N> {
  let read = readers.get(name);
  if (read === undefined) {
    read = readerFor(operationShapes[name].input);
    readers.set(name, read);
  }
  const faults = new Faults();
  const input = read(json, faults) as OperationInputs[N];
  return { input, faults: faults.list };
}

function readerFor(name: string): Reader {
  const shape = shapeNamed(name);
  const read = readerOf(shape);
  const check = checkFor(name);
  if (check === undefined) return read;
  return (json, faults) => {
    const before = faults.count;
    const value = read(json, faults);
    if (faults.count === before && !check(value)) {
      for (const error of check.errors ?? []) faults.add(detailOf(error, shape));
    }
    return value;
  };
}

function readerOf(shape: Shape): Reader {
  if (shape.type === 'structure') return structureReader(shape);
  if (shape.type === 'list') return listReader(shape);
  if (shape.type === 'map') return mapReader(shape);
  return scalarReaders[shape.type];
}

const scalarReaders: Readonly<
  Record<'string' | 'blob' | 'boolean' | 'integer' | 'timestamp', Reader>
> = {
  string(json, faults) {
    if (typeof json !== 'string') faults.add('must be a string');
    else if (unpairedSurrogate.test(json)) faults.add('must be well-formed Unicode');
    return json;
  },
  blob(json, faults) {
    const bytes = typeof json === 'string' ? decodeBase64(json) : undefined;
    if (bytes === undefined) faults.add('must be a string of base64, padded (RFC 4648 §4)');
    return bytes;
  },
  boolean(json, faults) {
    if (typeof json !== 'boolean') faults.add('must be true or false');
    return json;
  },
  integer(json, faults) {
    if (!Number.isInteger(json)) faults.add('must be an integer');
    else if (Math.abs(json as number) > maxInteger) faults.add('must be an integer of 32 bits');
    return json;
  },
  timestamp(json, faults) {
    const date = typeof json === 'string' ? readRfc3339(json) : undefined;
    if (date === undefined) {
      faults.add('must be a date as RFC 3339 has it, such as 2026-11-26T02:00:00Z');
    }
    return date;
  },
};

function structureReader({ members, required = [] }: StructureShape): Reader {
  const steps = Object.entries(members).map(([name, to]) => ({
    name,
    read: readerFor(to),
    needed: required.includes(name),
  }));
  const known = new Set(Object.keys(members));
  return (json, faults) => {
    if (!isObject(json)) {
      faults.add('must be an object');
      return undefined;
    }
    const decoded: Record<string, unknown> = {};
    for (const { name, read, needed } of steps) {
      const value = json[name];
      if (value === undefined) {
        if (needed) faults.add('is required', name);
        continue;
      }
      const before = faults.count;
      decoded[name] = read(value, faults);
      faults.below(name, before);
    }
    for (const name of Object.keys(json)) {
      if (faults.isFull) break;
      if (known.has(name)) continue;
      const { path, detail } = unknownMember(name);
      faults.add(detail, ...path);
    }
    return decoded;
  };
}

/** Of an object that has a member of such a name; `member` is what the request calls one. */
export function unknownMember(name: string, member = 'member'): Fault {
  return isRepeatable(name)
    ? { path: [name], detail: 'is not known here' }
    : { path: [], detail: `has a ${member} that is not known here` };
}

/** A pointer is a URI fragment, which is UTF-8. */
function isRepeatable(name: string): boolean {
  return name.length <= maxRepeatedName && !unpairedSurrogate.test(name);
}

function listReader({ member }: ListShape): Reader {
  const read = readerFor(member);
  return (json, faults) => {
    if (!Array.isArray(json)) {
      faults.add('must be an array');
      return undefined;
    }
    if (json.length > maxElements) {
      faults.add(`must have at most ${maxElements} elements`);
      return undefined;
    }
    return json.map((element: unknown, index) => {
      const before = faults.count;
      const value = read(element, faults);
      faults.below(String(index), before);
      return value;
    });
  };
}

/** The map has no prototype, so that no key finds anything that the caller did not send. Its names are any strings. */
function mapReader({ value }: MapShape): Reader {
  const read = readerFor(value);
  return (json, faults) => {
    if (!isObject(json)) {
      faults.add('must be an object');
      return undefined;
    }
    const decoded = Object.create(null) as Record<string, unknown>;
    for (const key of Object.keys(json)) {
      if (faults.isFull) break;
      const before = faults.count;
      if (unpairedSurrogate.test(key)) faults.add('has a name that is not well-formed Unicode');
      decoded[key] = read(json[key], faults);
      if (isRepeatable(key)) faults.below(key, before);
    }
    return decoded;
  };
}

/** Undefined where the model bounds nothing: types are the readers' to see. */
function checkFor(name: string): ValidateFunction | undefined {
  const schema = ownConstraints(name);
  return schema === undefined ? undefined : compiler().compile(schema);
}

let shared: ReturnType<typeof newValidatorCompiler> | undefined;

/** Made when it is first needed: a worker whose clients speak AWS's protocols alone needs none. */
function compiler(): ReturnType<typeof newValidatorCompiler> {
  return (shared ??= newValidatorCompiler());
}

const details: Readonly<Record<string, (bound: string) => string>> = {
  maxLength: (bound) => `must have at most ${counted(bound, 'character')}`,
  minLength: (bound) => `must have at least ${counted(bound, 'character')}`,
  maxItems: (bound) => `must have at most ${counted(bound, 'element')}`,
  minItems: (bound) => `must have at least ${counted(bound, 'element')}`,
  maxBytes: (bound) => `must have at most ${counted(bound, 'byte')}`,
  minBytes: (bound) => `must have at least ${counted(bound, 'byte')}`,
  maximum: (bound) => `must be at most ${bound}`,
  minimum: (bound) => `must be at least ${bound}`,
};

function counted(bound: string, what: string): string {
  return `${bound} ${what}${bound === '1' ? '' : 's'}`;
}

function detailOf({ keyword, schema }: ErrorObject, shape: Shape): string {
  if (shape.type === 'string' && keyword === 'pattern') {
    return `must match the pattern ${shape.pattern ?? ''}`;
  }
  if (shape.type === 'string' && keyword === 'enum') {
    return `must be one of ${(shape.enum ?? []).join(', ')}`;
  }
  const detail = details[keyword];
  if (detail === undefined) throw new Error(`no text for a violation of ${keyword}`);
  return detail(String(schema));
}
