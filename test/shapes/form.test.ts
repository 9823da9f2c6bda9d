import fc from 'fast-check';
import { parseParameters } from '../../src/doors/form';
import { KmsError } from '../../src/errors';
import {
  type OperationInputs,
  type OperationName,
  formInput,
  operationNamesOf,
  operationShapes,
  parseInput,
} from '../../src/shapes';
import { formValue } from '../../src/shapes/form';
import { thrownBy } from '../auth/thrown';
import { valuesOf } from './arbitraries';
import { botocoreForm, urlencode } from './botocore-form';
import { knownToSdk, writtenBySdk } from './query-sdk';

const names: readonly OperationName[] = [...operationNamesOf('iam'), ...operationNamesOf('sts')];

const inputsOf = (name: OperationName): fc.Arbitrary<OperationInputs[OperationName]> =>
  valuesOf(operationShapes[name].input).filter(
    (input) => !Object.values(input as object).some(hasBlank),
  ) as fc.Arbitrary<OperationInputs[OperationName]>;

/** A list with a structure without members in it, which this protocol cannot write. */
function hasBlank(value: unknown): boolean {
  return Array.isArray(value) && value.some((one: object) => Object.keys(one).length === 0);
}

const read = (name: OperationName, form: string): unknown =>
  parseInput(name, formInput(name, parseParameters('', Buffer.from(form))));

test.each(names)('What botocore writes for %s is read as it was meant', (name) => {
  fc.assert(
    fc.property(inputsOf(name), (input) => {
      const form = botocoreForm(operationShapes[name].input, input);
      const named = [['Action', name], ['Version', 'any'], ...form] as [string, string][];
      expect(read(name, urlencode(named))).toEqual(input);
    }),
    { numRuns: 30 },
  );
});

test.each(names.filter(knownToSdk))(
  'What the AWS SDK writes for %s is read as it was meant',
  async (name) => {
    for (const input of fc.sample(inputsOf(name), 5)) {
      expect(read(name, await writtenBySdk(name, input))).toEqual(input);
    }
  },
);

test('The order of parameters does not matter', () => {
  const form =
    'Tags.member.2.Value=2&Tags.member.1.Value=1&Tags.member.2.Key=b&Tags.member.1.Key=a';
  expect(read('CreateUser', `${form}&UserName=u`)).toEqual({
    UserName: 'u',
    Tags: [
      { Key: 'a', Value: '1' },
      { Key: 'b', Value: '2' },
    ],
  });
});

test('Parameters that no shape has a member for are ignored', () => {
  expect(
    read('GetUser', 'UserName=u&Other=1&__proto__=1&constructor.prototype.x=1&user_name=1'),
  ).toEqual({
    UserName: 'u',
  });
});

/** Reads parameters of any shape, as parseInput would be given them. */
function value(shape: string, parameters: Readonly<Record<string, string>>): unknown {
  return formValue(shape, new Map(Object.entries(parameters)));
}

function refused(shape: string, parameters: Readonly<Record<string, string>>): unknown {
  try {
    return value(shape, parameters);
  } catch (error) {
    if (!(error instanceof KmsError)) throw error;
    expect(error.code).toBe('SerializationException');
    return error.message;
  }
}

test.each([
  [
    'EncryptionContext',
    { 'EncryptionContext.entry.1.key': '__proto__', 'EncryptionContext.entry.1.value': 'x' },
  ],
])('A key of the map %s is never more than a key', (_, parameters) => {
  const { EncryptionContext: map } = value('EncryptRequest', parameters) as {
    EncryptionContext: object;
  };
  expect(Object.getPrototypeOf(map)).toBeNull();
  expect(Object.entries(map)).toEqual([['__proto__', 'x']]);
});

test.each([
  ['true', true],
  ['false', false],
  ['True', 'True'],
  ['1', '1'],
  ['', ''],
])('%p is the boolean %p, or a text for the decoder to refuse', (text, expected) => {
  expect(value('EncryptRequest', { DryRun: text })).toEqual({ DryRun: expected });
});

test.each([
  ['0', 0],
  ['900', 900],
  ['-1', -1],
  ['99999999999', 99999999999],
  ['-0', '-0'],
  ['+1', '+1'],
  ['01', '01'],
  ['1.0', '1.0'],
  ['1e3', '1e3'],
  ['0x10', '0x10'],
  [' 1', ' 1'],
  ['1'.repeat(16), '1'.repeat(16)],
  ['Infinity', 'Infinity'],
  ['', ''],
])('%p is the number %p, or a text for the decoder to refuse', (text, expected) => {
  expect(value('ListKeysRequest', { Limit: text })).toEqual({ Limit: expected });
});

test.each([
  ['2026-02-28T23:59:59Z', 1772323199],
  ['2026-02-28T23:59:59.250Z', 1772323199.25],
  ['2026-03-01T00:59:59+01:00', 1772323199],
  ['2026-02-30T00:00:00Z', '2026-02-30T00:00:00Z'],
  ['2026-02-28T24:30:00Z', '2026-02-28T24:30:00Z'],
  ['2026-02-28 00:00:00Z', '2026-02-28 00:00:00Z'],
  ['2026-02-28T00:00:00', '2026-02-28T00:00:00'],
  ['1772323199', '1772323199'],
  ['yesterday', 'yesterday'],
  ['', ''],
])('%p is the time %p, or a text for the decoder to refuse', (text, expected) => {
  expect(value('ImportKeyMaterialRequest', { ValidTo: text })).toEqual({ ValidTo: expected });
});

