import { operationShapes, type OperationName, type OperationOutputs } from './operations';
import type { Shape } from './model';
import { shapeNamed } from './table';

type Writer = (value: never) => string;

const writers = new Map<OperationName, Writer>();

/**
 * An operation's answer as JSON text: blobs in base64, dates in seconds since 1970 with their milliseconds as a fraction,
 * absent members left out, and nothing that the output shape does not name. An operation without an output shape writes
 * no byte at all (kms-semantics §2.5, §15.2).
 */
export function writeOutput<N extends OperationName>(name: N, output: OperationOutputs[N]): string {
  let write = writers.get(name);
  if (write === undefined) {
    const shape = operationShapes[name].output;
    write = shape === undefined ? () => '' : writerFor(shape);
    writers.set(name, write);
  }
  return write(output as never);
}

function writerFor(name: string): Writer {
  const shape = shapeNamed(name);
  return writerMakers[shape.type](shape as never);
}

const writerMakers: {
  readonly [T in Shape['type']]: (shape: Extract<Shape, { type: T }>) => Writer;
} = {
  string: () => writeString,
  blob: () => writeBlob,
  integer: () => writeNumber,
  boolean: () => String,
  timestamp: () => writeTimestamp,
  list: ({ member }) => {
    const write = writerFor(member);
    return (list: readonly never[]) => `[${list.map(write).join(',')}]`;
  },
  map: ({ value }) => {
    const write = writerFor(value);
    return (map: Readonly<Record<string, never>>) => {
      const pairs = Object.entries(map);
      return `{${pairs.map(([key, one]) => `${JSON.stringify(key)}:${write(one)}`).join(',')}}`;
    };
  },
  structure: ({ members }) => structureWriter(members),
};

function structureWriter(members: Readonly<Record<string, string>>): Writer {
  const steps = Object.entries(members).map(([name, to]) => ({
    name,
    label: `${JSON.stringify(name)}:`,
    write: writerFor(to),
  }));
  return (structure: Readonly<Record<string, unknown>>) => {
    let text = '';
    for (const { name, label, write } of steps) {
      const value = structure[name];
      if (value === undefined || value === null) continue;
      text += `${text === '' ? '' : ','}${label}${write(value as never)}`;
    }
    return `{${text}}`;
  };
}

function writeString(text: string): string {
  return JSON.stringify(text);
}

/** Base64 has nothing that JSON escapes. */
function writeBlob(bytes: Buffer): string {
  return `"${bytes.toString('base64')}"`;
}

function writeNumber(value: number): string {
  if (!Number.isFinite(value)) throw new RangeError('a number that JSON cannot write');
  return String(value);
}

function writeTimestamp(date: Date): string {
  return writeNumber(date.getTime() / 1000);
}
