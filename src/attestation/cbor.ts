import { AttestationFault } from './fault';

/** What attestation documents are made of; CBOR has more (RFC 8949). */
export type CborValue =
  number | string | Buffer | null | readonly CborValue[] | CborMap | CborTagged;
export type CborMap = ReadonlyMap<number | string, CborValue>;

export class CborTagged {
  constructor(
    readonly tag: number,
    readonly value: CborValue,
  ) {}
}

/** Deeper than any document that is signed for us. */
const maxDepth = 8;

/**
 * Reads one item, which must be all there is. As strict as RFC 8949 §4.2.1 about everything but the order of members:
 * shortest lengths, no indefinite ones, no name twice, UTF-8 that is. Nobody may read a document otherwise than we do. No
 * strict decoder on npm can be loaded by require(), and the lenient ones take all of that.
 * @throws AttestationFault
 */
export function readCbor(bytes: Buffer): CborValue {
  const source: Source = { bytes, at: 0 };
  const value = readItem(source, 0);
  if (source.at !== bytes.length) throw new AttestationFault('CBOR has bytes after its end');
  return value;
}

interface Source {
  readonly bytes: Buffer;
  at: number;
}

type Reader = (source: Source, argument: number, depth: number) => CborValue;

/** By major type (RFC 8949 §3.1). */
const readers: readonly Reader[] = [
  (_source, argument) => argument,
  (_source, argument) => -1 - argument,
  (source, argument) => take(source, argument),
  (source, argument) => readText(take(source, argument)),
  readArray,
  readMap,
  (source, argument, depth) => new CborTagged(argument, readItem(source, depth + 1)),
  (_source, argument) => readSimple(argument),
];

function readItem(source: Source, depth: number): CborValue {
  if (depth > maxDepth) throw new AttestationFault('CBOR is nested too deeply');
  const initial = take(source, 1).readUInt8();
  const reader = readers[initial >> 5];
  if (reader === undefined) throw new Error('CBOR has eight major types');
  return reader(source, readArgument(source, initial & 0x1f), depth);
}

/** By the low bits that say so: how many bytes follow, and the least number that needs them. */
const widths: Readonly<Record<number, readonly [bytes: number, least: number]>> = {
  24: [1, 24],
  25: [2, 2 ** 8],
  26: [4, 2 ** 16],
  27: [8, 2 ** 32],
};

function readArgument(source: Source, low: number): number {
  if (low < 24) return low;
  const width = widths[low];
  if (width === undefined) throw new AttestationFault('CBOR has an indefinite or reserved length');
  const [length, least] = width;
  const number = take(source, length).readUIntBE(Math.max(length - 6, 0), Math.min(length, 6));
  const high = length === 8 ? source.bytes.readUInt16BE(source.at - 8) : 0;
  // 2^53 is in the year 287396, and no length.
  if (high > 0x1f) throw new AttestationFault('CBOR has a number beyond 2^53');
  const value = high * 2 ** 48 + number;
  if (value < least) throw new AttestationFault('CBOR has a number that is longer than it must be');
  return value;
}

function take(source: Source, length: number): Buffer {
  const { bytes, at } = source;
  if (length > bytes.length - at) throw new AttestationFault('CBOR ends too early');
  source.at = at + length;
  return bytes.subarray(at, source.at);
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function readText(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new AttestationFault('CBOR has text that is not UTF-8', { cause });
  }
}

function readArray(source: Source, length: number, depth: number): CborValue {
  requireRoom(source, length);
  const items: CborValue[] = [];
  for (let index = 0; index < length; index++) items.push(readItem(source, depth + 1));
  return items;
}

function readMap(source: Source, length: number, depth: number): CborValue {
  requireRoom(source, 2 * length);
  const members = new Map<number | string, CborValue>();
  for (let index = 0; index < length; index++) {
    const key = readItem(source, depth + 1);
    if (typeof key !== 'number' && typeof key !== 'string') {
      throw new AttestationFault('CBOR has a map with a key that is neither number nor text');
    }
    if (members.has(key))
      throw new AttestationFault('CBOR has a map with a key that is there twice');
    members.set(key, readItem(source, depth + 1));
  }
  return members;
}

/** Every item has a byte at the least, so that what is announced can be there. */
function requireRoom({ bytes, at }: Source, items: number): void {
  if (items > bytes.length - at) throw new AttestationFault('CBOR ends too early');
}

const simpleNull = 22;

function readSimple(argument: number): null {
  if (argument !== simpleNull) throw new AttestationFault('CBOR has a simple value or a float');
  return null;
}
