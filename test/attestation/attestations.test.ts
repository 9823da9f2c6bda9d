import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { Tagged } from 'cbor';
import fc from 'fast-check';
import { Attestations } from '../../src/attestation/attestations';
import type { AttestationFault } from '../../src/attestation/fault';
import {
  type Attester,
  type Different,
  type Envelope,
  cborOf,
  enclaveId,
  es384,
  makeAttester,
  nitroTpmId,
  ofNitroTpm,
  pcr,
  pcrHex,
  signed,
} from '../support/attestation';
import { refusalOf } from '../support/refusal';

const accepted = 'nothing was thrown';
const invalid = { code: 'ValidationException', message: 'The attestation document is not valid.' };
const spki = (key: { export(options: object): unknown }): Buffer =>
  key.export({ type: 'spki', format: 'der' }) as Buffer;

const recipient = spki(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey);
const attester = makeAttester();
const stranger = makeAttester();
const at = new Date();

/** Why a document was refused; the refusal itself says the same of all. */
async function reasonOf(document: Buffer, now = at, roots = attester.roots): Promise<string> {
  const reasons: AttestationFault[] = [];
  const attestations = new Attestations({ roots, onRefused: (reason) => reasons.push(reason) });
  const refusal = await refusalOf(() => attestations.verify(document, now));
  if (reasons.length === 0) return refusal.code;
  expect(refusal).toEqual(invalid);
  return reasons.map(({ message }) => message).join();
}

const accept = (document: Buffer) =>
  new Attestations({ roots: attester.roots, onRefused: () => undefined }).verify(document, at);

function documentOf(different: Different = {}, envelope: Envelope = {}, by: Attester = attester) {
  return by.document(recipient, { timestamp: at.getTime(), ...different }, envelope);
}

describe('A document of an enclave', () => {
  const proved = {
    conditions: {
      ...Object.fromEntries(
        [0, 1, 2, 3, 4, 8].map((index) => [`kms:RecipientAttestation:PCR${index}`, pcrHex(index)]),
      ),
      'kms:RecipientAttestation:ImageSha384': pcrHex(0),
    },
    recorded: {
      attestationDocumentModuleId: enclaveId,
      attestationDocumentEnclaveImageDigest: pcrHex(0),
      attestationDocumentEnclavePCR1: pcrHex(1),
      attestationDocumentEnclavePCR2: pcrHex(2),
      attestationDocumentEnclavePCR3: pcrHex(3),
      attestationDocumentEnclavePCR4: pcrHex(4),
      attestationDocumentEnclavePCR8: pcrHex(8),
    },
  };

  test.each([
    ['untagged', {}],
    ['with the tag of COSE_Sign1', { tag: 18 }],
  ])('%s proves its registers and its key', (_name, envelope) => {
    const { publicKey, ...rest } = accept(documentOf({}, envelope));
    expect(rest).toEqual(proved);
    expect(spki(publicKey)).toEqual(recipient);
  });

  test('may have all registers, of three lengths, user data and a nonce', () => {
    const lengths = [32, 48, 64];
    const all = Array.from({ length: 32 }, (_, index) => [index, pcr(index, lengths[index % 3])]);
    const { conditions } = accept(
      documentOf({
        pcrs: new Map(all as [number, Buffer][]),
        user_data: Buffer.alloc(1024, 1),
        nonce: Buffer.alloc(0),
      }),
    );
    expect(Object.keys(conditions)).toHaveLength(33);
    expect(conditions['kms:RecipientAttestation:PCR31']).toBe('20'.repeat(48));
    expect(conditions['kms:RecipientAttestation:ImageSha384']).toBe('01'.repeat(32));
  });

  test('may lack what it has nothing for, its image too', () => {
    const pcrs = new Map([[7, pcr(7)]]);
    const { conditions, recorded } = accept(
      documentOf({ pcrs, user_data: undefined, nonce: undefined }),
    );
    expect(conditions).toEqual({
      'kms:RecipientAttestation:PCR7': pcrHex(7),
      'kms:RecipientAttestation:ImageSha384': undefined,
    });
    expect(recorded).toEqual({ attestationDocumentModuleId: enclaveId });
  });
});

test('A document of a NitroTPM proves its own registers, and none that an enclave has', () => {
  const { conditions, recorded } = accept(documentOf(ofNitroTpm));
  expect(conditions).toEqual({
    'kms:RecipientAttestation:NitroTPMPCR4': pcrHex(4),
    'kms:RecipientAttestation:NitroTPMPCR7': pcrHex(7),
    'kms:RecipientAttestation:NitroTPMPCR11': pcrHex(11),
  });
  expect(recorded).toEqual({
    attestationDocumentModuleId: nitroTpmId,
    attestationDocumentNitroTPMPCR4: pcrHex(4),
    attestationDocumentNitroTPMPCR7: pcrHex(7),
  });
});

test('Without roots, a recipient is refused by the name of the setting', async () => {
  const attestations = new Attestations({ roots: [], onRefused: () => undefined });
  expect(await refusalOf(() => attestations.verify(documentOf(), at))).toEqual({
    code: 'UnsupportedOperationException',
    message: 'Recipient is not supported: CLAVIGER_ATTESTATION_ROOTS_FILE is not set.',
  });
});

