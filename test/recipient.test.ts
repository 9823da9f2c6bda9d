import { generateKeyPairSync } from 'node:crypto';
import type { Attestation } from '../src/attestation/attestations';
import type { ForRecipient, Services } from '../src/operation';
import { operations } from '../src/operations';
import { recipientOf } from '../src/recipient';
import { operations as operationShapes, shapes } from '../src/shapes/kms.generated';
import { openEnvelope } from './support/attestation-envelope';
import { recipientOperations } from './support/recipients';
import { refusalOf } from './support/refusal';

const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
const conditions = { 'kms:RecipientAttestation:PCR0': '00' };
const recorded = { attestationDocumentModuleId: 'i-1' };
const attestation: Attestation = { publicKey: pair.publicKey, conditions, recorded };
const now = new Date();

interface Seen {
  readonly verified: unknown[];
  readonly random: Buffer[];
}

function servicesThat(seen: Seen, generateRandom?: () => Buffer): Services {
  return {
    attestations: {
      verify: (...given: unknown[]) => {
        seen.verified.push(given);
        return attestation;
      },
    },
    token: {
      generateRandom:
        generateRandom ??
        ((length: number) => {
          const random = Buffer.alloc(length, 7);
          seen.random.push(random);
          return random;
        }),
    },
  } as unknown as Services;
}

interface Operation {
  readonly secret?: string;
  readonly forRecipient?: ForRecipient;
}

function recipientFor(
  input: object,
  operation: Operation = { secret: 'Plaintext', forRecipient: { withheld: ['KeyMaterialId'] } },
  generateRandom?: () => Buffer,
) {
  const seen: Seen = { verified: [], random: [] };
  const trail: { recipient: Readonly<Record<string, string>> | undefined } = {
    recipient: undefined,
  };
  const services = servicesThat(seen, generateRandom);
  const named = { name: 'Decrypt', ...operation };
  return { seen, trail, recipient: recipientOf(named, { input, services, trail, now }) };
}

const AttestationDocument = Buffer.from('document');
const Recipient = { AttestationDocument, KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256' };

test('A request without a Recipient has none, and nothing is verified', () => {
  const { recipient, seen, trail } = recipientFor({ KeyId: 'k' }, {});
  expect(recipient).toBeUndefined();
  expect(seen.verified).toEqual([]);
  expect(trail.recipient).toBeUndefined();
});

test('What a document proves goes to policies and to the record', () => {
  const { recipient, seen, trail } = recipientFor({ Recipient });
  expect(recipient?.conditions).toEqual(conditions);
  expect(trail.recipient).toEqual(recorded);
  expect(seen.verified).toEqual([[AttestationDocument, now]]);
});

test('The answer has the secret sealed and wiped, and lacks what is withheld', () => {
  const { recipient, seen } = recipientFor({ Recipient });
  const Plaintext = Buffer.from('secret');
  const output = { KeyId: 'k', Plaintext, KeyMaterialId: 'm' };
  const answer = recipient!.answer<object>(output) as Readonly<Record<string, Uint8Array>>;
  expect(Object.keys(answer)).toEqual(['KeyId', 'CiphertextForRecipient']);
  expect(openEnvelope(pair.privateKey, answer['CiphertextForRecipient']!)).toEqual(
    Buffer.from('secret'),
  );
  expect(Plaintext).toEqual(Buffer.alloc(6));
  expect(seen.random).toEqual([Buffer.alloc(48)]);
});

test('A secret that cannot be sealed is wiped all the same, and not answered', () => {
  const { recipient } = recipientFor({ Recipient }, undefined, () => {
    throw new Error('no randomness');
  });
  const Plaintext = Buffer.from('secret');
  expect(() => recipient!.answer({ Plaintext })).toThrow('no randomness');
  expect(Plaintext).toEqual(Buffer.alloc(6));
});

test.each([{}, { Plaintext: undefined }, { Plaintext: 'secret' }])(
  'An answer that is %j is not sent: it has nothing to seal',
  (output) => {
    const { recipient } = recipientFor({ Recipient });
    expect(() => recipient!.answer(output)).toThrow('there is no Plaintext to seal');
  },
);

test.each([{}, { secret: 'Plaintext' }, { forRecipient: { withheld: [] } }])(
  'An operation that declares %j refuses a recipient, and does not answer the caller in its place',
  async (operation) => {
    expect(await refusalOf(() => recipientFor({ Recipient }, operation))).toEqual({
      code: 'UnsupportedOperationException',
      message: 'Recipient is not supported.',
    });
  },
);

test.each([
  [{}, 'attestationDocument'],
  [{ KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256' }, 'attestationDocument'],
  [{ AttestationDocument }, 'keyEncryptionAlgorithm'],
])('A Recipient of %j lacks a member', async (incomplete, member) => {
  expect(await refusalOf(() => recipientFor({ Recipient: incomplete }))).toEqual({
    code: 'ValidationException',
    message: `1 validation error detected: Value null at 'recipient.${member}' failed to satisfy constraint: Member must not be null`,
  });
});

describe('Every operation whose request can name a recipient', () => {
  const membersOf = (shape: string): string[] => {
    const found = shapes[shape];
    return found?.type === 'structure' ? Object.keys(found.members) : [];
  };
  const named = Object.entries(operationShapes)
    .filter(([, { input }]) => membersOf(input).includes('Recipient'))
    .map(([name]) => name)
    .sort();

  test('is one of those that are tested', () => {
    expect(named).toEqual([...recipientOperations].sort());
  });

  test.each(recipientOperations)('answers it: %s', (name) => {
    const operation = operations[name];
    if (operation === undefined || 'write' in operation) throw new Error(`${name} is not served`);
    const { secret = '', forRecipient } = operation;
    const answered = membersOf(operationShapes[name].output ?? '');
    expect(answered).toEqual(
      expect.arrayContaining([secret, 'CiphertextForRecipient', ...(forRecipient?.withheld ?? [])]),
    );
    expect(forRecipient).toBeDefined();
  });
});
