import fc from 'fast-check';
import { Attestations } from '../../src/attestation/attestations';
import {
  enclaveId,
  makeAttester,
  nitroTpmId,
  ofNitroTpm,
  pcr,
  pcrHex,
  signed,
} from '../support/attestation';
import { refusalOf } from '../support/refusal';
import { accepted, at, attester, documentOf, invalid, reasonOf, recipient, spki } from './trial';

const accept = (document: Buffer) =>
  new Attestations({ roots: attester.roots, onRefused: () => undefined }).verify(document, at);

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
    expect(conditions['kms:RecipientAttestation:PCR31']).toBe('bf'.repeat(48));
    expect(conditions['kms:RecipientAttestation:ImageSha384']).toBe('a0'.repeat(32));
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

test('nothing is done with the key of a document that is not signed for us', async () => {
  const stranger = makeAttester();
  const document = stranger.document(Buffer.of(1), { timestamp: at.getTime() });
  expect(await reasonOf(document)).toBe('cabundle does not begin with one of our roots');
});

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