describe('is refused: a COSE_Sign1', () => {
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
  ])('%s', async (_name, make, reason) => {
    expect(await reasonOf(make())).toBe(reason);
  });
});

describe('is refused: a document', () => {
  const notBytes = (name: string): string => `${name} is not bytes, 1 to 1024 of them`;
  const index = 'a PCR has an index that is not 0 to 31';
  const badModule = 'module_id is not 1 to 256 visible ASCII characters';
  const badBundle = 'cabundle is not an array of 1 to 8';
  const one = (key: unknown, value: unknown): Different => ({ pcrs: new Map([[key, value]]) });

  test.each<[string, Different, string]>([
    ...[
      'module_id',
      'digest',
      'timestamp',
      'pcrs',
      'certificate',
      'cabundle',
      'public_key',
    ].flatMap((name): [string, Different, string][] => [
      [`without ${name}`, { [name]: undefined }, `${name} is missing`],
      [`with null for ${name}`, { [name]: null }, `${name} is missing`],
    ]),
    ['with a member that we do not know', { debug: 1 }, 'the document has a member that none has'],
    [
      'with the registers of both',
      { nitrotpm_pcrs: new Map([[4, pcr(4)]]) },
      'the document has a member that none has',
    ],
    ['with an empty module_id', { module_id: '' }, badModule],
    ['with a long module_id', { module_id: 'i'.repeat(257) }, badModule],
    ['with a line break in module_id', { module_id: 'i-1\n' }, badModule],
    ['with U+0000 in module_id', { module_id: 'i-\0' }, badModule],
    ['with a number for module_id', { module_id: 1 }, badModule],
    ['of SHA256', { digest: 'SHA256' }, 'digest is not SHA384'],
    ['of sha384', { digest: 'sha384' }, 'digest is not SHA384'],
    ['of no time', { timestamp: 0 }, 'timestamp is not a time'],
    ['of a time before 1970', { timestamp: -1 }, 'timestamp is not a time'],
    ['of a time that is text', { timestamp: at.toISOString() }, 'timestamp is not a time'],
    ['of a time that no Date can be', { timestamp: 8.64e15 + 1 }, 'timestamp is not a time'],
    [
      'of seconds',
      { timestamp: Math.floor(at.getTime() / 1000) },
      'the document is older than five minutes',
    ],
    ['with an array of PCRs', { pcrs: [pcr(0)] }, 'there are no PCRs'],
    ['with no PCR', { pcrs: new Map() }, 'there are no PCRs'],
    ['with PCR32', one(32, pcr(0)), index],
    ['with PCR-1', one(-1, pcr(0)), index],
    ['with a PCR by name', one('0', pcr(0)), index],
    ...[0, 31, 33, 47, 49, 63, 65].map((length): [string, Different, string] => [
      `with a PCR of ${length} bytes`,
      one(3, Buffer.alloc(length)),
      'PCR3 is not bytes, 32, 48 or 64 of them',
    ]),
    [
      'with a PCR in hexadecimal',
      one(3, '00'.repeat(48)),
      'PCR3 is not bytes, 32, 48 or 64 of them',
    ],
    ['with an empty certificate', { certificate: Buffer.alloc(0) }, notBytes('certificate')],
    ['with a long certificate', { certificate: Buffer.alloc(1025) }, notBytes('certificate')],
    ['with a text for a certificate', { certificate: 'x' }, notBytes('certificate')],
    ['with no authority', { cabundle: [] }, badBundle],
    ['with nine authorities', { cabundle: Array(9).fill(attester.authorities[0]!.der) }, badBundle],
    ['with one authority, and no list', { cabundle: attester.authorities[0]!.der }, badBundle],
    ['with an empty authority', { cabundle: [Buffer.alloc(0)] }, notBytes('cabundle')],
    ['with a long authority', { cabundle: [Buffer.alloc(1025)] }, notBytes('cabundle')],
    [
      'with much user data',
      { user_data: Buffer.alloc(1025) },
      'user_data is not bytes, 1024 of them at the most',
    ],
    [
      'with text for user data',
      { user_data: 'x' },
      'user_data is not bytes, 1024 of them at the most',
    ],
    [
      'with a long nonce',
      { nonce: Buffer.alloc(1025) },
      'nonce is not bytes, 1024 of them at the most',
    ],
    ['with an empty public key', { public_key: Buffer.alloc(0) }, notBytes('public_key')],
    ['with a long public key', { public_key: Buffer.alloc(1025) }, notBytes('public_key')],
  ])('%s', async (_name, different, reason) => {
    expect(await reasonOf(documentOf(different))).toBe(reason);
  });

  test.each<[string, Buffer, string]>([
    ['that is no map', cborOf([1]), 'the document is not a map'],
    [
      'with a member twice',
      Buffer.from('a26161016161 02'.replace(' ', ''), 'hex'),
      'CBOR has a map with a key that is there twice',
    ],
    [
      'of an indefinite length',
      Buffer.from('bf616101ff', 'hex'),
      'CBOR has an indefinite or reserved length',
    ],
    ['with bytes behind it', Buffer.from('a000', 'hex'), 'CBOR has bytes after its end'],
    ['nested deeply', Buffer.alloc(16_384, 0x81), 'CBOR is nested too deeply'],
  ])('%s', async (_name, payload, reason) => {
    expect(await reasonOf(signed(payload, attester.module))).toBe(reason);
  });
});

