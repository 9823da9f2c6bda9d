import { readFile } from 'node:fs/promises';
import { Problem, type ProblemCode } from './problems';
import type { DataKey } from './data-keys';
import type { EncryptionContext } from './sealing';

export interface ClavigerOptions {
  /** `http://127.0.0.1:4599` */
  readonly url: string;
  /** Of the API token. It is read for each request, so that another one can be put there at any time. */
  readonly tokenFile: string;
}

/** One data key to be wrapped anew. */
export interface Rewrapping {
  readonly wrapped: Buffer;
  readonly context: EncryptionContext;
}

/** What became of it; undefined: Claviger refused it. */
export type Rewrapped = Pick<DataKey, 'wrapped' | 'materialId'> | undefined;

/** What this service asks of Claviger, and nothing else of its REST API. Throws Problems. */
export class Claviger {
  readonly #options: ClavigerOptions;

  constructor(options: ClavigerOptions) {
    this.#options = options;
  }

  /** Makes a tenant's key and gives its id. The same `request` twice makes one key (for 24 hours). */
  async createKey(tenant: string, request: string): Promise<string> {
    const body = {
      Description: `Documents of ${tenant}`,
      // The policy of this service's user allows what it does on keys with this tag alone.
      Tags: [{ TagKey: 'service', TagValue: 'document-store' }],
    };
    const answer = await this.#call('POST', '/v1/keys', body, request);
    return (answer as { KeyMetadata: { KeyId: string } }).KeyMetadata.KeyId;
  }

  async currentMaterial(keyId: string): Promise<string> {
    const answer = await this.#call('GET', `/v1/keys/${keyId}`);
    return (answer as { KeyMetadata: { CurrentKeyMaterialId: string } }).KeyMetadata
      .CurrentKeyMaterialId;
  }

  async generateDataKey(keyId: string, context: EncryptionContext): Promise<DataKey> {
    const body = { KeySpec: 'AES_256', EncryptionContext: context };
    const answer = await this.#call('POST', `/v1/keys/${keyId}/generate-data-key`, body);
    const made = answer as { Plaintext: string; CiphertextBlob: string; KeyMaterialId: string };
    return {
      plaintext: Buffer.from(made.Plaintext, 'base64'),
      wrapped: Buffer.from(made.CiphertextBlob, 'base64'),
      materialId: made.KeyMaterialId,
    };
  }

  async decrypt(keyId: string, { wrapped, context }: Rewrapping): Promise<DataKey> {
    const body = { CiphertextBlob: wrapped.toString('base64'), EncryptionContext: context };
    const answer = await this.#call('POST', `/v1/keys/${keyId}/decrypt`, body);
    const opened = answer as { Plaintext: string; KeyMaterialId: string };
    const plaintext = Buffer.from(opened.Plaintext, 'base64');
    return { plaintext, wrapped, materialId: opened.KeyMaterialId };
  }

  /** Up to 100 at once, in order. The data keys do not leave Claviger. */
  async reEncrypt(keyId: string, keys: readonly Rewrapping[]): Promise<Rewrapped[]> {
    const Entries = keys.map(({ wrapped, context }) => ({
      CiphertextBlob: wrapped.toString('base64'),
      SourceKeyId: keyId,
      SourceEncryptionContext: context,
      DestinationEncryptionContext: context,
    }));
    const answer = await this.#call('POST', `/v1/keys/${keyId}/re-encrypt`, { Entries });
    const { Results } = answer as {
      Results: { Output?: { CiphertextBlob: string; DestinationKeyMaterialId: string } }[];
    };
    return Results.map(
      ({ Output }) =>
        Output && {
          wrapped: Buffer.from(Output.CiphertextBlob, 'base64'),
          materialId: Output.DestinationKeyMaterialId,
        },
    );
  }

  /** The key is of no use from now on, and is destroyed at the date that this gives. */
  async scheduleDeletion(keyId: string): Promise<Date> {
    const path = `/v1/keys/${keyId}?PendingWindowInDays=7`;
    const answer = await this.#call('DELETE', path);
    return new Date((answer as { DeletionDate: string }).DeletionDate);
  }

  async isReady(): Promise<boolean> {
    try {
      const signal = AbortSignal.timeout(2000);
      return (await fetch(`${this.#options.url}/readyz`, { signal })).ok;
    } catch {
      return false;
    }
  }

  async #call(
    method: string,
    path: string,
    body?: unknown,
    idempotencyKey?: string,
  ): Promise<unknown> {
    const { url, tokenFile } = this.#options;
    const token = (await readFile(tokenFile, 'utf8')).trim();
    let response: Response;
    try {
      response = await fetch(`${url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(5000),
      });
    } catch (cause) {
      throw new Problem('Unavailable', 'Claviger does not answer', { retryAfterSeconds: 2, cause });
    }
    if (response.ok) return response.json();
    throw await problemOf(response);
  }
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

async function problemOf(response: Response): Promise<Problem> {
  const { code = '' } = (await response.json().catch(() => ({}))) as { code?: string };
  const { status, headers } = response;
  const request = headers.get('x-amzn-requestid') ?? '';
  const cause = new Error(`Claviger answered ${status} ${code} to its request ${request}`);
  if (status === 429 || status >= 500) {
    const retryAfterSeconds = Number(headers.get('retry-after') ?? 2);
    return new Problem('Unavailable', 'Claviger cannot answer now', { retryAfterSeconds, cause });
  }
  const denied = status === 401 || status === 403;
  const [meaning, detail] = refusals[code] ?? [denied ? 'KeyDenied' : 'Internal', 'See the log'];
  return new Problem(meaning, detail, { cause });
}
