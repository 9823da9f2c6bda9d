import type { KeyObject, X509Certificate } from 'node:crypto';
import { KmsError, atMember, refusedMember } from '../errors';
import type { Conditions } from '../policy/policy';
import { Chains } from './chain';
import { readSign1 } from './cose';
import { type AttestationDocument, type Attester, readDocument } from './document';
import { AttestationFault } from './fault';
import { readRecipientKey } from './recipient-key';

/** What a document proves that was issued under one of our roots a moment ago. */
export interface Attestation {
  /** What answers are sealed to. */
  readonly publicKey: KeyObject;
  /** The condition keys of recipients (kms-semantics §6.8). */
  readonly conditions: Conditions;
  /** What audit records say of the recipient (kms-semantics §16.4). */
  readonly recorded: Readonly<Record<string, string>>;
}

export interface AttestationParts {
  /** Without any, a Recipient is refused. */
  readonly roots: readonly X509Certificate[];
  /** Told why a document was not accepted: its sender is not. */
  readonly onRefused: (reason: AttestationFault) => void;
}

/** How long a document is of use, and how far its attester's clock may be ahead of ours. */
const [maxAgeMs, maxAheadMs] = [5 * 60_000, 30_000];

/** Answers to attestation documents. */
export class Attestations {
  private readonly chains: Chains;

  constructor(private readonly parts: AttestationParts) {
    this.chains = new Chains(parts.roots);
  }

  /** Throws ValidationException with one text, whatever is wrong: who sends a document that is not good learns no more. */
  verify(bytes: Buffer, now: Date): Attestation {
    const { roots, onRefused } = this.parts;
    if (roots.length === 0) {
      throw refusedMember(
        'UnsupportedOperationException',
        'Recipient',
        'Recipient is not supported: CLAVIGER_ATTESTATION_ROOTS_FILE is not set.',
      );
    }
    try {
      return verified(bytes, this.chains, now);
    } catch (thrown) {
      // What a library throws at bytes that it did not expect is the document's fault too.
      const fault =
        thrown instanceof AttestationFault
          ? thrown
          : new AttestationFault('the document cannot be read', { cause: thrown });
      onRefused(fault);
      const message = 'The attestation document is not valid.';
      const at = atMember('Recipient/AttestationDocument', message);
      throw new KmsError('ValidationException', message, { ...at, cause: fault });
    }
  }
}

function verified(bytes: Buffer, chains: Chains, now: Date): Attestation {
  const signed = readSign1(bytes);
  const document = readDocument(signed.payload);
  const age = now.getTime() - document.createdAt.getTime();
  if (age > maxAgeMs) throw new AttestationFault('the document is older than five minutes');
  if (age < -maxAheadMs) throw new AttestationFault('the document is of the future');
  signed.verify(chains.keyOf(document, now));
  // Last: OpenSSL parses it and works with it, which nobody asks of us whose document is not signed for us.
  const publicKey = readRecipientKey(document.publicKey);
  return { publicKey, conditions: conditionsOf(document), recorded: recordedOf(document) };
}

interface Words {
  readonly condition: string;
  /** The register that has a name of its own beside its number. */
  readonly image?: {
    readonly index: number;
    readonly condition: string;
    readonly recorded: string;
  };
  readonly recorded: string;
  readonly recordedIndexes: readonly number[];
}

/** Developer Guide, "Condition keys for attested platforms" and "Monitoring attested requests". */
const words: Readonly<Record<Attester, Words>> = {
  enclave: {
    condition: 'kms:RecipientAttestation:PCR',
    image: {
      index: 0,
      condition: 'kms:RecipientAttestation:ImageSha384',
      recorded: 'attestationDocumentEnclaveImageDigest',
    },
    recorded: 'attestationDocumentEnclavePCR',
    recordedIndexes: [1, 2, 3, 4, 8],
  },
  'nitro-tpm': {
    condition: 'kms:RecipientAttestation:NitroTPMPCR',
    recorded: 'attestationDocumentNitroTPMPCR',
    recordedIndexes: [4, 7, 8, 9, 16, 23],
  },
};

function conditionsOf({ attester, pcrs }: AttestationDocument): Conditions {
  const { condition, image } = words[attester];
  return {
    ...Object.fromEntries([...pcrs].map(([index, pcr]) => [`${condition}${index}`, pcr])),
    ...(image && { [image.condition]: pcrs.get(image.index) }),
  };
}

function recordedOf(document: AttestationDocument): Readonly<Record<string, string>> {
  const { attester, moduleId, pcrs } = document;
  const { image, recorded, recordedIndexes } = words[attester];
  const named = image === undefined ? [] : [[image.recorded, image.index] as const];
  const numbered = recordedIndexes.map((index) => [`${recorded}${index}`, index] as const);
  const registers = [...named, ...numbered].flatMap(([name, index]): [string, string][] => {
    const pcr = pcrs.get(index);
    return pcr === undefined ? [] : [[name, pcr]];
  });
  return { attestationDocumentModuleId: moduleId, ...Object.fromEntries(registers) };
}