describe('A document is of use', () => {
  const minutes = 60_000;
  test.each([
    [5 * minutes, accepted],
    [-30_000, accepted],
    [5 * minutes + 1, 'the document is older than five minutes'],
    [24 * 60 * minutes, 'the document is older than five minutes'],
    [-30_001, 'the document is of the future'],
    [-24 * 60 * minutes, 'the document is of the future'],
  ])('%i ms after it was made, or not', async (age, reason) => {
    const document = documentOf({ timestamp: at.getTime() - age });
    expect(await reasonOf(document)).toBe(reason);
  });
});

describe('A recipient with', () => {
  const notSpki = 'public_key is not a SubjectPublicKeyInfo';
  const notRsa = 'public_key is not the SubjectPublicKeyInfo of an RSA key of 2048 to 4096 bits';

  test('4096 bits is answered', async () => {
    expect(await reasonOf(documentOf({ public_key: keyOf(4096, 65537) }))).toBe(accepted);
  });

  test.each<[string, () => Buffer, string]>([
    ['bytes that are no key', () => Buffer.from('key'), notSpki],
    ['a certificate', () => attester.module.der, notSpki],
    [
      'a private key',
      () =>
        generateKeyPairSync('rsa', { modulusLength: 2048 })
          .privateKey.export({ type: 'pkcs8', format: 'der' })
          .subarray(0, 1024),
      notSpki,
    ],
    [
      'a key in PKCS #1',
      () =>
        generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({
          type: 'pkcs1',
          format: 'der',
        }),
      notSpki,
    ],
    ['a key and bytes behind it', () => Buffer.concat([recipient, Buffer.of(0)]), notRsa],
    ['a key of P-384', () => spki(attester.module.publicKey), notRsa],
    ['a key of X25519', () => spki(generateKeyPairSync('x25519').publicKey), notRsa],
    [
      'a key for RSASSA-PSS alone',
      () => spki(generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey),
      notRsa,
    ],
    ['a key of 1024 bits', () => keyOf(1024, 65537), notRsa],
    ['a key of 2047 bits', () => keyOf(2047, 65537), notRsa],
    ['a key of 4097 bits', () => keyOf(4097, 65537), notRsa],
    ['the exponent 3', () => keyOf(2048, 3), notRsa],
    ['the exponent 1', () => keyOf(2048, 1), notRsa],
    ['an even exponent', () => keyOf(2048, 0x10002), notRsa],
  ])('%s is refused', async (_name, make, reason) => {
    expect(await reasonOf(documentOf({ public_key: make() }))).toBe(reason);
  });
});

/** A public key that nobody has the private half of. */
function keyOf(bits: number, exponent: number): Buffer {
  const n = Buffer.alloc(Math.ceil(bits / 8), 0xff);
  n[0] = 0xff >> (n.length * 8 - bits);
  const e = Buffer.from(exponent.toString(16).padStart(6, '0'), 'hex');
  const jwk = { kty: 'RSA', n: n.toString('base64url'), e: e.toString('base64url') };
  return spki(createPublicKey({ key: jwk, format: 'jwk' }));
}

test('whatever byte of a document is changed, it is refused as every other', async () => {
  const document = documentOf();
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(document.length - 1), fc.integer({ min: 1, max: 255 })), {
        minLength: 1,
        maxLength: 4,
      }),
      async (changes) => {
        const changed = Buffer.from(document);
        for (const [index, mask] of changes) changed[index]! ^= mask;
        fc.pre(!changed.equals(document));
        expect(await reasonOf(changed)).not.toBe(accepted);
      },
    ),
    { numRuns: 300 },
  );
});

test('no bytes that a document of ours has signed bring anything but an answer or that refusal', async () => {
  const payload = attester.payload(recipient, { timestamp: at.getTime() });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(payload.length - 1), fc.integer({ min: 0, max: 255 })), {
        maxLength: 4,
      }),
      async (changes) => {
        const changed = Buffer.from(payload);
        for (const [index, byte] of changes) changed[index] = byte;
        // Throws what is no refusal.
        await reasonOf(signed(changed, attester.module));
      },
    ),
    { numRuns: 300 },
  );
});

test('a document that was good is refused when its time is over, and no sooner', async () => {
  const { roots } = attester;
  const attestations = new Attestations({ roots, onRefused: () => undefined });
  const document = documentOf();
  const later = (ms: number) =>
    refusalOf(() => attestations.verify(document, new Date(at.getTime() + ms)));
  expect(await later(0)).toEqual({ code: accepted, message: '' });
  expect(await later(300_000)).toEqual({ code: accepted, message: '' });
  expect(await later(300_001)).toEqual(invalid);
  expect(await later(0)).toEqual({ code: accepted, message: '' });
});
