import type { Attestation } from './attestation/attestations';
import { envelopeRandomBytes, sealInEnvelope } from './attestation/envelope';
import { type KmsError, invalidMember, refusedMember } from './errors';
import type { ForRecipient, Services } from './operation';
import { memberPath } from './shapes';
import type { RecipientInfo } from './shapes/kms.generated';
import type { Trail } from './trail';

/** Who an answer is for, where that is not the caller. */
export interface Recipient extends Pick<Attestation, 'conditions'> {
  /** The answer without what the recipient alone may read, which is sealed to it, and wiped. */
  answer<O extends object>(output: O): O;
}

interface Attested {
  readonly name: string;
  readonly secret?: string;
  readonly forRecipient?: ForRecipient;
}

interface Asked {
  readonly input: object;
  readonly services: Pick<Services, 'attestations' | 'token'>;
  readonly trail: Pick<Trail, 'recipient'>;
  readonly now: Date;
}

/**
 * Whom a request names as recipient by an attestation document (kms-semantics §5.4), if anyone. Policies may ask for what
 * the document says, so that it is verified before they are asked.
 */
export function recipientOf(
  { secret, forRecipient }: Attested,
  { input, services, trail, now }: Asked,
): Recipient | undefined {
  const { Recipient: info } = input as { readonly Recipient?: RecipientInfo };
  if (info === undefined) return undefined;
  // Never ignored: the caller would be answered in the clear.
  if (secret === undefined || forRecipient === undefined) {
    throw refusedMember(
      'UnsupportedOperationException',
      'Recipient',
      'Recipient is not supported.',
    );
  }
  const { attestations, token } = services;
  const { publicKey, conditions, recorded } = attestations.verify(requireDocument(info), now);
  trail.recipient = recorded;
  return {
    conditions,
    answer: (output) => {
      const plaintext = bytesOf(output, secret);
      try {
        const random = token.generateRandom(envelopeRandomBytes);
        const CiphertextForRecipient = sealInEnvelope(publicKey, plaintext, random);
        return { ...without(output, [secret, ...forRecipient.withheld]), CiphertextForRecipient };
      } finally {
        plaintext.fill(0);
      }
    },
  };
}

/** Both members are optional in the shape, and neither is of use alone. Of the algorithm, the shape allows the one there is. */
function requireDocument({ AttestationDocument, KeyEncryptionAlgorithm }: RecipientInfo): Buffer {
  if (AttestationDocument === undefined) throw missing('AttestationDocument');
  if (KeyEncryptionAlgorithm === undefined) throw missing('KeyEncryptionAlgorithm');
  return AttestationDocument;
}

function missing(member: keyof RecipientInfo): KmsError {
  return invalidMember(
    `Recipient/${member}`,
    `1 validation error detected: Value null at '${memberPath(['Recipient', member])}' failed to satisfy constraint: Member must not be null`,
    'is required',
  );
}

function bytesOf(output: object, member: string): Buffer {
  const bytes = (output as Readonly<Record<string, unknown>>)[member];
  if (!Buffer.isBuffer(bytes)) throw new Error(`there is no ${member} to seal`);
  return bytes;
}

function without<O extends object>(output: O, members: readonly string[]): O {
  const left = Object.entries(output).filter(([name]) => !members.includes(name));
  return Object.fromEntries(left) as O;
}
