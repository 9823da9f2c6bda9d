import { KmsError } from '../errors';
import type { ListShape, MapShape, Shape, StructureShape } from './model';
import { operationShapes, type OperationName } from './operations';
import { shapeNamed } from './table';

/** The deepest name of the models is `Tags.member.50.Value`; a tree is built of what was sent before a shape bounds it. */
const maxSegments = 16;

/** As many elements as a JSON list may have: see decode.ts. */
const maxElements = 1000;

const position = /^[1-9]\d{0,3}$/;

/** What the parameters `A.B=…` say of `A`: a value, or what is below it. */
interface Node {
  value?: string;
  readonly below: Map<string, Node>;
}

/**
 * An operation's input from the parameters of a query request (`Tags.member.1.Key=…`), as the JSON value that parseInput
 * decodes: its shapes say what is a number, a list or a map. Parameters that no shape has a member for are ignored, as
 * AWS does; what cannot be a value of its shape is left for the decoder to refuse.
 * @see https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#request-serialization
 * @throws KmsError SerializationException
 */
export function formInput(name: OperationName, parameters: ReadonlyMap<string, string>): unknown {
  return formValue(operationShapes[name].input, parameters);
}

/** The same of any structure. */
export function formValue(shape: string, parameters: ReadonlyMap<string, string>): unknown {
  return read(shapeNamed(shape), treeOf(parameters));
}

function treeOf(parameters: ReadonlyMap<string, string>): Node {
  const root: Node = { below: new Map() };
  for (const [name, value] of parameters) {
    const segments = name.split('.', maxSegments + 1);
    if (segments.length > maxSegments) {
      throw unreadable(`The name of a parameter has more than ${maxSegments} parts`);
    }
    let node = root;
    for (const segment of segments) {
      let next = node.below.get(segment);
      if (next === undefined) node.below.set(segment, (next = { below: new Map() }));
      node = next;
    }
    node.value = value;
  }
  return root;
}

function read(shape: Shape, node: Node): unknown {
  if (node.value !== undefined && node.below.size > 0) {
    throw unreadable('A parameter has both a value and members');
  }
  return readers[shape.type](shape as never, node);
}

const readers: {
  readonly [T in Shape['type']]: (shape: Extract<Shape, { type: T }>, node: Node) => unknown;
} = {
  string: (_, node) => scalar(node),
  blob: (_, node) => scalar(node),
  integer: (_, node) => scalar(node, integerOf),
  boolean: (_, node) => scalar(node, (text) => booleans.get(text)),
  timestamp: (_, node) => scalar(node, secondsOf),
  list: readList,
  map: readMap,
  structure: readStructure,
};

/** A text that is no value of the shape stays a text, and members below a scalar an object: the decoder names them. */
function scalar({ value }: Node, convert: (text: string) => unknown = (text) => text): unknown {
  return value === undefined ? {} : (convert(value) ?? value);
}

const booleans: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['false', false],
]);

function integerOf(text: string): number | undefined {
  return /^(?:0|-?[1-9]\d{0,14})$/.test(text) ? Number(text) : undefined;
}

const dateTime =
  /^(\d{4}-(?:0[1-9]|1[0-2])-(?:[0-2]\d|3[01]))T\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

/** Seconds since 1970 of an ISO 8601 date and time. JavaScript's parser takes February 30 for a day of March. */
function secondsOf(text: string): number | undefined {
  const day = dateTime.exec(text)?.[1];
  if (day === undefined) return undefined;
  const midnight = new Date(`${day}T00:00:00Z`);
  if (Number.isNaN(midnight.getTime()) || !midnight.toISOString().startsWith(day)) return undefined;
  const milliseconds = Date.parse(text);
  return Number.isNaN(milliseconds) ? undefined : milliseconds / 1000;
}

function readStructure({ members }: StructureShape, node: Node): unknown {
  if (node.value !== undefined) return node.value;
  const structure: Record<string, unknown> = {};
  for (const [name, to] of Object.entries(members)) {
    const member = node.below.get(name);
    if (member !== undefined) structure[name] = read(shapeNamed(to), member);
  }
  return structure;
}

/** `Tags=` is how clients write a list without elements. */
function readList({ member }: ListShape, node: Node): unknown {
  if (node.value !== undefined) return node.value === '' ? [] : node.value;
  const shape = shapeNamed(member);
  return numbered(node, 'member').map((element) => read(shape, element));
}

/** The map has no prototype, so that no key finds anything that the caller did not send. */
function readMap({ key, value }: MapShape, node: Node): unknown {
  const map = Object.create(null) as Record<string, unknown>;
  if (node.value !== undefined) return node.value === '' ? map : node.value;
  for (const entry of numbered(node, 'entry')) {
    const name = read(shapeNamed(key), entry.below.get('key') ?? { below: new Map() });
    if (typeof name !== 'string') throw unreadable('An entry of a map has no key');
    if (Object.hasOwn(map, name)) throw unreadable('A map has the same key twice');
    const given = entry.below.get('value');
    map[name] = given === undefined ? null : read(shapeNamed(value), given);
  }
  return map;
}

/**
 * The elements `<word>.1`, `<word>.2` … below a list or map. Anything else there is refused and not ignored: an element
 * that was lost may be a policy that was to narrow a session.
 */
function numbered({ below }: Node, word: 'member' | 'entry'): Node[] {
  const { value, below: elements } = below.get(word) ?? { below: new Map<string, Node>() };
  if (value !== undefined || below.size > 1 || elements.size === 0) {
    throw unreadable(`The elements of a ${kinds[word]} must be named ${word}.1, ${word}.2 and on`);
  }
  if (elements.size > maxElements) {
    throw unreadable(`A ${kinds[word]} has more than ${maxElements} elements`);
  }
  return Array.from({ length: elements.size }, (_, index) => {
    const element = elements.get(String(index + 1));
    if (element !== undefined) return element;
    const bad = [...elements.keys()].some((name) => !position.test(name));
    throw unreadable(
      bad
        ? `The elements of a ${kinds[word]} must be named ${word}.1, ${word}.2 and on`
        : `A ${kinds[word]} has no element ${index + 1} but later ones`,
    );
  });
}

const kinds = { member: 'list', entry: 'map' } as const;

function unreadable(message: string): KmsError {
  return new KmsError('SerializationException', message);
}
