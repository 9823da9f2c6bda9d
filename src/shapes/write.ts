import { operationShapes, type OperationName, type OperationOutputs } from './operations';
import type { Shape } from './model';
import { shapeNamed } from './table';

type Writer = (value: never) => string;

/** How a protocol writes dates; everything else is the same in all that are JSON. */
type DateWriter = (date: Date) => string;

/** An operation's answer as JSON text. */
type OutputWriter = <N extends OperationName>(name: N, output: OperationOutputs[N]) => string;

/**
 * Blobs in base64, dates in seconds since 1970 with their milliseconds as a fraction, absent members left out, and nothing
 * that the output shape does not name. An operation without an output shape writes no byte at all (kms-semantics §2.5,
 * §15.2).
 */
export const writeOutput = outputWriter((date) => writeNumber(date.getTime() / 1000));

/** The same with dates as RFC 3339 has them, in UTC and with milliseconds. */
export const writeOutputRfc3339 = outputWriter((date) => `"${date.toISOString()}"`);

function outputWriter(writeDate: DateWriter): OutputWriter {
  const writers = new Map<OperationName, Writer>();
  return (name, output) => {
    let write = writers.get(name);
    if (write === undefined) {
      const shape = operationShapes[name].output;
      write = shape === undefined ? () => '' : writerFor(shape, writeDate);
      writers.set(name, write);
    }
    return write(output as never);
  };
}

function writerFor(name: string, writeDate: DateWriter): Writer {
  const shape = shapeNamed(name);
  return writerMakers[shape.type](shape as never, writeDate);
}

const writerMakers: {
  readonly [T in Shape['type']]: (
    shape: Extract<Shape, { type: T }>,
    writeDate: DateWriter,
  ) => Writer;
} = {
  string: () => writeString,
  blob: () => writeBlob,
  integer: () => writeNumber,
  boolean: () => String,
  timestamp: (_, writeDate) => writeDate,
  list: ({ member }, writeDate) => {
    const write = writerFor(member, writeDate);
    return (list: readonly never[]) => `[${list.map(write).join(',')}]`;
  },
  map: ({ value }, writeDate) => {
    const write = writerFor(value, writeDate);
    return (map: Readonly<Record<string, never>>) => {
      const pairs = Object.entries(map);
      return `{${pairs.map(([key, one]) => `${JSON.stringify(key)}:${write(one)}`).join(',')}}`;
    };
  },
  structure: ({ members }, writeDate) => structureWriter(members, writeDate),
};

function structureWriter(members: Readonly<Record<string, string>>, writeDate: DateWriter): Writer {
  const steps = Object.entries(members).map(([name, to]) => ({
    name,
    label: `${JSON.stringify(name)}:`,
    write: writerFor(to, writeDate),
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
