import { Tagged, encodeOne } from 'cbor';
import fc from 'fast-check';
import { type CborValue, CborTagged, readCbor } from '../../src/attestation/cbor';
import { AttestationFault } from '../../src/attestation/fault';
import { cborOf } from '../support/attestation';

const read = (hex: string): CborValue => readCbor(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

function faultOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof AttestationFault) return error.message;
    throw error;
  }
  return 'no fault';
}

/** RFC 8949, appendix A. */
test.each<[string, CborValue]>([
  ['00', 0],
  ['17', 23],
  ['1818', 24],
  ['1903e8', 1000],
  ['1a000f4240', 1000000],
  ['1b000000e8d4a51000', 1000000000000],
  ['1b001fffffffffffff', Number.MAX_SAFE_INTEGER],
  ['20', -1],
  ['3822', -35],
  ['3903e7', -1000],
  ['40', Buffer.alloc(0)],
  ['4401020304', Buffer.of(1, 2, 3, 4)],
  ['60', ''],
  ['62c3bc', 'ü'],
  ['63e6b0b4', '水'],
  ['63efbbbf', '\ufeff'],
  ['80', []],
  ['8301820203820405', [1, [2, 3], [4, 5]]],
  ['a0', new Map()],
  [
    'a201020304',
    new Map([
      [1, 2],
      [3, 4],
    ]),
  ],
  [
    'a26161016162820203',
    new Map<string, CborValue>([
      ['a', 1],
      ['b', [2, 3]],
    ]),
  ],
  ['f6', null],
  ['d2820102', new CborTagged(18, [1, 2])],
])('%s is read as RFC 8949 has it', (hex, value) => {
  expect(read(hex)).toEqual(value);
});

describe.each([
  [
    'CBOR ends too early',
    [
      '',
      '18',
      '19ff',
      '1a000000',
      '41',
      '62c3',
      '81',
      'a1',
      'a101',
      'd2',
      '5affffffff',
      '7affffffff00',
    ],
  ],
  ['CBOR ends too early', ['9affffffff00', 'bb000fffffffffff00', '9b001fffffffffffff']],
  ['CBOR has bytes after its end', ['0000', 'f6f6', '4000', 'a000', '80ff']],
  [
    'CBOR has an indefinite or reserved length',
    ['5f4101ff', '7f6161ff', '9f01ff', 'bf0101ff', 'ff', '1c', '3d', '5e', 'dc00'],
  ],
  [
    'CBOR has a number that is longer than it must be',
    [
      '1800',
      '1817',
      '1900ff',
      '1a0000ffff',
      '1b00000000ffffffff',
      '580141',
      '780161',
      '980100',
      'b8010000',
      'd81240',
      'f816',
    ],
  ],
  [
    'CBOR has a number beyond 2^53',
    [
      '1b0020000000000000',
      '1bffffffffffffffff',
      '3bffffffffffffffff',
      '5bffffffffffffffff',
      'fb3ff199999999999a',
    ],
  ],
  ['CBOR has text that is not UTF-8', ['61ff', '62c328', '63eda080', '64f4908080']],
  ['CBOR has a map with a key that is there twice', ['a201010102', 'a2616101616102', 'a220002001']],
  [
    'CBOR has a map with a key that is neither number nor text',
    ['a1410100', 'a18000', 'a1f600', 'a1a000', 'a1d20000'],
  ],
  [
    'CBOR has a simple value or a float',
    ['f4', 'f5', 'f7', 'e0', 'f8ff', 'f93c00', 'fa47c35000', 'fb0000000100000000'],
  ],
])('%s', (fault, all) => {
  test.each(all)('in %p', (hex) => {
    expect(faultOf(() => read(hex))).toBe(fault);
  });
});

test.each([
  ['arrays', 0x81],
  ['tags', 0xd2],
])('%s that are nested too deeply are not followed', (_name, head) => {
  const nested = (depth: number): Buffer =>
    Buffer.concat([Buffer.alloc(depth, head), Buffer.of(0)]);
  expect(faultOf(() => readCbor(nested(8)))).toBe('no fault');
  expect(faultOf(() => readCbor(nested(9)))).toBe('CBOR is nested too deeply');
  expect(faultOf(() => readCbor(nested(262_143)))).toBe('CBOR is nested too deeply');
});

test('maps that are nested in keys or values too deeply are not followed', () => {
  const values = Buffer.concat([
    ...Array.from({ length: 9 }, () => Buffer.of(0xa1, 0)),
    Buffer.of(0),
  ]);
  expect(faultOf(() => readCbor(values))).toBe('CBOR is nested too deeply');
  expect(faultOf(() => readCbor(Buffer.alloc(100_000, 0xa1)))).toBe('CBOR is nested too deeply');
});

const scalar = fc.oneof(
  fc.maxSafeInteger(),
  fc.string({ unit: 'grapheme' }),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc.constant(null),
);
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    scalar,
    fc.array(tie('value'), { maxLength: 30 }),
    fc.dictionary(fc.string(), tie('value')).map((members) => new Map(Object.entries(members))),
    fc.array(fc.tuple(fc.nat(31), tie('value'))).map((members) => new Map(members)),
  ),
}));

test('what another implementation encodes is read as it was', () => {
  fc.assert(
    fc.property(value, (any) => {
      expect(readCbor(cborOf(any))).toEqual(any);
    }),
  );
});

test('no bytes bring anything but a value or a fault, and what is read encodes to the same bytes', () => {
  const encoded = value.map((any) => cborOf(any));
  const mutated = fc
    .tuple(
      encoded,
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 3 }),
    )
    .map(([bytes, changes]) => {
      const copy = Buffer.from(bytes);
      for (const [at, byte] of changes) copy[at % copy.length] = byte;
      return copy;
    });
  const arbitrary = fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.oneof(mutated, arbitrary), (bytes) => {
      let read: CborValue;
      try {
        read = readCbor(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(AttestationFault);
        return;
      }
      expect(cborOf(forOther(read))).toEqual(bytes);
    }),
    { numRuns: 1000 },
  );
});

/** As the other implementation has it. */
function forOther(read: CborValue): unknown {
  if (read instanceof CborTagged) return new Tagged(read.tag, forOther(read.value));
  if (read instanceof Map) {
    return new Map([...read].map(([key, one]: [unknown, CborValue]) => [key, forOther(one)]));
  }
  return Array.isArray(read) ? read.map(forOther) : read;
}

test('the other implementation is one of CBOR', () => {
  expect(encodeOne(new Map([[1, -35]]))).toEqual(Buffer.from('a1013822', 'hex'));
});
