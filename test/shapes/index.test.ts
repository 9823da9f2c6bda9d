import { KMSClient } from '@aws-sdk/client-kms';
import * as sdk from '@aws-sdk/client-kms';
import fc from 'fast-check';
import { KmsError } from '../../src/errors';
import { operationNamesOf, operationShapes, parseBody, parseInput } from '../../src/shapes';
import type { OperationName } from '../../src/shapes';
import { shapeNamed } from '../../src/shapes/table';
import { valuesOf, wireForm } from './arbitraries';

type AnyCommand = Parameters<KMSClient['send']>[0];

const sent: Uint8Array[] = [];

const client = new KMSClient({
  region: 'eu-west-1',
  endpoint: 'http://127.0.0.1:1',
  credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
  requestHandler: {
    handle: (request: { readonly body: Uint8Array }) => {
      sent.push(request.body);
      const response = { statusCode: 200, headers: {}, body: Buffer.from('{}') };
      return Promise.resolve({ response });
    },
  },
});

/** The body that the AWS SDK makes of an input: its client, without the network. */
async function writtenBySdk(name: OperationName, input: object): Promise<Buffer> {
  const Command = Reflect.get(sdk, `${name}Command`) as new (input: object) => AnyCommand;
  await client.send(new Command(input));
  return Buffer.concat(sent.splice(0));
}

function inputsOf(name: OperationName): fc.Arbitrary<object> {
  return valuesOf(operationShapes[name].input) as fc.Arbitrary<object>;
}

/** Objects with members that the operation knows and values that are anything, right ones among them. */
function nearInputsOf(name: OperationName): fc.Arbitrary<unknown> {
  const shape = shapeNamed(operationShapes[name].input);
  const members = shape.type === 'structure' ? Object.entries(shape.members) : [];
  const values = members.map(([member, to]): [string, fc.Arbitrary<unknown>] => [
    member,
    fc.oneof(fc.jsonValue(), valuesOf(to).map(wireForm)),
  ]);
  return fc.record(Object.fromEntries(values), { requiredKeys: [] });
}

test('There are 56 operations', () => {
  expect(operationNamesOf('kms')).toHaveLength(56);
});

describe.each(operationNamesOf('kms'))('%s', (name) => {
  test('takes every valid input, and gives it back', () => {
    fc.assert(
      fc.property(inputsOf(name), (input) => {
        const json: unknown = JSON.parse(JSON.stringify(wireForm(input)));
        expect(parseInput(name, json)).toEqual(input);
      }),
      { numRuns: 25 },
    );
  });

  test('takes what the AWS SDK sends', async () => {
    for (const input of fc.sample(inputsOf(name), 2)) {
      const body = await writtenBySdk(name, input);
      expect(parseInput(name, parseBody(body))).toEqual(input);
    }
  });

  test('answers any JSON with an input or one of the two errors', () => {
    const anything = fc.oneof(fc.jsonValue(), nearInputsOf(name));
    fc.assert(
      fc.property(anything, (value) => {
        const json: unknown = JSON.parse(JSON.stringify(value));
        try {
          expect(typeof parseInput(name, json)).toBe('object');
        } catch (error) {
          if (!(error instanceof KmsError)) throw error;
          expect(['SerializationException', 'ValidationException']).toContain(error.code);
          expect(error.message).not.toBe('');
        }
      }),
      { numRuns: 50 },
    );
  });
});
