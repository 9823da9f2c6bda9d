import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import { openApiDocument } from '../../src/rest/openapi/document';
import type { Json, OpenApiDocument, PathOperation } from '../../src/rest/openapi/types';

export interface DocumentedOperation {
  readonly path: string;
  /** In capital letters. */
  readonly method: string;
  readonly operation: PathOperation;
}

export function documentedOperations(
  document: OpenApiDocument = openApiDocument(),
): DocumentedOperation[] {
  return Object.entries(document.paths).flatMap(([at, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      path: at,
      method: method.toUpperCase(),
      operation,
    })),
  );
}

/** What a reference in the document leads to; anything else as it is. */
export function resolved(value: unknown, document: Json = openApiDocument()): Json {
  const reference = (value as { readonly $ref?: string } | undefined)?.$ref;
  if (reference === undefined) return value as Json;
  const found = reference
    .slice(2)
    .split('/')
    .reduce<unknown>(
      (from, name) => (from as Json | undefined)?.[name.replace('~1', '/').replace('~0', '~')],
      document,
    );
  if (found === undefined) throw new Error(`${reference} leads nowhere`);
  return found as Json;
}

/** Compiles schemas of the document, with references into it. */
export function schemaCompiler(
  document: Json = openApiDocument(),
): (schema: Json) => ValidateFunction {
  const ajv = new Ajv2020({ allErrors: true, strict: false });
  addFormats(ajv);
  ajv.addFormat('password', true);
  ajv.addSchema({ $id: 'openapi', ...withoutOwnId(document) }, 'openapi');
  return (schema) => ajv.compile(absolute(schema) as Json);
}

function withoutOwnId({ components }: Json): Json {
  return { components: absolute(components) };
}

/** `#/components/…` of the document, in a schema that stands alone. */
function absolute(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(absolute);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) =>
      name === '$ref' && typeof inner === 'string'
        ? [name, `openapi${inner}`]
        : [name, absolute(inner)],
    ),
  );
}

/** The schema of OpenAPI 3.1 as its authors publish it. */
export function officialSchema(): Json {
  const home = path.dirname(require.resolve('@seriousme/openapi-schema-validator/package.json'));
  const text = readFileSync(path.join(home, 'schemas', 'v3.1', 'schema.json'), 'utf8');
  return JSON.parse(text) as Json;
}
