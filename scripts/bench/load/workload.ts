import { randomBytes } from 'node:crypto';
import type { RequestMaker } from './doors';

export const operationNames = ['Encrypt', 'Decrypt', 'GenerateDataKey'] as const;
/** What a daemon and its yardstick are compared at. */
export type OperationName = (typeof operationNames)[number];

export const keyUseNames = [
  'Sign RSA_2048',
  'Sign RSA_4096',
  'Sign ECC_NIST_P256',
  'GenerateMac HMAC_256',
] as const;
/** What a daemon and its token are compared at. */
export type KeyUseName = (typeof keyUseNames)[number];

/** Data key pairs that take long to make. */
export type PairSpec = 'RSA_4096' | 'RSA_2048';

export type WorkloadName = OperationName | KeyUseName | `GenerateDataKeyPair ${PairSpec}`;

/** One thing to encrypt: no two are alike. */
export interface Item {
  readonly plaintext: string;
  readonly context: Readonly<Record<string, string>>;
  /** Once it was encrypted. */
  readonly ciphertext?: string;
}

/** The members of all answers, in base64 but for those that say yes or no. */
interface Answer {
  readonly Plaintext?: string;
  readonly CiphertextBlob?: string;
  readonly Signature?: string;
  readonly SignatureValid?: boolean;
  readonly Mac?: string;
  readonly MacValid?: boolean;
  readonly PrivateKeyPlaintext?: string;
  readonly PrivateKeyCiphertextBlob?: string;
}

/** A request whose answer says whether another answer was true. */
export interface Proof {
  readonly operation: string;
  readonly input: object;
  readonly proves: (answer: Answer) => boolean;
}

interface Workload {
  /** AWS KMS's name of it. */
  readonly operation: string;
  readonly input: (item: Item, keyId: string) => object;
  /** How an answer is proved; undefined of one that is not what was asked for. */
  readonly proof: (asked: Asked, answer: Answer) => Proof | undefined;
}

export interface Asked {
  readonly item: Item;
  readonly keyId: string;
}

/** AES-256's key length, the usual payload of envelope encryption. */
const plaintextBytes = 32;

/** By decrypting it. */
function decrypts(
  { item: { context }, keyId }: Asked,
  { plaintext, ciphertext }: Readonly<Record<'plaintext' | 'ciphertext', string | undefined>>,
): Proof | undefined {
  if (plaintext === undefined || ciphertext === undefined) return undefined;
  return {
    operation: 'Decrypt',
    input: { KeyId: keyId, CiphertextBlob: ciphertext, EncryptionContext: context },
    proves: ({ Plaintext }) => Plaintext === plaintext,
  };
}

/** `algorithm` of a key of this spec, over 32 bytes, verified by the daemon again. */
function signing(algorithm: string): Workload {
  const input = ({ plaintext }: Item, keyId: string): object => ({
    KeyId: keyId,
    Message: plaintext,
    SigningAlgorithm: algorithm,
  });
  return {
    ...{ operation: 'Sign', input },
    proof: ({ item, keyId }, { Signature }) =>
      Signature === undefined
        ? undefined
        : {
            operation: 'Verify',
            input: { ...input(item, keyId), Signature },
            proves: ({ SignatureValid }) => SignatureValid === true,
          },
  };
}

function pairs(spec: PairSpec): Workload {
  return {
    operation: 'GenerateDataKeyPair',
    input: ({ context }, keyId) => ({
      KeyId: keyId,
      KeyPairSpec: spec,
      EncryptionContext: context,
    }),
    proof: (asked, { PrivateKeyPlaintext: plaintext, PrivateKeyCiphertextBlob: ciphertext }) =>
      decrypts(asked, { plaintext, ciphertext }),
  };
}

const macInput = ({ plaintext }: Item, keyId: string): object => ({
  KeyId: keyId,
  Message: plaintext,
  MacAlgorithm: 'HMAC_SHA_256',
});

export const workloads: Readonly<Record<WorkloadName, Workload>> = {
  Encrypt: {
    operation: 'Encrypt',
    input: ({ plaintext, context }, keyId) => ({
      KeyId: keyId,
      Plaintext: plaintext,
      EncryptionContext: context,
    }),
    proof: (asked, { CiphertextBlob: ciphertext }) =>
      decrypts(asked, { plaintext: asked.item.plaintext, ciphertext }),
  },
  Decrypt: {
    operation: 'Decrypt',
    input: ({ ciphertext, context }, keyId) => ({
      KeyId: keyId,
      CiphertextBlob: ciphertext,
      EncryptionContext: context,
    }),
    proof: (asked, { Plaintext }) => {
      const { plaintext, ciphertext } = asked.item;
      return Plaintext === plaintext ? decrypts(asked, { plaintext, ciphertext }) : undefined;
    },
  },
  GenerateDataKey: {
    operation: 'GenerateDataKey',
    input: ({ context }, keyId) => ({
      KeyId: keyId,
      KeySpec: 'AES_256',
      EncryptionContext: context,
    }),
    proof: (asked, { Plaintext: plaintext, CiphertextBlob: ciphertext }) =>
      decrypts(asked, { plaintext, ciphertext }),
  },
  'GenerateDataKeyPair RSA_4096': pairs('RSA_4096'),
  'GenerateDataKeyPair RSA_2048': pairs('RSA_2048'),
  'Sign RSA_2048': signing('RSASSA_PSS_SHA_256'),
  'Sign RSA_4096': signing('RSASSA_PSS_SHA_256'),
  'Sign ECC_NIST_P256': signing('ECDSA_SHA_256'),
  'GenerateMac HMAC_256': {
    ...{ operation: 'GenerateMac', input: macInput },
    proof: ({ item, keyId }, { Mac }) =>
      Mac === undefined
        ? undefined
        : {
            operation: 'VerifyMac',
            input: { ...macInput(item, keyId), Mac },
            proves: ({ MacValid }) => MacValid === true,
          },
  },
};

export function makeItems(count: number): Item[] {
  return Array.from({ length: count }, (_, index) => ({
    plaintext: randomBytes(plaintextBytes).toString('base64'),
    context: { record: String(index) },
  }));
}

export function requestOf(
  name: WorkloadName,
  { item, keyId }: Asked,
  request: RequestMaker,
): Buffer {
  const { operation, input } = workloads[name];
  return request(operation, input(item, keyId));
}

export function readAnswer(body: Buffer): Answer {
  return JSON.parse(body.toString('utf8')) as Answer;
}