test.each<[string, OperationName, string, string]>([
  [
    'a number that is none',
    'AssumeRole',
    'DurationSeconds=1e3',
    'STRING_VALUE cannot be converted to Integer',
  ],
  [
    'a number without a value',
    'AssumeRole',
    'DurationSeconds=',
    'STRING_VALUE cannot be converted to Integer',
  ],
  [
    'a number of 64 bits',
    'AssumeRole',
    'DurationSeconds=99999999999',
    'NUMBER_VALUE cannot be converted to Integer',
  ],
  [
    'a boolean that is none',
    'CreatePolicyVersion',
    'SetAsDefault=yes',
    'STRING_VALUE cannot be converted to Boolean',
  ],
  [
    'members of a text',
    'GetUser',
    'UserName.x=1',
    'Start of structure or map found where not expected',
  ],
  ['a text for a list', 'CreateUser', 'Tags=a', 'STRING_VALUE cannot be converted to List'],
  [
    'a text for a structure',
    'CreateUser',
    'Tags.member.1=a',
    'STRING_VALUE cannot be converted to Structure',
  ],
  [
    'a value and members',
    'CreateUser',
    'Tags=&Tags.member.1.Key=a',
    'A parameter has both a value and members',
  ],
  [
    'elements that begin at 0',
    'CreateUser',
    'Tags.member.0.Key=a',
    'The elements of a list must be named member.1, member.2 and on',
  ],
  [
    'elements that begin at 2',
    'CreateUser',
    'Tags.member.2.Key=a',
    'A list has no element 1 but later ones',
  ],
  [
    'a gap',
    'UntagUser',
    'TagKeys.member.1=a&TagKeys.member.3=b',
    'A list has no element 2 but later ones',
  ],
  [
    'a huge position',
    'UntagUser',
    'TagKeys.member.99999999999=a',
    'The elements of a list must be named member.1, member.2 and on',
  ],
  [
    'a position with a zero before it',
    'UntagUser',
    'TagKeys.member.01=a',
    'The elements of a list must be named member.1, member.2 and on',
  ],
  [
    'a position that is no number',
    'UntagUser',
    'TagKeys.member.__proto__=a',
    'The elements of a list must be named member.1, member.2 and on',
  ],
  [
    'a list without member',
    'UntagUser',
    'TagKeys.1=a',
    'The elements of a list must be named member.1, member.2 and on',
  ],
  [
    'something beside member',
    'UntagUser',
    'TagKeys.member.1=a&TagKeys.2=b',
    'The elements of a list must be named member.1, member.2 and on',
  ],
  [
    'members without a position',
    'UntagUser',
    'TagKeys.member=a',
    'The elements of a list must be named member.1, member.2 and on',
  ],
  [
    'a name without an end',
    'GetUser',
    `UserName${'.a'.repeat(16)}=1`,
    'The name of a parameter has more than 16 parts',
  ],
])('%s is refused', (_, name, form, message) => {
  expect(thrownBy(() => read(name, form))).toMatchObject({
    code: 'SerializationException',
    message,
  });
});

test('A list has at most 1000 elements', () => {
  const listOf = (length: number): string =>
    Array.from({ length }, (_, index) => `TagKeys.member.${index + 1}=k`).join('&');
  expect(() => read('UntagUser', `UserName=u&${listOf(1000)}`)).toThrow(
    /^1 validation error detected/,
  );
  expect(() => read('UntagUser', `UserName=u&${listOf(1001)}`)).toThrow(
    new KmsError('SerializationException', 'A list has more than 1000 elements'),
  );
});

test.each([
  [{ 'EncryptionContext.entry.1.value': 'x' }, 'An entry of a map has no key'],
  [
    { 'EncryptionContext.entry.1.key': 'k', 'EncryptionContext.entry.2.key': 'k' },
    'A map has the same key twice',
  ],
  [{ 'EncryptionContext.entry.2.key': 'k' }, 'A map has no element 1 but later ones'],
  [
    { 'EncryptionContext.member.1.key': 'k' },
    'The elements of a map must be named entry.1, entry.2 and on',
  ],
])('The map %j is refused', (parameters, message) => {
  expect(refused('EncryptRequest', parameters)).toBe(message);
});

test('Whatever the names of parameters are, they are read or refused', () => {
  const words = [
    'Tags',
    'member',
    'entry',
    'key',
    '1',
    '2',
    '0',
    '__proto__',
    'Key',
    'UserName',
    '',
  ];
  const name = fc
    .array(fc.constantFrom(...words), { maxLength: 18 })
    .map((parts) => parts.join('.'));
  fc.assert(
    fc.property(fc.dictionary(name, fc.string(), { maxKeys: 8 }), (parameters) => {
      refused('iam.CreateUserRequest', parameters);
      expect(({} as Record<string, unknown>)['Key']).toBeUndefined();
    }),
    { numRuns: 2000 },
  );
});
