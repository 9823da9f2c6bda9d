import type { Shape } from '../../shapes/model';
import { type OperationName, operationShapes } from '../../shapes/operations';
import { shapeNamed, structureNamed } from '../../shapes/table';
import type { Route } from '../routes';
import { answered } from './answers';
import { isNamed, memberSchema, namedSchema, schemaName, unbounded } from './schemas';
import { structureDescriptions } from './texts/structures';
import { type Schema, present } from './types';

/** The schemas of bodies and answers of all routes, and of what is in them, by name. */
export function shapeSchemas(routes: readonly Route[]): Readonly<Record<string, Schema>> {
  const schemas = new Map<string, Schema>();
  const inputs = routes.flatMap((route) => namedBelow(operationShapes[route.operation].input));
  const strict = new Set(inputs);
  for (const route of routes) {
    const { input, output } = operationShapes[route.operation];
    if (route.inBody.length > 0) schemas.set(schemaName(input), bodySchema(route));
    if (output !== undefined && route.status !== 204) {
      schemas.set(schemaName(output), answerSchema(route, output));
    }
    for (const name of [input, output].flatMap((root) => (root ? namedBelow(root) : []))) {
      schemas.set(schemaName(name), componentSchema(name, strict.has(name)));
    }
  }
  return Object.fromEntries([...schemas].sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** Shapes with a schema of their own that a structure's members lead to, itself not. */
function namedBelow(root: string): string[] {
  const found = new Set<string>();
  const visit = (name: string): void => {
    const shape = shapeNamed(name);
    if (found.has(name)) return;
    if (isNamed(shape)) found.add(name);
    for (const next of below(shape)) visit(next);
  };
  for (const next of below(shapeNamed(root))) visit(next);
  return [...found];
}

function below(shape: Shape): readonly string[] {
  if (shape.type === 'structure') return Object.values(shape.members);
  if (shape.type === 'list') return [shape.member];
  return shape.type === 'map' ? [shape.key, shape.value] : [];
}

/** What a request's body may have: the members of the input that are not in its URL. */
function bodySchema({ operation, inBody, required }: Route): Schema {
  const { input } = operationShapes[operation];
  return structureSchema(input, {
    members: inBody,
    required: inBody.filter((member) => required.includes(member)),
    strict: true,
  });
}

/** A whole input, where no member of it is in a URL. */
export function wholeInputSchema(operation: OperationName): Schema {
  const { input } = operationShapes[operation];
  const { members, required = [] } = structureNamed(input);
  return structureSchema(input, { members: Object.keys(members), required, strict: true });
}

/** Of a paged operation, `next` stands in place of NextMarker and Truncated. */
function answerSchema({ paged }: Route, output: string): Schema {
  const { members } = structureNamed(output);
  const kept = Object.keys(members).filter(
    (member) => !paged || (member !== 'NextMarker' && member !== 'Truncated'),
  );
  const schema = structureSchema(output, { members: kept, required: answered(output, kept) });
  if (!paged) return schema;
  return { ...schema, properties: { ...(schema['properties'] as Schema), next: nextSchema } };
}

const nextSchema: Schema = {
  type: 'string',
  minLength: 1,
  pattern: '^[A-Za-z0-9_-]+$',
  description: 'The cursor of the next page; absent on the last one.',
};

function componentSchema(name: string, strict: boolean): Schema {
  const shape = shapeNamed(name);
  const description = structureDescriptions[schemaName(name)];
  if (shape.type !== 'structure') return present({ ...namedSchema(name), description });
  const members = Object.keys(shape.members);
  const required = strict ? (shape.required ?? []) : answered(name, members);
  return present({ ...structureSchema(name, { members, required, strict }), description });
}

interface Chosen {
  readonly members: readonly string[];
  readonly required: readonly string[];
  /** What has other members is refused. */
  readonly strict?: boolean;
}

function structureSchema(name: string, { members, required, strict = false }: Chosen): Schema {
  const { members: shapes } = structureNamed(name);
  const schemaOfMember = (member: string): Schema => {
    const schema = memberSchema(name, member, shapes[member] ?? missing(name, member));
    return strict ? schema : unbounded(schema);
  };
  return present({
    type: 'object',
    required: required.length === 0 ? undefined : required,
    properties: Object.fromEntries(members.map((member) => [member, schemaOfMember(member)])),
    additionalProperties: strict ? false : undefined,
  });
}

function missing(structureName: string, member: string): never {
  throw new Error(`${structureName} has no member ${member}`);
}
