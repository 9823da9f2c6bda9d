import { createHash, randomBytes } from 'node:crypto';
import { ProxySigner } from '../../../src/xks-client/signer';

export const operationNames = ['Encrypt', 'Encrypt CDIV', 'Decrypt'] as const;
export type OperationName = (typeof operationNames)[number];

/** Where a store is, and who signs for it. */
export interface StoreAddress {
  readonly port: number;
  /** PEM of the authority of the proxy's certificate. */
  readonly ca: string;
  readonly prefix: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secret: string;
}

/** A thing to encrypt under a key: no two are alike. */
export interface Item {
  readonly externalKeyId: string;
  readonly plaintext: Buffer;
  readonly aad: Buffer;
}

/** The members of the answers, in base64. */
export interface Answer {
  readonly plaintext?: string;
  readonly ciphertext?: string;
  readonly initializationVector?: string;
  readonly authenticationTag?: string;
  readonly ciphertextMetadata?: string;
  readonly ciphertextDataIntegrityValue?: string;
}

/** What AWS KMS makes of a data key of 32 bytes before it asks us, and about as much AAD as it sends. */
const bytesOf = { plaintext: 60, aad: 128 } as const;

const requestMetadata = {
  awsPrincipalArn: 'arn:aws:iam::123456789012:role/service-role/payments-api',
  kmsKeyArn: 'arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab',
  kmsViaService: 's3.us-east-1.amazonaws.com',
};

function idOfKey(index: number): string {
  return `key-${index}`;
}

/** So many items, under so many keys in turn. */
export function makeItems(count: number, keys: number): Item[] {
  return Array.from({ length: count }, (_, index) => ({
    externalKeyId: idOfKey(index % keys),
    plaintext: randomBytes(bytesOf.plaintext),
    aad: randomBytes(bytesOf.aad),
  }));
}

/** Makes whole HTTP requests as AWS KMS sends them, signed now: they are accepted for five minutes. */
export class RequestMaker {
  readonly #signer: ProxySigner;
  readonly #prefix: string;

  constructor({ port, prefix, region, accessKeyId, secret }: StoreAddress) {
    const now = Date.now();
    this.#prefix = prefix;
    this.#signer = new ProxySigner({
      ...{ accessKeyId, region, host: `127.0.0.1:${port}` },
      secret: () => Promise.resolve(Buffer.from(secret)),
      now: () => now,
    });
  }

  encrypt({ externalKeyId, plaintext, aad }: Item, cdiv: boolean): Promise<Buffer> {
    return this.#request(externalKeyId, 'encrypt', {
      requestMetadata: { ...requestMetadata, ...this.#of('Encrypt') },
      plaintext: plaintext.toString('base64'),
      encryptionAlgorithm: 'AES_GCM',
      additionalAuthenticatedData: aad.toString('base64'),
      ...(cdiv && { ciphertextDataIntegrityValueAlgorithm: 'SHA_256' }),
    });
  }

  decrypt({ externalKeyId, aad }: Item, sealed: Answer): Promise<Buffer> {
    return this.#request(externalKeyId, 'decrypt', {
      requestMetadata: { ...requestMetadata, ...this.#of('Decrypt') },
      ciphertext: sealed.ciphertext,
      encryptionAlgorithm: 'AES_GCM',
      initializationVector: sealed.initializationVector,
      authenticationTag: sealed.authenticationTag,
      ciphertextMetadata: sealed.ciphertextMetadata,
      additionalAuthenticatedData: aad.toString('base64'),
    });
  }

  #of(kmsOperation: string): { readonly kmsOperation: string; readonly kmsRequestId: string } {
    return { kmsOperation, kmsRequestId: randomBytes(16).toString('hex') };
  }

  async #request(externalKeyId: string, operation: string, input: object): Promise<Buffer> {
    const path = `${this.#prefix}/kms/xks/v1/keys/${externalKeyId}/${operation}`;
    const body = Buffer.from(JSON.stringify(input));
    const signed = await this.#signer.sign(path, body);
    const headers = {
      ...signed,
      'content-type': 'application/json',
      'content-length': String(body.length),
    };
    const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    return Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\n${head.join('')}\r\n`), body]);
  }
}

/** Of an encryption's answer: the hash of all that decrypts it again. */
export function integrityValue({ aad }: Item, sealed: Answer): string {
  const { ciphertextMetadata, initializationVector, ciphertext, authenticationTag } = sealed;
  const hash = createHash('sha256').update(aad);
  for (const part of [ciphertextMetadata, initializationVector, ciphertext, authenticationTag]) {
    hash.update(Buffer.from(part ?? '', 'base64'));
  }
  return hash.digest('base64');
}
