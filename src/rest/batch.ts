import type { Answer } from '../corridor';
import type { Violation } from '../errors';
import { maxFaults, unknownMember } from '../shapes';
import { isObject } from '../shapes/decode';
import type { KmsOperationName } from '../shapes/kms.generated';
import type { OperationInputs, OperationName } from '../shapes/operations';
import { type Placing, asInput, problemOf } from './problems';
import type { QueryValues } from './query';
import {
  type RequestParts,
  inputFromJson,
  inputOf,
  invalid,
  placing,
  pointerTo,
  unknownParameter,
} from './requests';
import type { Route } from './routes';

/** What `POST /v1/batch` takes, in the order of the reference. */
export const batchOperations = [
  'Decrypt',
  'Encrypt',
  'GenerateDataKey',
  'ReEncrypt',
] as const satisfies readonly KmsOperationName[];

export type BatchOperation = (typeof batchOperations)[number];

export const maxEntries = 100;

/** One of the requests that a body brings. */
export interface Entry {
  readonly operation: OperationName;
  /** Reads its input. Throws ValidationException with all that is wrong with it, by pointers into the input. */
  readonly input: <N extends OperationName>(operation: N) => OperationInputs[N];
  /** Where the whole body has what is wrong with the input. */
  readonly place: Placing;
}

/**
 * The entries of a batch: `{Entries: [{Operation, Input}]}`. Throws ValidationException with everything that is wrong with
 * that; what an Input has inside is its entry's matter.
 */
export function readBatch(json: unknown, query: QueryValues): readonly Entry[] {
  const violations = new Violations(query);
  const entries = listIn(json, violations).map((entry, at) => batchEntry(entry, at, violations));
  violations.refuse();
  return entries;
}

/**
 * The entries of a body that has a list of inputs in place of one: `{Entries: [<input>]}`; undefined where it has one. What
 * the path names holds for all of them. Throws as readBatch.
 */
export function readInputs(
  json: unknown,
  route: Route,
  { path, query }: Pick<RequestParts, 'path' | 'query'>,
): readonly Entry[] | undefined {
  if (!isObject(json) || !Object.hasOwn(json, 'Entries')) return undefined;
  const violations = new Violations(query);
  const inputs = listIn(json, violations);
  violations.refuse();
  return inputs.map((body, at) => ({
    operation: route.operation,
    input: (operation) =>
      inputOf(operation, route, { path, query: new Map<string, never>(), body }),
    place: within(['Entries', String(at)], placing(route)),
  }));
}

/** What became of an entry. */
export interface Result {
  readonly requestId: string;
  readonly answer: Answer;
  readonly place: Placing;
}

/** The answer of a batch: the results in the order of the entries, and how many of them failed. */
export function writeResults(results: readonly Result[]): string {
  const failed = results.filter(({ answer }) => !answer.ok).length;
  return `{"Results":[${results.map(writeResult).join(',')}],"Failed":${failed}}`;
}

function writeResult({ requestId, answer, place }: Result): string {
  if (answer.ok) return `{"Status":200,"RequestId":"${requestId}","Output":${answer.output}}`;
  const problem = problemOf(answer.error, requestId, place);
  const { status } = problem;
  return `{"Status":${status},"RequestId":"${requestId}","Problem":${JSON.stringify(problem)}}`;
}

class Violations {
  private readonly list: Violation[];

  /** A batch takes no parameters: all that there are are violations. */
  constructor(query: QueryValues) {
    this.list = [...query.keys()].slice(0, maxFaults).map(unknownParameter);
  }

  add(detail: string, ...path: string[]): void {
    if (this.list.length >= maxFaults) return;
    this.list.push({ pointer: pointerTo(path), in: 'body', detail });
  }

  /** Of an object: which members it lacks and which it should not have. */
  members(object: object, known: readonly string[], ...path: string[]): void {
    for (const name of known) {
      if (!Object.hasOwn(object, name)) this.add('is required', ...path, name);
    }
    for (const name of Object.keys(object)) {
      if (this.list.length >= maxFaults) break;
      if (known.includes(name)) continue;
      const unknown = unknownMember(name);
      this.add(unknown.detail, ...path, ...unknown.path);
    }
  }

  refuse(): void {
    if (this.list.length > 0) throw invalid(this.list);
  }
}

/** Empty where it is no list of so many. */
function listIn(json: unknown, violations: Violations): readonly unknown[] {
  if (!isObject(json)) {
    violations.add('must be an object');
    return [];
  }
  violations.members(json, ['Entries']);
  const { Entries: entries } = json;
  if (entries === undefined) return [];
  if (!Array.isArray(entries)) {
    violations.add('must be an array', 'Entries');
    return [];
  }
  if (entries.length === 0) violations.add('must have at least 1 element', 'Entries');
  if (entries.length <= maxEntries) return entries;
  violations.add(`must have at most ${maxEntries} elements`, 'Entries');
  return [];
}

/** One of the entries; where there are violations, one that may not be asked for its input. */
function batchEntry(json: unknown, at: number, violations: Violations): Entry {
  const path = ['Entries', String(at)];
  if (!isObject(json)) {
    violations.add('must be an object', ...path);
    return nothing;
  }
  violations.members(json, ['Operation', 'Input'], ...path);
  const { Operation: name, Input: input } = json;
  const operation = batchOperations.find((one) => one === name);
  if (operation === undefined) {
    if (name !== undefined) {
      violations.add(`must be one of ${batchOperations.join(', ')}`, ...path, 'Operation');
    }
    return nothing;
  }
  return {
    operation,
    input: (operation) => inputFromJson(operation, input),
    place: within([...path, 'Input'], asInput),
  };
}

const nothing: Entry = {
  operation: 'Encrypt',
  input: () => {
    throw new Error('an entry was asked for its input that has violations');
  },
  place: asInput,
};

/** Pointers into an entry become pointers into the whole body. What stands in the path is in no entry. */
function within(outer: readonly string[], place: Placing): Placing {
  const prefix = pointerTo(outer);
  return (inner) => {
    const violation = place(inner);
    if (violation.in === 'path') return violation;
    return { ...violation, pointer: `${prefix}${violation.pointer}` };
  };
}
