import { ClavigerError } from '../../clients/typescript/src';
import { type Claviger, type Rewrapped, type WrappedKey, clavigerProblem } from './claviger';
import { type DataKey, DataKeys } from './data-keys';
import { Problem, type ProblemCode } from './problems';
import type { KeyScope, Rows, Tenant } from './rows';
import { type EncryptionContext, NotAuthentic, open, seal } from './sealing';

export interface DataKeyLimits {
  /** Documents that are encrypted under one data key. */
  readonly uses: number;
  readonly ageMs: number;
  /** Data keys in memory, of each kind. */
  readonly entries: number;
  /** What a new data key is for. */
  readonly scope: KeyScope;
}

export interface RewrapPage {
  readonly rewrapped: number;
  /** Claviger refused them: they are as they were. */
  readonly failed: number;
  /** Where the next page begins; null after the last one. */
  readonly next: string | null;
}

/** What Claviger takes in one list. */
const pageSize = 100;

/** Documents that are encrypted here, under data keys that Claviger wraps under a key for each tenant. */
export class Documents {
  readonly #claviger: Claviger;
  readonly #rows: Rows;
  readonly #scope: KeyScope;
  readonly #toEncrypt: DataKeys;
  readonly #toDecrypt: DataKeys;

  constructor(claviger: Claviger, rows: Rows, { scope, ...limits }: DataKeyLimits) {
    this.#claviger = claviger;
    this.#rows = rows;
    this.#scope = scope;
    this.#toEncrypt = new DataKeys(limits);
    // To open documents with it wears no key out.
    this.#toDecrypt = new DataKeys({ ...limits, uses: Infinity });
  }

