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

/**
 * Compiles schemas of the document, with references into it. `closed`: objects have no members besides those that they
 * name, which an answer that is all documented keeps to.
 */
export function schemaCompiler({ closed = false } = {}): (schema: Json) => ValidateFunction {
  const ajv = new Ajv2020({ allErrors: true, strict: false });
  addFormats(ajv);
  ajv.addFormat('password', true);
  const rewrite = (schema: unknown): Json => standalone(schema, closed) as Json;
  ajv.addSchema({ $id: 'openapi', components: rewrite(openApiDocument().components) });
  return (schema) => ajv.compile(rewrite(schema));
}

/** With references to `#/components/…` of the document in place of its own. */
function standalone(value: unknown, closed: boolean): unknown {
  if (Array.isArray(value)) return value.map((inner: unknown) => standalone(inner, closed));
  if (typeof value !== 'object' || value === null) return value;
  const rewritten = Object.fromEntries(
    Object.entries(value).map(([name, inner]): [string, unknown] =>
      name === '$ref' && typeof inner === 'string'
        ? [name, `openapi${inner}`]
        : [name, standalone(inner, closed)],
    ),
  );
  const open = closed && 'required' in value && 'properties' in value;
  return open ? { additionalProperties: false, ...rewritten } : rewritten;
}

/** The schema of OpenAPI 3.1 as its authors publish it. */
export function officialSchema(): Json {
  const home = path.dirname(require.resolve('@seriousme/openapi-schema-validator/package.json'));
  const text = readFileSync(path.join(home, 'schemas', 'v3.1', 'schema.json'), 'utf8');
  return JSON.parse(text) as Json;
}
