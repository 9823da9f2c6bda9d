import { operationShapes } from '../../shapes/operations';
import { readVersion } from '../../version';
import { type Example, examples } from '../examples';
import { type Route, batchPath, routes } from '../routes';
import { batchOperation, batchSchemas } from './batch';
import { shapeSchemas } from './components';
import { parametersOf, sharedHeaders, sharedParameters } from './parameters';
import { problemExamples, problemSchemas } from './problem';
import { documentedCodes, responsesOf, sharedResponses } from './responses';
import { listName, oneOrList, schemaName, schemaReference } from './schemas';
import { security, securitySchemes } from './security';
import { areaOf, areas } from './texts/areas';
import { introduction } from './texts/introduction';
import type { Json, OpenApiDocument, PathOperation, Paths } from './types';
import { present } from './types';

let made: OpenApiDocument | undefined;

/** The REST API as OpenAPI 3.1 has it, derived from the operations' declarations. Made once. */
export function openApiDocument(): OpenApiDocument {
  made ??= makeDocument();
  return made;
}

function makeDocument(): OpenApiDocument {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Claviger',
      version: readVersion(),
      summary: 'Keys that never leave their token.',
      description: introduction,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'This Claviger.' }],
    security,
    tags: Object.entries(areas).map(([name, { description }]) => ({ name, description })),
    paths: { ...pathsOf(inOrderOfAreas(routes)), [batchPath]: { post: batchOperation() } },
    components: {
      schemas: { ...shapeSchemas(routes), ...batchSchemas(routes), ...problemSchemas },
      responses: sharedResponses(),
      examples: problemExamples(documentedCodes(routes)),
      parameters: sharedParameters,
      headers: sharedHeaders,
      securitySchemes,
    },
  };
}

/** As a reader meets them: a page shows paths as they come. */
function inOrderOfAreas(all: readonly Route[]): readonly Route[] {
  const order = Object.values(areas).flatMap(({ operations }) => operations);
  return [...all].sort(
    (one, other) => order.indexOf(one.operation) - order.indexOf(other.operation),
  );
}

function pathsOf(all: readonly Route[]): Paths {
  const paths: Record<string, Record<string, PathOperation>> = {};
  for (const route of all) {
    const methods = (paths[route.path] ??= {});
    methods[route.line.method.toLowerCase()] = operationOf(route);
  }
  return paths;
}

function operationOf(route: Route): PathOperation {
  const { operation, line } = route;
  const example = examples[operation];
  return present({
    operationId: operation,
    tags: [areaOf(operation)],
    summary: line.summary,
    parameters: parametersOf(route, example?.input ?? {}),
    requestBody: bodyOf(route, example),
    responses: responsesOf(route, namedExample(example?.answer)),
  }) as PathOperation;
}

function bodyOf(
  { operation, inBody, required, line }: Route,
  example: Example | undefined,
): Json | undefined {
  if (inBody.length === 0) return undefined;
  const one = schemaReference(schemaName(operationShapes[operation].input));
  const body = Object.fromEntries(
    Object.entries(example?.input ?? {}).filter(([name]) => inBody.includes(name)),
  );
  return {
    required: inBody.some((member) => required.includes(member)),
    content: {
      'application/json': present({
        schema: line.entries === true ? oneOrList(one, listName(operation)) : one,
        examples: example && namedExample(body),
      }),
    },
  };
}

function namedExample(value: Json | undefined): Json | undefined {
  return value && { example: { value } };
}
