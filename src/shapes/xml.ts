import type { ListShape, MapShape, Shape, StructureShape } from './model';
import { operationShapes, type OperationName, type OperationOutputs } from './operations';
import { shapeNamed } from './table';

type Writer = (value: never) => string;

export interface XmlEnvelope {
  /** `https://sts.amazonaws.com/doc/2011-06-15/` */
  readonly namespace: string;
  readonly requestId: string;
}

/** IAM answers policy documents percent-encoded (RFC 3986), as it documents for GetPolicyVersion and the others. */
const encodedShapes: ReadonlySet<string> = new Set(['iam.policyDocumentType']);

const writers = new Map<OperationName, Writer>();

/**
 * An operation's answer in the XML of AWS's query protocol: absent members left out, and nothing that the output shape
 * does not name. An operation without an output shape answers its request id alone.
 * @see https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#response-serialization
 */
export function writeXml<N extends OperationName>(
  name: N,
  output: OperationOutputs[N],
  { namespace, requestId }: XmlEnvelope,
): string {
  let write = writers.get(name);
  if (write === undefined) {
    write = resultWriter(name);
    writers.set(name, write);
  }
  const metadata = element('ResponseMetadata', element('RequestId', escapeXml(requestId)));
  const result = write(output as never);
  return `<${name}Response xmlns="${namespace}">${result}${metadata}</${name}Response>`;
}

function resultWriter(name: OperationName): Writer {
  const shape = operationShapes[name].output;
  if (shape === undefined) return () => '';
  const write = writerFor(shape);
  return (output) => element(`${name}Result`, write(output));
}

function writerFor(name: string): Writer {
  if (encodedShapes.has(name)) return (text: string) => percentEncode(text);
  const shape = shapeNamed(name);
  return writerMakers[shape.type](shape as never);
}

const writerMakers: {
  readonly [T in Shape['type']]: (shape: Extract<Shape, { type: T }>) => Writer;
} = {
  string: () => escapeXml,
  blob: () => (bytes: Buffer) => bytes.toString('base64'),
  integer: () => String,
  boolean: () => String,
  timestamp: () => writeTimestamp,
  list: listWriter,
  map: mapWriter,
  structure: structureWriter,
};

function listWriter({ member }: ListShape): Writer {
  const write = writerFor(member);
  return (list: readonly never[]) => list.map((one) => element('member', write(one))).join('');
}

function mapWriter({ key, value }: MapShape): Writer {
  const writeKey = writerFor(key);
  const writeValue = writerFor(value);
  return (map: Readonly<Record<string, never>>) =>
    Object.entries(map)
      .map(([name, one]) => [
        element('key', writeKey(name as never)),
        element('value', writeValue(one)),
      ])
      .map((pair) => element('entry', pair.join('')))
      .join('');
}

function structureWriter({ members }: StructureShape): Writer {
  const steps = Object.entries(members).map(([name, to]) => ({ name, write: writerFor(to) }));
  return (structure: Readonly<Record<string, unknown>>) => {
    let text = '';
    for (const { name, write } of steps) {
      const value = structure[name];
      if (value !== undefined && value !== null) text += element(name, write(value as never));
    }
    return text;
  };
}

/** The content is XML already. */
function element(name: string, content: string): string {
  return `<${name}>${content}</${name}>`;
}

/** Whole seconds, as IAM and STS have them; rounded down, so that nothing is said to be good for longer than it is. */
function writeTimestamp(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}

function percentEncode(text: string): string {
  const escape = (character: string): string =>
    `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(text).replace(/[!'()*]/g, escape);
}

const references: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  // A reader would take it for a line feed (XML 1.0 §2.11).
  '\r': '&#xD;',
};

/** Characters that XML 1.0 §2.2 has no way to write, half a surrogate pair among them. */
// eslint-disable-next-line no-control-regex
const special = /[&<>\r]|[\0-\x08\v\f\x0e-\x1f\ufffe\uffff\ud800-\udfff]/gu;

/** A text as the content of an element; what XML cannot hold is replaced by U+FFFD. */
export function escapeXml(text: string): string {
  return text.replace(special, (character) => references[character] ?? '\ufffd');
}
