import { type OperationName, operationShapes } from '../../shapes/operations';
import { batchOperations, maxEntries } from '../batch';
import { examples } from '../examples';
import type { Route } from '../routes';
import { wholeInputSchema } from './components';
import { batchResponses } from './responses';
import { listName, resultsName, schemaName, schemaReference } from './schemas';
import { areaOf } from './texts/areas';
import { type PathOperation, type Schema, present } from './types';

export function batchOperation(): PathOperation {
  const { input, answer } = examples.Batch ?? {};
  return {
    operationId: 'Batch',
    tags: [areaOf('Encrypt')],
    summary: `Does up to ${maxEntries} things, each authorized and recorded by itself.`,
    requestBody: {
      required: true,
      content: {
        'application/json': {
          schema: schemaReference('BatchRequest'),
          examples: { example: { value: input } },
        },
      },
    },
    responses: batchResponses(schemaReference('BatchResponse'), { example: { value: answer } }),
  };
}

/** The schemas of batches, and of lists of inputs, by name. */
export function batchSchemas(routes: readonly Route[]): Readonly<Record<string, Schema>> {
  const inputs = batchOperations.map((name) => [inputName(name), wholeInputSchema(name)] as const);
  return {
    BatchRequest: listOf('BatchEntry', 'What to do, in this order as far as answers go.'),
    BatchEntry: {
      description: 'One thing to do: the name of an operation, and all of its input.',
      oneOf: batchOperations.map(entrySchema),
    },
    ...Object.fromEntries(inputs),
    BatchResponse: resultsOf(batchOperations),
    ...Object.fromEntries(routes.filter(({ line }) => line.entries).flatMap(listSchemas)),
  };
}

function inputName(operation: OperationName): string {
  return `${operation}Input`;
}

function listSchemas({ operation }: Route): [name: string, schema: Schema][] {
  const { input } = operationShapes[operation];
  return [
    [listName(operation), listOf(schemaName(input), 'What bodies of single requests would be.')],
    [resultsName(operation), resultsOf([operation])],
  ];
}

function listOf(item: string, description: string): Schema {
  return {
    type: 'object',
    required: ['Entries'],
    properties: {
      Entries: {
        ...{ type: 'array', description, minItems: 1, maxItems: maxEntries },
        items: schemaReference(item),
      },
    },
    additionalProperties: false,
  };
}

function entrySchema(operation: OperationName): Schema {
  return {
    type: 'object',
    required: ['Operation', 'Input'],
    properties: {
      Operation: { type: 'string', enum: [operation], description: 'The name of the operation.' },
      Input: schemaReference(inputName(operation)),
    },
    additionalProperties: false,
  };
}

function resultsOf(operations: readonly OperationName[]): Schema {
  return {
    type: 'object',
    required: ['Results', 'Failed'],
    properties: {
      Results: {
        type: 'array',
        description: 'What became of the entries, in their order.',
        items: { oneOf: [doneSchema(operations), failedSchema] },
      },
      Failed: { type: 'integer', minimum: 0, description: 'How many of the entries failed.' },
    },
  };
}

const requestId: Schema = {
  type: 'string',
  format: 'uuid',
  description: 'The id of the entry, as a request of its own. Its audit record has it too.',
};

function doneSchema(operations: readonly OperationName[]): Schema {
  const outputs = operations.flatMap((name) => operationShapes[name].output ?? []);
  const [only, ...others] = outputs.map((output) => schemaReference(schemaName(output)));
  return present({
    type: 'object',
    required: ['Status', 'RequestId', 'Output'],
    properties: {
      Status: { type: 'integer', enum: [200], description: 'As a request of its own would have.' },
      RequestId: requestId,
      Output: others.length === 0 ? only : { anyOf: [only, ...others] },
    },
  });
}

const failedSchema: Schema = {
  type: 'object',
  required: ['Status', 'RequestId', 'Problem'],
  properties: {
    Status: { type: 'integer', description: 'As a request of its own would have.' },
    RequestId: requestId,
    Problem: schemaReference('Problem'),
  },
};