  async put(tenant: string, document: string, plaintext: Buffer): Promise<void> {
    const keyId = await this.#keyOf(tenant);
    const keyFor = this.#scope;
    const context = keyContext(keyFor, tenant, document);
    const row = await this.#using(tenant, () =>
      this.#toEncrypt.use(
        { tenant, words: Object.values(context) },
        () => this.#claviger.generateDataKey(keyId, context),
        ({ plaintext: key, wrapped, materialId }) => {
          const sealed = seal(key, plaintext, documentContext(tenant, document));
          return { sealed, wrapped, materialId, keyFor };
        },
      ),
    );
    if (!(await this.#rows.put(tenant, document, row))) throw shredded();
  }

  async get(tenant: string, document: string): Promise<Buffer> {
    // Asked before any key that is in memory: what was shredded by another process of this service is not read here.
    const keyId = await this.#keyOf(tenant);
    const row = await this.#rows.get(tenant, document);
    if (row === undefined) throw new Problem('NotFound', 'The tenant has no document of that name');
    const context = keyContext(row.keyFor, tenant, document);
    const wrapped = { wrapped: row.wrapped, context };
    return this.#using(tenant, () =>
      this.#toDecrypt.use(
        { tenant, words: [row.wrapped.toString('base64'), ...Object.values(context)] },
        () => this.#claviger.decrypt(keyId, wrapped),
        (key) => opened(key, row.sealed, documentContext(tenant, document)),
      ),
    );
  }

  async remove(tenant: string, document: string): Promise<void> {
    await this.#keyOf(tenant);
    await this.#rows.remove(tenant, document);
  }

  /** Gives the id of its key. Repeated after a failure, it goes on where it was. */
  async createTenant(tenant: string): Promise<string> {
    await this.#rows.addTenant(tenant);
    const { requestId, keyId: old, shreddedAt } = await this.#tenant(tenant);
    if (shreddedAt !== null) throw shredded();
    if (old !== null) throw new Problem('TenantExists', 'There is a tenant of that name');
    const keyId = await this.#claviger.createKey(tenant, requestId);
    await this.#rows.setKey(tenant, keyId);
    return keyId;
  }

  /**
   * Wraps a page of data keys anew under the current key material. Documents stay as they are, and can be read and written
   * meanwhile. What is done is done: to start again from the beginning finds what is left, and so does the same request after
   * an Unavailable.
   */
  async rewrap(tenant: string, after: string): Promise<RewrapPage> {
    const keyId = await this.#keyOf(tenant);
    const materialId = await this.#claviger.currentMaterial(keyId);
    this.#toEncrypt.forget(tenant);
    const keys = await this.#rows.keysNotUnder(materialId, {
      ...{ tenant, after: Buffer.from(after, 'base64url'), limit: pageSize },
    });
    const entries = keys.map(({ wrapped, keyFor, document }): WrappedKey => {
      return { wrapped, context: keyContext(keyFor, tenant, document) };
    });
    const results = keys.length === 0 ? [] : await this.#claviger.reEncrypt(keyId, entries);
    const replacements = keys.flatMap(({ wrapped: old }, index) => {
      const made = results[index];
      return made !== undefined && 'wrapped' in made ? [{ old, ...made }] : [];
    });
    await this.#rows.replaceKeys(tenant, replacements);
    requireNonePutOff(results);
    const rewrapped = replacements.length;
    const last = keys.length < pageSize ? undefined : keys.at(-1);
    const next = last?.wrapped.toString('base64url') ?? null;
    return { rewrapped, failed: keys.length - rewrapped, next };
  }

  /**
   * Crypto-shredding: without the tenant's key, its documents cannot be read, in backups of the database either. They are
   * gone for this service at once, and repeated after a failure this goes on with what is left to do.
   */
  async shred(tenant: string): Promise<Date | null> {
    const row = await this.#rows.shred(tenant);
    if (row === undefined) throw noTenant();
    this.#forget(tenant);
    if (row.keyId === null || row.keyDeletionDate !== null) return row.keyDeletionDate;
    const date = await this.#claviger.scheduleDeletion(row.keyId);
    // What a request that came before this one got meanwhile was the last that Claviger gave.
    this.#forget(tenant);
    await this.#rows.setKeyDeletion(tenant, date);
    return date;
  }

  /** Every key in memory is wiped. */
  close(): void {
    this.#toEncrypt.forget();
    this.#toDecrypt.forget();
  }

  async #tenant(tenant: string): Promise<Tenant> {
    const row = await this.#rows.tenant(tenant);
    if (row === undefined) throw noTenant();
    return row;
  }

  async #keyOf(tenant: string): Promise<string> {
    const { keyId, shreddedAt } = await this.#tenant(tenant);
    if (shreddedAt !== null) {
      this.#forget(tenant);
      throw shredded();
    }
    if (keyId === null) throw noTenant();
    return keyId;
  }

  /** Where Claviger lets nobody use the tenant's key any more, the data keys that it wrapped go too. */
  async #using<T>(tenant: string, use: () => Promise<T>): Promise<T> {
    try {
      return await use();
    } catch (error) {
      const lost = error instanceof ClavigerError && keyIsLost.has(clavigerProblem(error).code);
      if (lost) this.#forget(tenant);
      throw error;
    }
  }

  #forget(tenant: string): void {
    this.#toEncrypt.forget(tenant);
    this.#toDecrypt.forget(tenant);
  }
}

const keyIsLost: ReadonlySet<ProblemCode> = new Set(['KeyDisabled', 'KeyDenied', 'TenantShredded']);

/** What a document is sealed for. */
function documentContext(tenant: string, document: string): EncryptionContext {
  return { tenant, document };
}

/** What Claviger is told of a data key: the document, or the tenant alone, where documents share data keys. */
function keyContext(keyFor: KeyScope, tenant: string, document: string): EncryptionContext {
  return keyFor === 'document' ? documentContext(tenant, document) : { tenant };
}

function opened({ plaintext: key }: DataKey, sealed: Buffer, context: EncryptionContext): Buffer {
  try {
    return open(key, sealed, context);
  } catch (error) {
    if (!(error instanceof NotAuthentic)) throw error;
    throw new Problem('Damaged', 'It is not what was stored', { cause: error });
  }
}

const noTenant = (): Problem => new Problem('NotFound', 'There is no tenant of that name');
const shredded = (): Problem => new Problem('TenantShredded', 'Its documents cannot be read');

/** Throws Unavailable where Claviger has put off a part: until when it wants to be asked for the last of it. */
function requireNonePutOff(results: readonly Rewrapped[]): void {
  const waits = results.flatMap((result) =>
    result !== undefined && 'retryAfterSeconds' in result ? [result.retryAfterSeconds] : [],
  );
  if (waits.length === 0) return;
  const retryAfterSeconds = Math.max(...waits);
  throw new Problem('Unavailable', 'Claviger has put off a part of the page', {
    retryAfterSeconds,
  });
}
