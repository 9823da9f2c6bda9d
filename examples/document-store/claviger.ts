import { readFile } from 'node:fs/promises';
import {
  ClavigerError,
  type ClavigerClient,
  createClavigerClient,
  fromBase64,
  toBase64,
} from '../../clients/typescript/src';
import type { DataKey } from './data-keys';
import { Problem, type ProblemCode } from './problems';
import type { EncryptionContext } from './sealing';

export interface ClavigerOptions {
  /** `http://127.0.0.1:4599` */
  readonly url: string;
  /** Of the API token. It is read for each request, so that another one can be put there at any time. */
  readonly tokenFile: string;
}

/** A data key as it is stored, and what it was made for. */
export interface WrappedKey {
  readonly wrapped: Buffer;
  readonly context: EncryptionContext;
}

/** What became of one: it is wrapped anew, Claviger wants to be asked again for it, or refused it. */
export type Rewrapped =
  Pick<DataKey, 'wrapped' | 'materialId'> | { readonly retryAfterSeconds: number } | undefined;

/** What this service asks of Claviger, and nothing else of its REST API. Throws ClavigerErrors. */
export class Claviger {
  readonly #url: string;
  readonly #client: ClavigerClient;

  constructor({ url, tokenFile }: ClavigerOptions) {
    this.#url = url;
    this.#client = createClavigerClient({
      baseUrl: url,
      token: async () => (await readFile(tokenFile, 'utf8')).trim(),
      // Somebody waits for us: what does not succeed soon is put off by 503 (see refusals below).
      timeoutMs: 3000,
      retries: { attempts: 3, maxWaitMs: 1000 },
    });
  }

  /** Makes a tenant's key and gives its id. The same `request` again makes no other key (for 24 hours). */
  async createKey(tenant: string, request: string): Promise<string> {
    const { data } = await this.#client.POST('/v1/keys', {
      headers: { 'Idempotency-Key': request },
      body: {
        Description: `Documents of ${tenant}`,
        // The policy of this service's user is about keys with this tag.
        Tags: [{ TagKey: 'service', TagValue: 'document-store' }],
      },
    });
    return data.KeyMetadata.KeyId;
  }

  /** Of the key material that encrypts now. */
  async currentMaterial(KeyId: string): Promise<string> {
    const { data } = await this.#client.GET('/v1/keys/{KeyId}', { params: { path: { KeyId } } });
    return there(data.KeyMetadata.CurrentKeyMaterialId);
  }

  async generateDataKey(KeyId: string, context: EncryptionContext): Promise<DataKey> {
    const { data } = await this.#client.POST('/v1/keys/{KeyId}/generate-data-key', {
      params: { path: { KeyId } },
      body: { KeySpec: 'AES_256', EncryptionContext: context },
    });
    return {
      plaintext: bytes(data.Plaintext),
      wrapped: bytes(data.CiphertextBlob),
      materialId: there(data.KeyMaterialId),
    };
  }

  async decrypt(KeyId: string, { wrapped, context }: WrappedKey): Promise<DataKey> {
    const { data } = await this.#client.POST('/v1/keys/{KeyId}/decrypt', {
      params: { path: { KeyId } },
      body: { CiphertextBlob: toBase64(wrapped), EncryptionContext: context },
    });
    const plaintext = bytes(data.Plaintext);
    return { plaintext, wrapped, materialId: there(data.KeyMaterialId) };
  }

  /** Up to 100 at once, in order. The data keys themselves stay in Claviger. */
  async reEncrypt(keyId: string, keys: readonly WrappedKey[]): Promise<Rewrapped[]> {
    const Entries = keys.map(({ wrapped, context }) => ({
      CiphertextBlob: toBase64(wrapped),
      SourceKeyId: keyId,
      SourceEncryptionContext: context,
      DestinationEncryptionContext: context,
    }));
    const { data } = await this.#client.POST('/v1/keys/{DestinationKeyId}/re-encrypt', {
      params: { path: { DestinationKeyId: keyId } },
      body: { Entries },
    });
    // A list is answered by a list.
    return there('Results' in data ? data.Results : undefined).map((result) => {
      if (!('Output' in result)) {
        const { retryAfterSeconds } = result.Problem;
        return retryAfterSeconds === undefined ? undefined : { retryAfterSeconds };
      }
      const { CiphertextBlob, DestinationKeyMaterialId } = result.Output;
      return { wrapped: bytes(CiphertextBlob), materialId: there(DestinationKeyMaterialId) };
    });
  }

  /** The key is of no use from now on, and is destroyed at the date that this gives: seven days are the least. */
  async scheduleDeletion(KeyId: string): Promise<Date> {
    const path = { KeyId };
    try {
      const query = { PendingWindowInDays: 7 };
      const { data } = await this.#client.DELETE('/v1/keys/{KeyId}', { params: { path, query } });
      return new Date(there(data.DeletionDate));
    } catch (error) {
      if (!(error instanceof ClavigerError) || error.code !== 'KMSInvalidStateException')
        throw error;
      // It is scheduled: the answer was lost, or an administrator did it.
      const { data } = await this.#client.GET('/v1/keys/{KeyId}', { params: { path } });
      return new Date(there(data.KeyMetadata.DeletionDate));
    }
  }

  async isReady(): Promise<boolean> {
    const signal = AbortSignal.timeout(2000);
    return fetch(`${this.#url}/readyz`, { signal }).then(
      ({ ok }) => ok,
      () => false,
    );
  }
}

/** A member that Claviger's answers have where the type says that they may. */
function there<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('Claviger answered without what was asked for');
  return value;
}

/** Over the same memory, so that to wipe it is to wipe all. */
function bytes(base64: string | undefined): Buffer {
  const { buffer, byteOffset, byteLength } = fromBase64(there(base64));
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** What a refusal of Claviger means for whoever asked us. */
const refusals: Readonly<Record<string, readonly [ProblemCode, string]>> = {
  DisabledException: ['KeyDisabled', 'Its documents can be read once the key is enabled again'],
  // Somebody scheduled the deletion of the key in Claviger, or it is gone.
  KMSInvalidStateException: ['TenantShredded', 'Its key is not to be used any more'],
  NotFoundException: ['TenantShredded', 'Its key is not to be used any more'],
  // A data key of another document or tenant, or one that was changed: Claviger says no more, nor do we.
  InvalidCiphertextException: ['Damaged', 'It is not what was stored'],
  IncorrectKeyException: ['Damaged', 'It is not what was stored'],
};

/** What a ClavigerError is to our callers. */
export function clavigerProblem(error: ClavigerError): Problem {
  const { status, code, detail, requestId, retryAfterSeconds = 2 } = error;
  // By the id of its request the audit record of Claviger is found.
  const cause = new Error(`Claviger: ${code} (request ${requestId ?? 'unanswered'}): ${detail}`);
  // 429, 503 and no answer at all, after the client has tried again.
  if (status === undefined || status === 429 || status >= 500) {
    return new Problem('Unavailable', 'Claviger cannot answer now', { retryAfterSeconds, cause });
  }
  const denied = status === 401 || status === 403;
  const [meaning, told] = refusals[code] ?? [denied ? 'KeyDenied' : 'Internal', 'See the log'];
  return new Problem(meaning, told, { cause });
}
