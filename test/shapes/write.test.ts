import { KMSClient } from '@aws-sdk/client-kms';
import * as sdk from '@aws-sdk/client-kms';
import fc from 'fast-check';
import {
  operationNamesOf,
  operationShapes,
  writeOutput,
  writeOutputRfc3339,
} from '../../src/shapes';
import type { OperationOutputs } from '../../src/shapes';
import type { KmsOperationName } from '../../src/shapes/kms.generated';
import { valuesOf, wireForm } from './arbitraries';

type AnyCommand = Parameters<KMSClient['send']>[0];

let answer = '';

const client = new KMSClient({
  region: 'eu-west-1',
  endpoint: 'http://127.0.0.1:1',
  credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
  requestHandler: {
    handle: () => {
      const headers = { 'content-type': 'application/x-amz-json-1.1' };
      const response = { statusCode: 200, headers, body: Buffer.from(answer) };
      return Promise.resolve({ response });
    },
  },
});

/** The AWS SDK as a reader: its client, with an answer in place of the network. */
async function readBySdk(name: KmsOperationName, body: string): Promise<object> {
  const Command = Reflect.get(sdk, `${name}Command`) as new (input: object) => AnyCommand;
  answer = body;
  const { $metadata, ...output } = await client.send(new Command({}));
  expect($metadata.httpStatusCode).toBe(200);
  return output;
}

function bytesAsBuffers(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (value instanceof Date || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(bytesAsBuffers);
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, bytesAsBuffers(one)]));
}

const answering = operationNamesOf('kms').filter(
  (name) => operationShapes[name].output !== undefined,
);

function outputsOf(name: KmsOperationName): fc.Arbitrary<OperationOutputs[KmsOperationName]> {
  return valuesOf(operationShapes[name].output ?? '') as fc.Arbitrary<
    OperationOutputs[KmsOperationName]
  >;
}

test.each(answering)('What is written for %s is JSON of the same value', (name) => {
  fc.assert(
    fc.property(outputsOf(name), (output) => {
      expect(JSON.parse(writeOutput(name, output))).toEqual(wireForm(output));
    }),
    { numRuns: 30 },
  );
});

test.each(answering)('The AWS SDK reads the answer of %s', async (name) => {
  for (const output of fc.sample(outputsOf(name), 3)) {
    const read = await readBySdk(name, writeOutput(name, output));
    expect(bytesAsBuffers(read)).toEqual(output);
  }
});

test('Blobs are base64, times seconds, and what is undefined is absent', () => {
  const absent = undefined as unknown as string;
  expect(
    writeOutput('DescribeKey', {
      KeyMetadata: {
        KeyId: 'k"\u2028',
        Description: absent,
        CreationDate: new Date(1593622000191),
        DeletionDate: new Date(1593622000000),
        Enabled: false,
        PendingDeletionWindowInDays: 7,
        SigningAlgorithms: [],
      },
    }),
  ).toBe(
    '{"KeyMetadata":{"CreationDate":1593622000.191,"DeletionDate":1593622000,"Enabled":false,' +
      '"KeyId":"k\\"\u2028","PendingDeletionWindowInDays":7,"SigningAlgorithms":[]}}',
  );
  expect(writeOutput('Encrypt', { CiphertextBlob: Buffer.from([251, 255]) })).toBe(
    '{"CiphertextBlob":"+/8="}',
  );
});

test('Dates may be written as RFC 3339 has them, and all else is as it was', () => {
  const CreationDate = new Date(Date.UTC(2026, 10, 26, 2, 0, 0, 7));
  const KeyMetadata = { KeyId: 'k', CreationDate, Enabled: true };
  expect(writeOutputRfc3339('DescribeKey', { KeyMetadata })).toBe(
    '{"KeyMetadata":{"CreationDate":"2026-11-26T02:00:00.007Z","Enabled":true,"KeyId":"k"}}',
  );
  const never = { KeyMetadata: { KeyId: 'k', CreationDate: new Date(Number.NaN) } };
  expect(() => writeOutputRfc3339('DescribeKey', never)).toThrow(RangeError);
});

test('A member that the shape does not name is not written', () => {
  const output = { KeyId: 'k', Secret: 's' };
  expect(writeOutput('Encrypt', output)).toBe('{"KeyId":"k"}');
});

test('An operation without an output writes nothing, a custom key store operation an empty object', () => {
  expect(writeOutput('DisableKey', {})).toBe('');
  expect(writeOutput('TagResource', {})).toBe('');
  expect(writeOutput('ConnectCustomKeyStore', {})).toBe('{}');
  expect(writeOutput('DeleteCustomKeyStore', {})).toBe('{}');
});

test('A time that is none is refused, not written as NaN', () => {
  const KeyMetadata = { KeyId: 'k', CreationDate: new Date(Number.NaN) };
  expect(() => writeOutput('DescribeKey', { KeyMetadata })).toThrow(
    new RangeError('a number that JSON cannot write'),
  );
});
