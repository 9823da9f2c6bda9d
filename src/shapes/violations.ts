import type { ErrorObject } from 'ajv';
import type { Shape } from './model';
import { enumListing, shapeNamed } from './table';

/**
 * The message of a ValidationException for what Ajv found in an input: AWS's grammar, every violation in one sentence
 * (kms-semantics §15.5). Missing members come first, then the others in the model's order.
 */
export function validationMessage(errors: readonly ErrorObject[], input: unknown): string {
  const items = [...new Set(onceAList(errors).map((error) => violation(error, input)))];
  const noun = items.length === 1 ? 'error' : 'errors';
  return `${items.length} validation ${noun} detected: ${items.join('; ')}`;
}

/**
 * One error for all bad elements of a list of scalars: its item quotes the whole list, and a request with as many bad
 * elements as a list may have would otherwise be quoted a thousand times over.
 */
function onceAList(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  const lists = new Set<string>();
  return errors.filter(({ keyword, instancePath }) => {
    if (keyword === 'required' || !isElement(pathOf(instancePath))) return true;
    const list = instancePath.slice(0, instancePath.lastIndexOf('/'));
    if (lists.has(list)) return false;
    lists.add(list);
    return true;
  });
}

function pathOf(instancePath: string): string[] {
  return instancePath.split('/').slice(1);
}

function violation(error: ErrorObject, input: unknown): string {
  const path = pathOf(error.instancePath);
  const schema = annotated(error.parentSchema);
  if (error.keyword === 'required') {
    const member = String(error.params['missingProperty']);
    return missing([...path, member], memberShape(schema.shape, member));
  }
  if (isElement(path)) return badElements(path.slice(0, -1), schema, input);
  const value = subject(error.data, shapeNamed(schema.shape));
  return item(value, path, constraintText(schema, error.keyword));
}

/** A schema as schemaFor makes them: with the name of its shape beside the constraints. */
interface AnnotatedSchema {
  readonly shape: string;
  readonly [keyword: string]: unknown;
}

function annotated(schema: unknown): AnnotatedSchema {
  return schema as AnnotatedSchema;
}

const tooLong = (bound: string): string => `Member must have length less than or equal to ${bound}`;
const tooShort = (bound: string): string =>
  `Member must have length greater than or equal to ${bound}`;

/** In the order in which AWS lists the constraints of a list's elements. */
const constraintTexts: Readonly<Record<string, (bound: string, shape: string) => string>> = {
  maxLength: tooLong,
  minLength: tooShort,
  maxItems: tooLong,
  minItems: tooShort,
  maxBytes: tooLong,
  minBytes: tooShort,
  maximum: (bound) => `Member must have value less than or equal to ${bound}`,
  minimum: (bound) => `Member must have value greater than or equal to ${bound}`,
  pattern: (_, shape) => `Member must satisfy regular expression pattern: ${patternOf(shape)}`,
  enum: (_, shape) => `Member must satisfy enum value set: [${enumListing(shape).join(', ')}]`,
};

function constraintText(schema: AnnotatedSchema, keyword: string): string {
  const text = constraintTexts[keyword];
  if (text === undefined) throw new Error(`no text for a violation of ${keyword}`);
  return text(String(schema[keyword]), schema.shape);
}

/** As the model has it: the schema's own pattern is made for JavaScript. */
function patternOf(name: string): string {
  const shape = shapeNamed(name);
  return shape.type === 'string' ? (shape.pattern ?? '') : '';
}

function memberShape(structure: string, member: string): Shape {
  const shape = shapeNamed(structure);
  const name = shape.type === 'structure' ? shape.members[member] : undefined;
  if (name === undefined) throw new Error(`${structure} has no member ${member}`);
  return shapeNamed(name);
}

function isElement(path: readonly string[]): boolean {
  return /^\d+$/.test(path.at(-1) ?? '');
}

function missing(path: readonly string[], shape: Shape): string {
  return item(isSensitive(shape) ? 'Value' : 'Value null', path, 'Member must not be null');
}

/**
 * AWS reports a list of scalars once: the whole list as the value, and every constraint of its elements, whichever
 * of them failed.
 */
function badElements(path: readonly string[], schema: AnnotatedSchema, input: unknown): string {
  const constraints = Object.keys(constraintTexts)
    .filter((keyword) => keyword in schema)
    .map((keyword) => constraintText(schema, keyword));
  const list = path.reduce((value, segment) => (value as Record<string, unknown>)[segment], input);
  const value = subject(list, shapeNamed(schema.shape));
  return item(value, path, `Member must satisfy constraint: [${constraints.join(', ')}]`);
}

function item(value: string, path: readonly string[], constraint: string): string {
  return `${value} at '${memberPath(path)}' failed to satisfy constraint: ${constraint}`;
}

/** As AWS's messages have it: `Tags`, `0`, `TagKey` are written tags.1.member.tagKey. */
export function memberPath(path: readonly string[]): string {
  return path
    .map((segment) =>
      isElement([segment])
        ? `${Number(segment) + 1}.member`
        : segment.charAt(0).toLowerCase() + segment.slice(1),
    )
    .join('.');
}

/** Blobs and sensitive members are named without their value. */
function subject(value: unknown, shape: Shape): string {
  if (shape.type === 'blob' || isSensitive(shape)) return 'Value';
  return `Value '${Array.isArray(value) ? `[${value.join(', ')}]` : String(value)}'`;
}

function isSensitive(shape: Shape): boolean {
  return (shape.type === 'string' || shape.type === 'blob') && shape.sensitive === true;
}
