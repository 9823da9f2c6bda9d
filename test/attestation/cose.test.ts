import { Tagged } from 'cbor';
import { cborOf, es384, makeAttester, pcr, signed } from '../support/attestation';
import { at, attester, documentOf, reasonOf, recipient } from './trial';

const stranger = makeAttester();

describe('A COSE_Sign1', () => {
  const payload = cborOf(new Map());
  const es256 = Buffer.of(0xa1, 0x01, 0x26);
  const header = 'the protected header does not say ES384 alone';
  const array = 'COSE_Sign1 is not an array of four';
  const badSignature = 'the signature is not one of the certificate over the payload';
  const flipped = (): Buffer => {
    const document = documentOf();
    document[document.length - 1]! ^= 1;
    return document;
  };
  const swapped = (): Buffer =>
    documentOf({}, { payload: attester.payload(recipient, { pcrs: new Map([[0, pcr(9)]]) }) });

  test.each<[string, () => Buffer, string]>([
    ['of another tag', () => documentOf({}, { tag: 98 }), 'CBOR tag 98 is not that of COSE_Sign1'],
    [
      'with the tag of MAC0',
      () => documentOf({}, { tag: 17 }),
      'CBOR tag 17 is not that of COSE_Sign1',
    ],
    [
      'tagged twice',
      () => cborOf(new Tagged(18, new Tagged(18, [es384, new Map(), payload, Buffer.alloc(96)]))),
      array,
    ],
    ['that is a map', () => cborOf(new Map()), array],
    ['of three', () => cborOf([es384, new Map(), payload]), array],
    ['of five', () => cborOf([es384, new Map(), payload, Buffer.alloc(96), null]), array],
    ['with ES256', () => documentOf({}, { protectedHeader: es256 }), header],
    ['without an algorithm', () => documentOf({}, { protectedHeader: Buffer.of(0xa0) }), header],
    ['with an empty header', () => documentOf({}, { protectedHeader: Buffer.alloc(0) }), header],
    [
      'with a longer header',
      () =>
        documentOf(
          {},
          {
            protectedHeader: cborOf(
              new Map([
                [1, -35],
                [4, 1],
              ]),
            ),
          },
        ),
      header,
    ],
    [
      'with the header in other bytes',
      () => documentOf({}, { protectedHeader: Buffer.of(0xa1, 1, 0x39, 0, 0x22) }),
      header,
    ],
    [
      'with an unprotected header',
      () => documentOf({}, { unprotected: new Map([[1, -35]]) }),
      'the unprotected header is not an empty map',
    ],
    [
      'with null for the unprotected header',
      () => cborOf([es384, null, payload, Buffer.alloc(96)]),
      'the unprotected header is not an empty map',
    ],
    [
      'without a payload',
      () => cborOf([es384, new Map(), null, Buffer.alloc(96)]),
      'the payload is not bytes, 1 to 16384 of them',
    ],
    [
      'with an empty payload',
      () => documentOf({}, { payload: Buffer.alloc(0) }),
      'the payload is not bytes, 1 to 16384 of them',
    ],
    [
      'with a huge payload',
      () => documentOf({}, { payload: Buffer.alloc(16_385) }),
      'the payload is not bytes, 1 to 16384 of them',
    ],
    [
      'as large as a request may have',
      () => documentOf({}, { payload: Buffer.alloc(262_000) }),
      'the payload is not bytes, 1 to 16384 of them',
    ],
    [
      'with a signature in DER',
      () => documentOf({}, { signature: Buffer.alloc(104, 0x30) }),
      'the signature is not 96 bytes',
    ],
    [
      'with a text for a signature',
      () => documentOf({}, { signature: 'x'.repeat(96) }),
      'the signature is not 96 bytes',
    ],
    [
      'with a signature of zeros',
      () => documentOf({}, { signature: Buffer.alloc(96) }),
      badSignature,
    ],
    ['with a changed signature', flipped, badSignature],
    ['with another payload than was signed', swapped, badSignature],
    [
      'signed by another key',
      () => signed(attester.payload(recipient, { timestamp: at.getTime() }), stranger.module),
      badSignature,
    ],
    [
      'with bytes behind it',
      () => Buffer.concat([documentOf(), Buffer.of(0)]),
      'CBOR has bytes after its end',
    ],
    ['that ends too early', () => documentOf().subarray(0, -1), 'CBOR ends too early'],
    [
      'of an indefinite length',
      () => Buffer.concat([Buffer.of(0x9f), documentOf().subarray(1), Buffer.of(0xff)]),
      'CBOR has an indefinite or reserved length',
    ],
    ['nested deeply', () => Buffer.alloc(262_144, 0x81), 'CBOR is nested too deeply'],
    ['of nothing', () => Buffer.alloc(0), 'CBOR ends too early'],
    ['of text', () => Buffer.from('attestation'), 'CBOR has bytes after its end'],
  ])('%s is refused', async (_name, make, reason) => {
    expect(await reasonOf(make())).toBe(reason);
  });
});
