import { randomBytes } from 'node:crypto';
import type { Signer } from './signer';

export const operationNames = ['Encrypt', 'Decrypt', 'GenerateDataKey'] as const;
export type OperationName = (typeof operationNames)[number];

/** One thing to encrypt: no two are alike. */
export interface Item {
  readonly plaintext: string;
  readonly context: Readonly<Record<string, string>>;
  /** Once it was encrypted. */
  readonly ciphertext?: string;
}

/** A plaintext and the ciphertext that is said to hold it, both in base64. */
export interface Pair {
  readonly plaintext: string | undefined;
  readonly ciphertext: string | undefined;
}

interface Answer {
  readonly Plaintext?: string;
  readonly CiphertextBlob?: string;
}

interface Workload {
  readonly input: (item: Item, keyId: string) => object;
  /** What an answer claims, to be proved by decrypting it. */
  readonly claim: (item: Item, answer: Answer) => Pair;
}

/** AES-256's key length, the usual payload of envelope encryption. */
const plaintextBytes = 32;

export const workloads: Readonly<Record<OperationName, Workload>> = {
  Encrypt: {
    input: ({ plaintext, context }, keyId) => ({
      KeyId: keyId,
      Plaintext: plaintext,
      EncryptionContext: context,
    }),
    claim: ({ plaintext }, { CiphertextBlob }) => ({ plaintext, ciphertext: CiphertextBlob }),
  },
  Decrypt: {
    input: ({ ciphertext, context }, keyId) => ({
      KeyId: keyId,
      CiphertextBlob: ciphertext,
      EncryptionContext: context,
    }),
    claim: ({ plaintext, ciphertext }, { Plaintext }) => ({
      plaintext: Plaintext === plaintext ? plaintext : undefined,
      ciphertext,
    }),
  },
  GenerateDataKey: {
    input: ({ context }, keyId) => ({
      KeyId: keyId,
      KeySpec: 'AES_256',
      EncryptionContext: context,
    }),
    claim: (_, { Plaintext, CiphertextBlob }) => ({
      plaintext: Plaintext,
      ciphertext: CiphertextBlob,
    }),
  },
};

export function makeItems(count: number): Item[] {
  return Array.from({ length: count }, (_, index) => ({
    plaintext: randomBytes(plaintextBytes).toString('base64'),
    context: { record: String(index) },
  }));
}

export function requestOf(
  operation: OperationName,
  item: Item,
  { signer, keyId }: { readonly signer: Signer; readonly keyId: string },
): Buffer {
  return signer.request(operation, workloads[operation].input(item, keyId));
}

export function readAnswer(body: Buffer): Answer {
  return JSON.parse(body.toString('utf8')) as Answer;
}
