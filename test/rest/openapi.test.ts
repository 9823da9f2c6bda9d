import { Ajv2020 } from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { operations } from '../../src/operations';
import { examples } from '../../src/rest/examples';
import { openApiDocument } from '../../src/rest/openapi/document';
import { base64Length } from '../../src/rest/openapi/schemas';
import type { Json } from '../../src/rest/openapi/types';
import { routes } from '../../src/rest/routes';
import { documentedOperations, officialSchema, resolved, schemaCompiler } from '../support/openapi';

const document = openApiDocument();
const documented = documentedOperations();
const compile = schemaCompiler();

test('The document is OpenAPI 3.1 by the schema of its authors', () => {
  const ajv = new Ajv2020({ strict: false });
  addFormats(ajv);
  ajv.addFormat('media-range', true);
  const valid = ajv.compile(officialSchema());
  expect([valid(document), valid.errors]).toEqual([true, null]);
});

test('A strict linter finds nothing to warn of', async () => {
  const config = await createConfig({
    extends: ['recommended-strict'],
    rules: {
      'component-name-unique': 'error',
      'no-duplicated-tag-names': 'error',
      'no-enum-type-mismatch': 'error',
      'no-invalid-media-type-examples': 'error',
      'no-invalid-parameter-examples': 'error',
      'no-invalid-schema-examples': 'error',
      'no-required-schema-properties-undefined': 'error',
      'no-schema-type-mismatch': 'error',
      'operation-parameters-unique': 'error',
      'operation-singular-tag': 'error',
      'operation-tag-defined': 'error',
      'parameter-description': 'error',
      'path-params-defined': 'error',
      'tag-description': 'error',
    },
  });
  const source = JSON.stringify(document);
  const problems = await lintFromString({ source, config, absoluteRef: 'openapi.json' });
  expect(
    problems.map(({ ruleId, message, location }) => [ruleId, message, location[0]?.pointer]),
  ).toEqual([]);
});

test('Every route is in the document, and nothing else', () => {
  const inDocument = documented.map(({ path, method, operation }) => [
    operation.operationId,
    method,
    path,
  ]);
  const served = routes.map(({ operation, line, path }) => [operation, line.method, path]);
  // Which is none of the routes, as it stands for several.
  const batch = ['Batch', 'POST', '/v1/batch'];
  expect(inDocument.sort()).toEqual([...served, batch].sort());
  const declared = Object.values<object>(operations).filter((operation) => 'rest' in operation);
  expect(served).toHaveLength(declared.length);
});

test('Every reference leads somewhere', () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)];
  expect(references.length).toBeGreaterThan(100);
  for (const [, $ref] of references) expect(resolved({ $ref })).toBeDefined();
});

test('Members of the path and query are not in the body', () => {
  for (const { operation } of documented) {
    const { required } = bodySchema(operation) ?? {};
    const inUrl = (operation.parameters ?? []).map((parameter) => resolved(parameter)['name']);
    const members = Object.keys((bodySchema(operation)?.['properties'] as Json | undefined) ?? {});
    expect(members.filter((member) => inUrl.includes(member))).toEqual([]);
    expect(
      ((required as string[] | undefined) ?? []).filter((name) => !members.includes(name)),
    ).toEqual([]);
  }
});

test.each(documented.map(({ operation }) => [operation.operationId, operation] as const))(
  '%s has examples that are valid',
  (_, operation) => {
    for (const [status, response] of Object.entries(operation.responses)) {
      const media = mediaOf(response, 'application/json');
      if (status.startsWith('2') && media !== undefined) expectValidExamples(media);
    }
    const media = operation.requestBody && mediaOf(operation.requestBody, 'application/json');
    if (media !== undefined) expectValidExamples(media);
    for (const parameter of operation.parameters ?? []) {
      const { name, required, example, schema } = resolved(parameter);
      if (required === true) expect([name, example]).not.toEqual([name, undefined]);
      if (example !== undefined) expect(compile(schema as Json)(example)).toBe(true);
    }
  },
);

test('Every list says that a cursor may be none of its own', () => {
  const lists = routes.filter(({ paged }) => paged).map(({ operation }) => operation);
  const saying = documented.filter(({ operation: { responses } }) =>
    JSON.stringify(responses['422']).includes('InvalidMarkerException'),
  );
  expect(lists).toContain('ListKeyPolicies');
  expect(saying.map(({ operation }) => operation.operationId).sort()).toEqual(lists.sort());
});

test('Every operation has an example', () => {
  const named = Object.keys(examples).filter((name) => name in operations);
  expect(named.sort()).toEqual(routes.map(({ operation }) => operation).sort());
});

test.each([
  [1, 4],
  [3, 4],
  [4, 8],
  [4096, 5464],
])('%i bytes are %i characters of base64', (bytes, characters) => {
  expect(base64Length(bytes)).toBe(characters);
  expect(Buffer.alloc(bytes).toString('base64')).toHaveLength(characters);
});

function bodySchema({ requestBody }: { readonly requestBody?: Json }): Json | undefined {
  const media = requestBody && mediaOf(requestBody, 'application/json');
  return media && resolved(media['schema']);
}

function mediaOf(holder: unknown, type: string): Json | undefined {
  const { content } = resolved(holder) as { readonly content?: Readonly<Record<string, Json>> };
  return content?.[type];
}

function expectValidExamples({ examples: named, schema }: Json): void {
  const values = Object.values((named ?? {}) as Readonly<Record<string, { value: unknown }>>);
  expect(values).not.toHaveLength(0);
  const valid = compile(schema as Json);
  for (const { value } of values) expect([valid(value), valid.errors]).toEqual([true, null]);
}
